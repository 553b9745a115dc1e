"""Sizes far from the usual: nothing lost, nothing crashed, memory bounded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tailsampler.testing.backend import CapturingBackend
from tests.end_to_end.process import GatewayProcess, Json, exports_to, total
from tests.faults.bombs import MIB
from tests.faults.conftest import KEEP_ALL
from tests.faults.senders import GrpcSender, Ids, post
from tests.model.build import request, span

MOST_MEMORY = 640 * MIB
ONE_SPAN_TRACES = 200_000
SPANS_IN_A_TRACE = 200_000
SPANS_IN_A_REQUEST = 100_000


@pytest.fixture(scope="module")
def backend() -> Iterator[CapturingBackend]:
    """An OTLP backend that takes messages as large as the gateway's own door does."""
    with CapturingBackend(max_recv_bytes=80 * MIB) as running:
        yield running


@pytest.fixture(scope="module")
def small() -> Iterator[CapturingBackend]:
    """Another that takes 4 MiB, as most do."""
    with CapturingBackend() as running:
        yield running


@pytest.fixture(scope="module")
def gateway(
    tmp_path_factory: pytest.TempPathFactory, backend: CapturingBackend, small: CapturingBackend
) -> Iterator[GatewayProcess]:
    """The program, exporting everything to both backends; the larger one is the primary."""
    exporters = [*exports_to(backend), {**exports_to(small)[0], "name": "small"}]
    config: Json = {"sampling": KEEP_ALL, "export": exporters}
    process = GatewayProcess(tmp_path_factory.mktemp("gateway"), config)
    try:
        process.start()
        yield process
        assert process.terminate() == 0
    finally:
        process.clean_up()


def send_all(gateway: GatewayProcess, requests: Iterable[ExportTraceServiceRequest]) -> int:
    """Everything must be accepted; returns how many spans there were."""
    sent = 0
    with GrpcSender(gateway.addresses["otlp_grpc"]) as sender:
        for message in requests:
            sender.send(message)
            sent += sum(len(s.spans) for r in message.resource_spans for s in r.scope_spans)
    return sent


def check_all_exported(gateway: GatewayProcess, before: Json, sent: int) -> None:
    """Everything that was sent is at the primary, and none is held."""
    gateway.until(gateway.settled, "settled", within_s=100)
    after = gateway.ledger()["spans"]
    assert after["received"] - before["received"] == sent
    assert after["exported"] - before["exported"] == sent
    assert total(after["dropped"]) == total(before["dropped"])
    assert gateway.resident_bytes() < MOST_MEMORY


def tiny(trace: bytes, number: int) -> Span:
    """The least a span can be."""
    return Span(trace_id=trace, span_id=number.to_bytes(8, "big"))


@pytest.mark.timeout(180)
def test_a_hundred_thousand_spans_in_one_request(
    gateway: GatewayProcess, backend: CapturingBackend, small: CapturingBackend
) -> None:
    """One request, taken whole; what is too large for a backend is sent to it in parts."""
    ids, before = Ids(30), gateway.ledger()["spans"]
    traces = [ids.trace() for _ in range(100)]
    spans = [tiny(traces[number % 100], ids.span()) for number in range(SPANS_IN_A_REQUEST)]
    wanted = {one.span_id for one in spans}
    sent = send_all(gateway, [request(spans)])
    check_all_exported(gateway, before, sent)
    assert wanted <= backend.span_ids()
    assert wanted <= small.span_ids()


@pytest.mark.timeout(180)
def test_very_many_traces_of_one_span(gateway: GatewayProcess, backend: CapturingBackend) -> None:
    """Every trace is judged and comes out once."""
    ids, before = Ids(31), gateway.ledger()
    size = 4000

    def requests() -> Iterator[ExportTraceServiceRequest]:
        for _ in range(ONE_SPAN_TRACES // size):
            yield request([tiny(ids.trace(), ids.span()) for _ in range(size)])

    sent = send_all(gateway, requests())
    check_all_exported(gateway, before["spans"], sent)
    assert gateway.ledger()["traces"]["judged"] - before["traces"]["judged"] == ONE_SPAN_TRACES
    mine = [one for one in backend.spans if one.span.span_id[:4] == (31).to_bytes(4, "big")]
    assert len(mine) == len({one.span.span_id for one in mine}) == ONE_SPAN_TRACES


@pytest.mark.timeout(180)
def test_a_trace_of_very_many_spans(gateway: GatewayProcess, backend: CapturingBackend) -> None:
    """One trace does not have to fit in one message, nor its spans arrive in time."""
    ids, before = Ids(32), gateway.ledger()["spans"]
    trace, size = ids.trace(), 5000

    def requests() -> Iterator[ExportTraceServiceRequest]:
        for _ in range(SPANS_IN_A_TRACE // size):
            yield request([tiny(trace, ids.span()) for _ in range(size)])

    sent = send_all(gateway, requests())
    check_all_exported(gateway, before, sent)
    arrived = [one.span.span_id for one in backend.spans if one.span.trace_id == trace]
    assert len(arrived) == len(set(arrived)) == SPANS_IN_A_TRACE


@pytest.mark.timeout(180)
def test_attributes_of_ten_mebibytes(
    gateway: GatewayProcess, backend: CapturingBackend, small: CapturingBackend
) -> None:
    """They reach a backend that takes them; one that does not costs only the span itself."""
    ids, before = Ids(33), gateway.ledger()["spans"]
    trace, neighbour = ids.trace(), ids.trace()
    large = span(trace, ids.span(), values={"blob": "x" * 10 * MIB})
    beside = span(neighbour, ids.span())
    sent = send_all(gateway, [request([large, beside])])
    check_all_exported(gateway, before, sent)
    (arrived,) = (one.span for one in backend.spans if one.span.trace_id == trace)
    assert arrived.attributes[0] == large.attributes[0]
    assert neighbour in small.trace_ids()
    assert trace not in small.trace_ids()


@pytest.mark.timeout(180)
def test_ten_mebibytes_of_json(gateway: GatewayProcess, backend: CapturingBackend) -> None:
    """The JSON door takes them as well."""
    trace, before = Ids(34).trace(), gateway.ledger()["spans"]
    inside = (
        f'{{"traceId": "{trace.hex()}", "spanId": "00000000000000ff", "attributes": '
        f'[{{"key": "blob", "value": {{"stringValue": "{"y" * 10 * MIB}"}}}}]}}'
    )
    body = f'{{"resourceSpans": [{{"scopeSpans": [{{"spans": [{inside}]}}]}}]}}'.encode()
    answer = post(gateway.addresses["otlp_http"], body, content_type="application/json")
    assert answer.status == 200
    check_all_exported(gateway, before, 1)
    assert trace in backend.trace_ids()
