"""The ledger as ribbons."""

import itertools
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailsampler.admin.pages.picture import ExporterLine, Loss, Picture, PolicyLine
from tailsampler.admin.pages.sankey import WIDTH, Drawing, Node, draw
from tailsampler.telemetry.history import Look, Window
from tailsampler.telemetry.ledger import Ledger
from tests.telemetry.fakes import ledger

LOOK = Look(at_s=0, wall_ns=0, ledger=Ledger.of(ledger()), stats={}, counters={})


def policy(name: str, kept: float, dropped: float) -> PolicyLine:
    return PolicyLine(
        name=name,
        conditions=(),
        sample_rate=0.1,
        judged=0,
        kept=0,
        dropped=0,
        per_s=0,
        spans_kept=kept,
        spans_dropped=dropped,
    )


def exporter(name: str, flow: float) -> ExporterLine:
    return ExporterLine(
        name=name,
        exported=0,
        per_s=0,
        flow=flow,
        outbox=0,
        lost=0,
        healthy=True,
        error="",
        pause_s=0,
    )


def shown(policies: list[PolicyLine], **changes: Any) -> Picture:
    kept = sum(one.spans_kept for one in policies)
    dropped = sum(one.spans_dropped for one in policies)
    known: dict[str, Any] = {
        "look": LOOK,
        "window": Window(60, {}),
        "by_minute": True,
        "policies": policies,
        "exporters": [exporter("tempo", kept)],
        "losses": [],
        "late_kept": 0.0,
        "late_dropped": 0.0,
        "received": kept + dropped,
        "kept": kept,
        "dropped": dropped,
        "refused": 0.0,
        "rejected": 0.0,
    }
    return Picture(**{**known, **changes})


def node(drawing: Drawing, label: str) -> Node:
    return next(one for one in drawing.nodes if one.label == label)


amounts = st.floats(0, 1e12) | st.just(0.0)
policies = st.lists(st.builds(policy, st.text(max_size=5), amounts, amounts), max_size=30)


@given(policies)
def test_everything_lies_inside_and_nothing_overlaps(found: list[PolicyLine]) -> None:
    """Whatever the amounts: from nothing at all to a billion beside one."""
    drawing = draw(shown(found))
    columns: dict[int, list[Node]] = {}
    for one in drawing.nodes:
        columns.setdefault(one.column, []).append(one)
        assert 0 <= one.x < WIDTH
        assert -0.01 <= one.y <= one.y + one.height <= drawing.height + 0.01
    for column in columns.values():
        for upper, lower in itertools.pairwise(column):
            assert lower.y - upper.y - upper.height >= 9.99
    numbers = re.findall(r"-?[\d.]+|nan|inf", " ".join(one.path for one in drawing.ribbons))
    assert all(-1 <= float(number) <= WIDTH + 1 for number in numbers)


def test_heights_are_shares_of_all_that_came() -> None:
    """Half of the spans are half as high."""
    drawing = draw(shown([policy("half", 0, 500), policy("other", 250, 250)]))
    whole = node(drawing, "Received").height
    assert node(drawing, "half").height == pytest.approx(whole / 2)
    assert node(drawing, "Kept").height == pytest.approx(whole / 4)
    assert node(drawing, "Dropped on purpose").height == pytest.approx(whole * 3 / 4)


def test_what_is_thin_is_still_seen() -> None:
    """One kept span in a million is a hairline, not nothing."""
    drawing = draw(shown([policy("default", 1, 1_000_000)]))
    assert node(drawing, "Kept").height >= 1
    assert [ribbon.kind for ribbon in drawing.ribbons].count("kept") == 2


def test_every_exporter_gets_all_that_is_kept() -> None:
    """Two exporters are two copies, each as wide as what is kept."""
    two = [exporter("a", 100), exporter("b", 100)]
    drawing = draw(shown([policy("p", 100, 0)], exporters=two))
    assert node(drawing, "a").height == node(drawing, "b").height == node(drawing, "Kept").height


def test_losses_are_drawn_only_where_there_are_some() -> None:
    """In a kind of their own, which the style sheet makes red."""
    loss = Loss(exporter="tempo", reason="corrupt", spans=3, sentence="Damaged.")
    assert "lost" not in {one.kind for one in draw(shown([policy("p", 1, 1)])).nodes}
    drawing = draw(shown([policy("p", 1, 1)], losses=[loss]))
    assert node(drawing, "Lost, ever").value == 3


def test_many_policies_are_folded() -> None:
    """The largest keep their own line in the chain's order; the rest is one line, with its sum."""
    many = [policy(f"p{number}", number, number) for number in range(30)]
    drawing = draw(shown(many))
    names = [one.label for one in drawing.nodes if one.column == 2]
    assert names == [*(f"p{number}" for number in range(21, 30)), "21 more"]
    assert node(drawing, "21 more").value == 2 * sum(range(21))
