"""From the core's JSON to messages."""

import json

from tailsampler.control.messages import decision_message, ledger_message, seconds
from tailsampler.control.v1 import control_pb2 as pb
from tailsampler.telemetry.ledger import Ledger
from tests.telemetry.fakes import held, ledger, verdict

TRACE_ID = bytes.fromhex("4bf92f3577b34da6a3ce929d0e0e4736")


def test_the_books_keep_their_numbers() -> None:
    """Typed messages, no text to parse, and the sum still holds."""
    found = ledger_message(Ledger.of(ledger()))
    spans = found.exporters[0].spans
    assert found.exporters[0].name == "tempo"
    assert spans.received == spans.exported + sum(spans.dropped.values()) + (
        spans.held_in_buffer + spans.held_in_outbox
    )
    assert dict(found.rejected_spans) == {"bad_trace_id": 3}
    assert seconds(found.oldest_held) == 1.5
    assert found.balanced


def test_a_verdict_keeps_its_evidence() -> None:
    """Times to the nanosecond, thresholds as numbers, absence as absence."""
    found = decision_message(TRACE_ID, json.dumps(verdict()))
    assert found.WhichOneof("state") == "judged"
    assert (found.judged.policy, found.judged.witness) == ("errors", 503)
    assert found.judged.randomness == 0xCE929D0E0E4736
    assert found.judged.judged_at.ToNanoseconds() == 1_700_000_000_123_456_789
    assert list(found.judged.reasons) == ["http_status", "span_error"]
    nothing = verdict(policy=None, th=None, evidence={"reasons": [], "witness": None})
    found = decision_message(TRACE_ID, json.dumps(nothing))
    assert found.judged.policy == ""
    assert not found.judged.HasField("witness")


def test_held_and_unknown_are_states_of_their_own() -> None:
    """A trace that is not judged is not "dropped"."""
    found = decision_message(TRACE_ID, json.dumps(held()))
    assert found.WhichOneof("state") == "held"
    assert seconds(found.held.due_in) == 7.25
    assert decision_message(TRACE_ID, None) == pb.GetDecisionsResponse(
        trace_id=TRACE_ID, unknown=pb.UnknownTrace()
    )
