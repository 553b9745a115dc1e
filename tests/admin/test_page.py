"""The books as text."""

from tailsampler.admin.page import ledger_page
from tailsampler.telemetry.ledger import Ledger
from tests.telemetry.fakes import books, ledger, status


def page(**changes: object) -> str:
    return ledger_page(Ledger.of(ledger(**changes)), status())


def test_the_invariant_can_be_added_up_by_eye() -> None:
    """Each term has its line, in the order of the sum, with both units."""
    rows = [line.split() for line in page().splitlines()]
    assert ["received", "100", "100"] in rows
    assert ["=", "exported", "40", "40"] in rows
    assert ["+", "dropped", "policy", "44", "44"] in rows
    assert ["+", "held", "in", "the", "buffer", "10", "10"] in rows


def test_columns_are_aligned() -> None:
    """Numbers end in the same column."""
    lines = [line for line in page().splitlines() if line.startswith(("received", "= ", "+ held"))]
    assert {len(line) for line in lines} == {78}


def test_losses_are_named_as_such() -> None:
    """What no policy chose stands out, and is explained."""
    text = page()
    assert "+ dropped backend_refused" in text
    assert "(a loss)" in text
    assert "backend_refused: The backend refuses these spans for good" in text


def test_a_gap_is_shouted() -> None:
    """Books that do not balance cannot be overlooked."""
    text = page(spans={**books(received=103), "refused": 0, "rejected": {}})
    assert "NOT BALANCED: missing 3 spans in the books of the primary" in text


def test_a_failing_exporter_says_why() -> None:
    """In the backend's words, with the time of the next attempt."""
    state = status()
    now_s = state.clock.monotonic_s()
    state.exporters["tempo"].failed("UNAVAILABLE: gone", sent_s=now_s, now_s=now_s, delay_s=12)
    text = ledger_page(Ledger.of(ledger()), state)
    assert "failing, again in 12 s: UNAVAILABLE: gone" in text
