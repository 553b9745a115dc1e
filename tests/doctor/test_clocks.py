"""Clocks that are ahead."""

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tailsampler.doctor import clocks
from tailsampler.doctor.facts import Facts, Stored
from tailsampler.doctor.finding import Severity
from tailsampler.testing.spans import EPOCH_NS, request, resource, span
from tailsampler.traces.model import Trace, decode
from tests.doctor.builders import facts, live, one

CLIENT, SERVER = Span.SPAN_KIND_CLIENT, Span.SPAN_KIND_SERVER
JUDGED_NS = EPOCH_NS + 10_000_000_000


def of(message: ExportTraceServiceRequest) -> Trace:
    return next(decode(message.SerializeToString()))


def called(ahead_ms: float) -> Trace:
    """A call of 100 ms from ``shop`` to ``stock``, whose clock is ahead."""
    call = span("call", span_id=1, duration_ms=100, kind=CLIENT)
    served = span(
        "serve", span_id=2, parent_id=1, start_ms=10 + ahead_ms, duration_ms=50, kind=SERVER
    )
    return of(request(resource("shop", call), resource("stock", served)))


def seen(*traces: Trace, judged_ns: int = JUDGED_NS) -> Facts:
    return facts(stored=tuple(Stored(trace, judged_ns, len(trace.spans)) for trace in traces))


def test_a_callee_that_answers_in_the_future() -> None:
    """Its clock is ahead of its caller's by cause and effect; the most telling trace is named."""
    found = one(clocks.senders(seen(called(0), called(3_000), called(5_000))))
    assert (found.id, found.severity) == ("clock-ahead", Severity.WILL_HURT)
    assert "The clock of stock is at least 4.9 s ahead of shop's" in found.what
    assert found.evidence[0].say.startswith("2 of 3 traces show it")


def test_a_span_that_ended_after_its_verdict() -> None:
    """It had come before, so its sender's clock is ahead of the gateway's; 30 s is harm."""
    alone = of(request(resource("shop", span(start_ms=0, duration_ms=41_000))))
    found = one(clocks.senders(seen(alone)))
    assert "The clock of shop is at least 31.0 s ahead of this gateway's" in found.what
    assert found.severity is Severity.HARM_NOW


def test_a_late_span_may_end_after_the_verdict() -> None:
    """It came afterwards, so its end in the gateway's future proves nothing."""
    long = of(request(resource("shop", span(duration_ms=41_000))))
    assert list(clocks.senders(facts(stored=(Stored(long, JUDGED_NS, 0),)))) == []


def test_clocks_within_a_second() -> None:
    """Ordinary clock discipline is no finding, and neither is a store that was not read."""
    assert list(clocks.senders(seen(called(0), called(900)))) == []
    assert list(clocks.senders(facts(stored=None))) == []


def ended(after_ms: float) -> Facts:
    """A span that ended so long after its verdict."""
    return seen(of(request(resource("shop", span(duration_ms=10_000 + after_ms)))))


def test_a_second_is_noticed_and_half_a_minute_is_harm() -> None:
    """Both ends of the scale belong to it."""
    assert one(clocks.senders(ended(1_000))).severity is Severity.WILL_HURT
    assert list(clocks.senders(ended(999))) == []
    assert one(clocks.senders(ended(30_000))).severity is Severity.HARM_NOW
    assert one(clocks.senders(ended(29_999))).severity is Severity.WILL_HURT
    # Of a call the least that causes and effects leave: 51 ms of it explain the offset.
    assert one(clocks.senders(seen(called(1_051)))).id == "clock-ahead"
    assert list(clocks.senders(seen(called(1_050)))) == []


def test_the_gateways_own_clock() -> None:
    """Two seconds beyond what the answer took; on this machine both clocks are one."""
    found = one(clocks.gateway(facts(live=live(wall_ns=5_000_000_000))))
    assert (found.id, found.what) == (
        "gateway-clock-off",
        "The gateway's clock is 5.0 s ahead of the clock here.",
    )
    behind = one(clocks.gateway(facts(live=live(wall_ns=-5_000_000_000))))
    assert "5.0 s behind" in behind.what
    assert list(clocks.gateway(facts(live=live(wall_ns=2_000_000_000)))) == []
    assert list(clocks.gateway(facts(live=None))) == []
