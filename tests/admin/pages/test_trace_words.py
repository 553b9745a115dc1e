"""Words for what spans say."""

import pytest

from tailsampler.admin.pages.trace_words import clock_hint, counts_for, iso, text_of
from tailsampler.traces.clocks import Place, Skew
from tailsampler.traces.model import Value


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("text", "text"),
        (True, "true"),
        (7, "7"),
        (0.5, "0.5"),
        (None, "null"),
        (b"\x01\xff", "01ff"),
        (["a", 1, b"\x02"], '["a", 1, "02"]'),
        ({"k": {"n": None}}, '{"k": {"n": null}}'),
    ],
)
def test_values_are_spelled_by_their_type(value: Value, shown: str) -> None:
    """Text stands as it is, everything else as in JSON, bytes as digits."""
    assert text_of(value).shown == shown
    assert not text_of(value).cut


@pytest.mark.parametrize(("value", "characters"), [("x" * 9, 9), (b"\1" * 9, 18), (["x" * 9], 13)])
def test_long_values_are_cut_and_say_how_long_they_are(value: Value, characters: int) -> None:
    """What is not shown is counted."""
    found = text_of(value, 4)
    assert (len(found.shown), found.characters, found.cut) == (4, characters, True)


@pytest.mark.parametrize(
    ("trace_state", "many"),
    [
        ("ot=th:0", "1 trace"),
        ("ot=th:8", "2 traces"),
        ("vendor=x,ot=rv:ce929d0e0e4736;th:c", "4 traces"),
        ("ot=th:fd70a3d70a3d71", "100 traces"),
        ("ot=th:ffffffffffffff", "72,057,594,037,927,936 traces"),
    ],
)
def test_a_threshold_is_said_as_a_count(trace_state: str, many: str) -> None:
    """T = 0xc of 0x10 leaves a quarter, so a kept span stands for four."""
    assert (counts_for(trace_state) or "").endswith(f"it counts for {many}")


@pytest.mark.parametrize("trace_state", ["", "ot=rv:ce929d0e0e4736", "vendor=th:8", "ot=th:xyz"])
def test_without_a_threshold_nothing_is_said(trace_state: str) -> None:
    """What is not there, or not a threshold, is not explained."""
    assert counts_for(trace_state) is None


def skew(least_ns: int, most_ns: int | None, *, certain: bool = True, calls: int = 3) -> str:
    ahead, behind = Place("checkout"), Place("cart", "h1")
    return clock_hint(
        Skew(
            ahead=ahead,
            behind=behind,
            least_ns=least_ns,
            most_ns=most_ns,
            certain=certain,
            calls=calls,
        )
    )


def test_an_offset_is_said_as_a_range() -> None:
    """The unit stands once where both bounds share it."""
    said = skew(2_900_000_000, 3_100_000_000)
    assert "checkout is 2.9 to 3.1 s ahead of that of cart (on h1) (3 calls)" in said
    assert "is 900 ms to 1.1 s ahead" in skew(900_000_000, 1_100_000_000)
    assert "is at least 50 ms ahead" in skew(50_000_000, None)
    assert "is about 3 s ahead" in skew(3_000_000_000, 3_000_000_001)


def test_a_doubt_is_said() -> None:
    """What may have another cause is no statement."""
    said = skew(50_000_000, 60_000_000, certain=False, calls=1)
    assert "may be 50 to 60 ms ahead" in said
    assert "or its callers do not wait" in said
    assert said.endswith("(1 call).")


def test_moments_are_as_html_has_them() -> None:
    """With milliseconds, and in UTC."""
    assert iso(1_700_000_000_123_456_789) == "2023-11-14T22:13:20.123Z"
