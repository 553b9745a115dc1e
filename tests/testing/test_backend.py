"""The capturing backend, seen as other tests see it."""

import threading
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub

from tailsampler.testing.backend import Answer, CapturingBackend, Request
from tailsampler.testing.spans import request, resource, span, trace


def stub(channel: grpc.Channel) -> Any:
    return TraceServiceStub(channel)  # type: ignore[no-untyped-call]  # generated


def send(backend: CapturingBackend, message: ExportTraceServiceRequest) -> int:
    """Export as any OTLP client does; returns how many spans were rejected."""
    with grpc.insecure_channel(backend.endpoint) as channel:
        response: ExportTraceServiceResponse = stub(channel).Export(message, timeout=30)
        return response.partial_success.rejected_spans


def test_spans_are_remembered_with_what_they_came_under() -> None:
    """Resource and scope belong to the evidence."""
    with CapturingBackend() as backend:
        send(backend, request(resource("shop", *trace(7))))
        send(backend, request(resource("cart", span(span_id=9))))
    assert [len(one.spans) for one in backend.requests] == [3, 1]
    assert [captured.resource.attributes[0].value.string_value for captured in backend.spans] == [
        "shop",
        "shop",
        "shop",
        "cart",
    ]
    assert backend.spans[0].scope.name == "tailsampler.testing"
    assert backend.trace_ids() == {bytes(15) + b"\x07", bytes(15) + b"\x01"}


def test_a_script_is_followed_and_then_all_is_well() -> None:
    """What was refused is not taken; what was rejected by number is."""
    script = [Answer(grpc.StatusCode.UNAVAILABLE, "not now"), Answer(rejected=1, message="one")]
    with CapturingBackend(script) as backend:
        with pytest.raises(grpc.RpcError, match="not now"):
            send(backend, request(resource("shop", span(span_id=1))))
        assert send(backend, request(resource("shop", span(span_id=2)))) == 1
        assert send(backend, request(resource("shop", span(span_id=3)))) == 0
    assert len(backend.requests) == 3
    assert backend.span_ids() == {bytes(7) + b"\x02", bytes(7) + b"\x03"}


def test_a_script_may_look_at_the_request() -> None:
    """A backend that cannot stomach one span, for tests of bisection."""

    def poison(found: Request) -> Answer | None:
        bad = any(one.span.name == "bad" for one in found.spans)
        return Answer(grpc.StatusCode.INVALID_ARGUMENT, "no") if bad else None

    with CapturingBackend(poison) as backend:
        with pytest.raises(grpc.RpcError):
            send(backend, request(resource("shop", span("bad"))))
        send(backend, request(resource("shop", span("good"))))
    assert [one.span.name for one in backend.spans] == ["good"]


def test_an_answer_can_be_held_back() -> None:
    """A lost answer: the spans are taken, and the sender does not learn it."""
    release = threading.Event()
    with CapturingBackend([Answer(after=release)]) as backend:
        sender = threading.Thread(
            target=send, args=(backend, request(resource("shop", span()))), daemon=True
        )
        sender.start()
        backend.wait_for_requests(1)
        assert backend.spans == []
        release.set()
        backend.wait_for_spans(1)
        sender.join()


def test_waiting_in_vain_says_what_came() -> None:
    """A test that fails shows how far it got."""
    with CapturingBackend() as backend:
        send(backend, request(resource("shop", span())))
        with pytest.raises(TimeoutError, match="1 of 2 spans"):
            backend.wait_for_spans(2, within_s=0.0)


def test_stopping_releases_those_who_hang() -> None:
    """A backend that never answers does not hang the test that uses it."""
    with (
        CapturingBackend([Answer(after=threading.Event())]) as backend,
        grpc.insecure_channel(backend.endpoint) as channel,
    ):
        pending = stub(channel).Export.future(request(resource("shop", span())))
        backend.wait_for_requests(1)
        backend.stop()
        with pytest.raises(grpc.RpcError):
            pending.result(timeout=30)
