"""The typed view of the books."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailsampler.telemetry.ledger import Ledger
from tests.telemetry.fakes import books, ledger


def test_the_parts_are_read() -> None:
    """Every number of the JSON has its place."""
    found = Ledger.parse(json.dumps(ledger()))
    assert found.primary.spans.received == 100
    assert (found.primary.spans.held, found.primary.spans.dropped_total) == (15, 45)
    assert (found.refused_spans, found.rejected) == (7, {"bad_trace_id": 3})
    assert (found.traces.judged, found.traces.open) == (20, 2)
    assert list(found.exporters) == ["tempo"]
    assert found.balanced


@given(st.dictionaries(st.sampled_from(["received", "exported"]), st.integers(0, 200), min_size=1))
def test_a_missing_span_is_noticed_whatever_the_core_claims(changes: dict[str, int]) -> None:
    """Balance is computed from the parts; "balanced": true is not asked to be believed."""
    changed = books(**changes)
    found = Ledger.of(ledger(exporters={"tempo": {"spans": changed, "bytes": books()}}))
    missing = changed["received"] - changed["exported"] - 60
    assert found.exporters["tempo"].spans.missing == missing
    assert found.balanced is (missing == 0)


def test_a_core_that_says_it_is_not_balanced_is_believed() -> None:
    """It may see what the parts do not show."""
    assert not Ledger.of(ledger(balanced=False)).balanced


def test_bytes_are_conserved_as_well() -> None:
    """A span that came and left with different sizes is a bug, too."""
    found = Ledger.of(ledger(bytes={**books(received=101), "refused": 0}))
    assert found.primary.spans.missing == 0
    assert not found.balanced


def test_the_outbox_is_empty_when_it_is_for_everybody() -> None:
    """One exporter that lags keeps a flush going."""
    empty = books(held={"buffer": 10, "outbox": 0})
    found = ledger(spans=empty, exporters={"tempo": {"spans": empty, "bytes": empty}})
    assert Ledger.of(found).in_outbox == 0
    found["exporters"]["archive"] = {"spans": books(), "bytes": books()}
    assert Ledger.of(found).in_outbox == 5


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"spans": {}}'])
def test_nonsense_is_an_error(text: str) -> None:
    """Books that cannot be read are not books of zeros."""
    with pytest.raises((ValueError, KeyError, TypeError)):
        Ledger.parse(text)
