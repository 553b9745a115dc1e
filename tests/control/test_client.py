"""The client against a scripted server: what it sends, and what it makes of failures."""

import threading
from collections.abc import Callable
from typing import Any

import grpc
import grpc_testing
import pytest

from tailsampler.control import client as module
from tailsampler.control.client import ControlClient
from tailsampler.control.v1 import control_pb2 as pb
from tailsampler.errors import ControlError

SERVICE = pb.DESCRIPTOR.services_by_name["Control"]


@pytest.fixture
def channel() -> Any:
    return grpc_testing.channel([SERVICE], grpc_testing.strict_fake_time(0.0))


class Calling(threading.Thread):
    """One call of the client, which waits until the test has answered it."""

    def __init__(self, call: Callable[[], object]) -> None:
        super().__init__(daemon=True)
        self._call = call
        self.result: object = None
        self.error: ControlError | None = None
        self.start()

    def run(self) -> None:
        try:
            self.result = self._call()
        except ControlError as error:
            self.error = error


def test_drain_sends_its_bound(channel: Any) -> None:
    """The gateway is told how long it may take, to the millisecond."""
    calling = Calling(lambda: ControlClient(channel).drain(2.5))
    _, request, rpc = channel.take_unary_unary(SERVICE.methods_by_name["Drain"])
    assert request.within.ToMilliseconds() == 2_500
    rpc.terminate(pb.DrainResponse(empty=True), (), grpc.StatusCode.OK, "")
    calling.join()
    assert calling.result == pb.DrainResponse(empty=True)


def test_many_ids_are_asked_for_in_parts(channel: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many ids there are, no request outgrows what a server takes."""
    monkeypatch.setattr(module, "IDS_A_REQUEST", 2)
    ids = [number.to_bytes(16, "big") for number in range(1, 6)]
    calling = Calling(lambda: list(ControlClient(channel).decisions(ids)))
    asked = []
    for _ in range(3):
        _, request, rpc = channel.take_unary_stream(SERVICE.methods_by_name["GetDecisions"])
        asked.append(list(request.trace_ids))
        for trace_id in request.trace_ids:
            rpc.send_response(pb.GetDecisionsResponse(trace_id=trace_id))
        rpc.terminate((), grpc.StatusCode.OK, "")
    calling.join()
    assert asked == [ids[0:2], ids[2:4], ids[4:5]]
    assert calling.result == [pb.GetDecisionsResponse(trace_id=one) for one in ids]


@pytest.mark.parametrize(
    ("code", "slug", "words"),
    [
        (grpc.StatusCode.UNAVAILABLE, "unreachable", "cannot reach db1:7318"),
        (grpc.StatusCode.INTERNAL, "control_failed", "db1:7318 answered INTERNAL: broken"),
        (grpc.StatusCode.UNIMPLEMENTED, "control_failed", "UNIMPLEMENTED"),
    ],
)
def test_failures_name_the_gateway(
    channel: Any, code: grpc.StatusCode, slug: str, words: str
) -> None:
    """A person with ten gateways learns which one it was."""
    calling = Calling(ControlClient(channel, "db1:7318").ledger)
    _, _, rpc = channel.take_unary_unary(SERVICE.methods_by_name["GetLedger"])
    rpc.terminate(pb.GetLedgerResponse(), (), code, "broken")
    calling.join()
    assert calling.error is not None
    assert calling.error.code == slug
    assert words in calling.error.say
