"""The waterfall's rows."""

from hypothesis import given
from hypothesis import strategies as st

from tailsampler.testing.spans import EPOCH_NS, span_id_of
from tailsampler.traces.model import Span
from tailsampler.traces.tree import Node, Tree, grow
from tests.traces.spans import made, trace_of


def tree(*spans: Span) -> Tree:
    return grow(trace_of(spans))


def rows(found: Tree) -> list[tuple[str, int]]:
    return [(node.span.name, node.depth) for node in found]


def row(found: Tree, span_id: int) -> Node:
    return found[found.row_of[span_id_of(span_id)]]


def test_children_stand_below_their_parent_by_start() -> None:
    """Reading downwards follows the request, whatever order the spans came in."""
    found = tree(
        made(1),
        made(4, 2, start_ms=4),
        made(3, 1, start_ms=2),
        made(2, 1, start_ms=3),
        made(5, 3, start_ms=9),
    )
    assert rows(found) == [
        ("span 1", 0),
        ("span 3", 1),
        ("span 5", 2),
        ("span 2", 1),
        ("span 4", 2),
    ]
    assert [node.below for node in found] == [4, 1, 0, 1, 0]
    assert [node.children for node in found] == [2, 1, 0, 1, 0]
    assert found.path(found.row_of[span_id_of(4)]) == [0, 3]
    assert found.depth == 3


def test_a_span_without_its_parent_is_an_orphan_at_the_top() -> None:
    """What is missing is said, and nothing below it is lost."""
    found = tree(made(1), made(2, 99, start_ms=1), made(3, 2, start_ms=2))
    assert rows(found) == [("span 1", 0), ("span 2", 0), ("span 3", 1)]
    assert [node.orphan for node in found] == [False, True, False]


def test_a_ring_is_cut_at_its_earliest_span() -> None:
    """Parents that lead back to themselves show every span once, and the cut is marked."""
    found = tree(made(1, 3, start_ms=1), made(2, 1, start_ms=2), made(3, 2, start_ms=3), made(4, 4))
    assert rows(found) == [("span 4", 0), ("span 1", 0), ("span 2", 1), ("span 3", 2)]
    assert [node.ring for node in found] == [True, True, False, False]


def test_a_ring_is_cut_at_its_earliest_span_wherever_it_is_entered() -> None:
    """A span that hangs on the ring and starts before it does not choose the cut."""
    found = tree(made(5, 3), made(1, 3, start_ms=1), made(2, 1, start_ms=2), made(3, 2, start_ms=3))
    assert [(node.span.name, node.ring) for node in found if node.depth == 0] == [("span 1", True)]
    assert rows(found)[-1] == ("span 5", 3)


def test_of_spans_with_one_id_the_first_has_the_children() -> None:
    """A shared id does not hide a span, and it does not double the ones below it."""
    found = tree(made(1), made(1, start_ms=1, name="again"), made(2, 1, start_ms=2))
    assert rows(found) == [("span 1", 0), ("span 2", 1), ("again", 0)]
    assert [node.duplicate for node in found] == [False, False, True]


def test_places_are_fractions_of_the_trace() -> None:
    """A bar stands where its span lies between the first start and the last end."""
    found = tree(made(1, duration_ms=100), made(2, 1, start_ms=25, duration_ms=50))
    assert (row(found, 1).offset, row(found, 1).width) == (0.0, 1.0)
    assert (row(found, 2).offset, row(found, 2).width) == (0.25, 0.5)
    assert (found.start_ns, found.duration_ns) == (EPOCH_NS, 100_000_000)


def test_self_time_counts_overlapping_children_once() -> None:
    """Time is a span's own where no child covers it, and a child outside covers nothing."""
    found = tree(
        made(1, duration_ms=100),
        made(2, 1, start_ms=10, duration_ms=30),
        made(3, 1, start_ms=20, duration_ms=30),
        made(4, 1, start_ms=90, duration_ms=30),
        made(5, 1, start_ms=-10, duration_ms=5),
    )
    assert row(found, 1).self_ns == 50_000_000


def test_a_child_outside_its_parent_says_by_how_much() -> None:
    """Both overhangs are known, and a child inside has none."""
    found = tree(
        made(1, start_ms=10, duration_ms=10),
        made(2, 1, start_ms=7, duration_ms=20),
        made(3, 1, start_ms=11, duration_ms=1),
    )
    outside = row(found, 2)
    assert (outside.before_parent_ns, outside.after_parent_ns) == (3_000_000, 7_000_000)
    assert (row(found, 3).before_parent_ns, row(found, 3).after_parent_ns) == (0, 0)


def test_a_span_without_a_start_does_not_stretch_the_axis() -> None:
    """One unset time must not press all other bars against the edge, back to 1970."""
    found = tree(made(1, duration_ms=100), made(2, 1, start_ns=0, end_ns=0))
    assert found.duration_ns == 100_000_000
    assert row(found, 2).untimed
    assert (row(found, 2).offset, row(found, 2).width) == (0.0, 0.0)


def test_a_span_that_ends_before_it_starts_has_no_width() -> None:
    """Times that lie stay on the axis."""
    found = tree(made(1, duration_ms=100), made(2, 1, start_ms=50, duration_ms=-20))
    assert (row(found, 2).offset, row(found, 2).width) == (0.5, 0.0)
    assert row(found, 2).after_parent_ns == 0


def test_a_trace_of_no_length_has_places() -> None:
    """Nothing is divided by zero."""
    assert [(node.offset, node.width) for node in tree(made(1, duration_ms=0))] == [(0, 0)]
    assert list(tree()) == []
    assert tree().depth == 0


def test_a_chain_of_100_000_spans_has_its_rows() -> None:
    """Depth is bounded by memory alone, not by the stack."""
    count = 100_000
    found = tree(*(made(at, at - 1 if at > 1 else None) for at in range(1, count + 1)))
    assert found.depth == count
    assert found[0].below == count - 1


@given(
    st.lists(
        st.tuples(st.integers(1, 9), st.none() | st.integers(1, 12), st.integers(0, 9)), max_size=14
    )
)
def test_every_span_has_one_row_whatever_parents_say(
    given_: list[tuple[int, int | None, int]],
) -> None:
    """Every span stands once, directly below the span above it that it names, or says why not."""
    spans = [made(own, parent, start_ms=start) for own, parent, start in given_]
    found = tree(*spans)
    assert sorted(map(id, spans)) == sorted(id(node.span) for node in found)
    for at, node in enumerate(found):
        subtree = found[at + 1 : at + 1 + node.below]
        assert all(below.depth > node.depth for below in subtree)
        assert sum(below.depth == node.depth + 1 for below in subtree) == node.children
        if node.parent is None:
            assert node.depth == 0
            assert not node.span.parent_id or node.orphan or node.ring
        else:
            above = found[node.parent]
            assert above.span.span_id == node.span.parent_id
            assert above.depth == node.depth - 1
            assert node.parent < at <= node.parent + above.below
