"""The demo as a program, with exporters in memory and a clock in the test's hand."""

import asyncio
import io
import json
import logging
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from tailsampler.demo.run import TICK_S, Options, demo, host_port, until_reachable
from tailsampler.demo.scenarios import SCENARIOS
from tailsampler.demo.senders import Counts, otlp, sdk_logs_to
from tailsampler.demo.shop import SERVICES, Service
from tailsampler.errors import ControlError
from tailsampler.testing.clock import ManualClock


@dataclass
class Gateway:
    """Takes what it is sent, or not."""

    takes: bool = True
    spans: list[ReadableSpan] = field(default_factory=list)

    def exporter(self, service: Service) -> SpanExporter:
        gateway = self

        class Exporter(SpanExporter):
            def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
                if not gateway.takes:
                    logging.getLogger("opentelemetry.test").error("refused: %s", "buffer is full")
                    return SpanExportResult.FAILURE
                gateway.spans += spans
                return SpanExportResult.SUCCESS

        return Exporter()


async def sent(gateway: Gateway, for_s: float, **options: Any) -> tuple[int, str]:
    """Exit status and output of a run on a clock that jumps from tick to tick."""
    clock, out = ManualClock(), io.StringIO()
    asked = Options(http_url="http://h:1", grpc_url=None, rate=20.0, for_s=for_s, **options)
    running = asyncio.create_task(demo(asked, gateway.exporter, clock, asyncio.Event(), out))
    while clock.now_s < 1_000 + for_s + 20:
        await clock.advance(TICK_S)
    return await running, out.getvalue()


async def test_everything_is_sent_and_summed_up() -> None:
    """Every scenario, the late spans too, and a table at the end."""
    gateway = Gateway()
    status, output = await sent(gateway, 3.0, seed=1)
    assert status == 0
    for scenario in SCENARIOS:
        assert scenario.name in output
    assert f"The gateway took {len(gateway.spans):,} spans." in output
    resources = {str(span.resource.attributes["service.name"]) for span in gateway.spans}
    assert resources == {service.name for service in SERVICES}
    [mailed] = [span for span in gateway.spans if span.name == "mail receipt"][:1]
    assert mailed.start_time is not None


async def test_a_seed_repeats_a_run_to_the_id() -> None:
    """And without one a restart sends other traces."""
    runs = []
    for seed in (1, 1, None):
        gateway = Gateway()
        await sent(gateway, 1.0, seed=seed)
        runs.append({format(span.context.trace_id, "032x") for span in gateway.spans})
    assert runs[0] == runs[1]
    assert not runs[0] & runs[2]


async def test_what_is_not_taken_is_not_hidden() -> None:
    """It is told when it begins, summed up at the end, and is the exit status."""
    status, output = await sent(Gateway(takes=False), 1.0, seed=1)
    assert status == 1
    assert "The gateway took 0 spans." in output
    assert "were not taken, and the SDK gave them up: refused: buffer is full" in output


async def test_json_is_one_object_a_line() -> None:
    """The last one is final; its numbers are the sums."""
    gateway = Gateway()
    _, output = await sent(gateway, 11.0, seed=1, as_json=True)
    first, *_, last = [json.loads(line) for line in output.splitlines()]
    assert (first["final"], last["final"]) == (False, True)
    assert last["spans"] == last["spans_taken"] == len(gateway.spans)
    assert last["traces"] == sum(one["traces"] for one in last["scenarios"].values())
    assert last["scenarios"]["late"]["late_spans"] >= 1


async def test_a_stop_ends_it_at_once() -> None:
    """Late spans that are not due are named and not waited for."""
    clock, stop, out = ManualClock(), asyncio.Event(), io.StringIO()
    options = Options(http_url="http://h:1", grpc_url=None, rate=50.0, seed=1)
    running = asyncio.create_task(demo(options, Gateway().exporter, clock, stop, out))
    for _ in range(40):
        await clock.advance(TICK_S)
    stop.set()
    assert await running == 0
    assert "late spans were not due yet, and are never sent" in out.getvalue()


async def test_it_waits_for_a_gateway_that_is_still_to_come() -> None:
    """Asked again each second, said once."""
    clock, stop, out = ManualClock(), asyncio.Event(), io.StringIO()
    waiting = asyncio.create_task(until_reachable([("127.0.0.1", 1)], clock, stop, out))
    await clock.until_asleep(1.0)
    await clock.advance(1.0)
    await clock.until_asleep(1.0)
    assert out.getvalue().count("waiting for the gateway at 127.0.0.1:1") == 1
    with socket.create_server(("127.0.0.1", 0)) as server:
        await until_reachable([server.getsockname()[:2]], clock, stop, out)
    stop.set()
    await waiting


def test_the_sdk_is_quiet() -> None:
    """What it logs becomes the reason; nothing reaches the terminal or the root logger."""
    counts = Counts()
    logger = logging.getLogger("opentelemetry.exporter")
    with sdk_logs_to(counts):
        logger.warning("Transient error %s\n encountered", "UNAVAILABLE")
        assert not logging.getLogger("opentelemetry").propagate
    assert counts.reason == "Transient error UNAVAILABLE encountered"
    assert logging.getLogger("opentelemetry").propagate


def test_one_service_that_fails_is_not_forgotten_for_another_that_does_not() -> None:
    """Else the end of trouble would be announced several times a second."""
    counts = Counts()
    with sdk_logs_to(counts), counts.exporting("cart"):
        logging.getLogger("opentelemetry.exporter").warning("UNAVAILABLE, retrying")
    counts.exported("email", 3, well=True)
    assert counts.failing == {"cart"}
    counts.exported("cart", 3, well=True)
    assert counts.failing == set()
    assert counts.taken == 6


async def test_trouble_is_told_once_when_it_begins_and_once_when_it_ends() -> None:
    """In one line each, whatever the SDK logs meanwhile."""
    gateway, clock, stop, out = Gateway(takes=False), ManualClock(), asyncio.Event(), io.StringIO()
    options = Options(http_url="http://h:1", grpc_url=None, rate=100.0, seed=1)
    running = asyncio.create_task(demo(options, gateway.exporter, clock, stop, out))

    async def until_said(words: str) -> None:
        # The SDK's threads export in real time, while the clock jumps.
        while words not in out.getvalue():
            await clock.advance(TICK_S)
            await asyncio.to_thread(lambda: None)

    await until_said("does not take all spans: refused: buffer is full")
    gateway.takes = True
    await until_said("takes all spans again")
    stop.set()
    assert await running == 1
    assert out.getvalue().count("does not take all spans") == 1


@pytest.mark.parametrize("url", ["127.0.0.1:4318", "http://h", "ftp://h:1", "http://h:x", ""])
def test_an_address_that_is_none_is_an_error_in_words(url: str) -> None:
    """With one that is."""
    with pytest.raises(ControlError, match="write http://127"):
        host_port(url)


@pytest.mark.parametrize(
    ("grpc_url", "http_url", "kinds"),
    [
        ("http://h:1", "http://h:2", {"grpc", "http"}),
        ("http://h:1", None, {"grpc"}),
        (None, "http://h:2", {"http"}),
    ],
)
def test_real_exporters_of_both_transports(
    grpc_url: str | None, http_url: str | None, kinds: set[str]
) -> None:
    """If one address is given, all services use it."""
    make = otlp(grpc_url, http_url)
    exporters = [make(service) for service in SERVICES]
    assert {type(one).__module__.split(".")[4] for one in exporters} == kinds
    for one in exporters:
        one.shutdown()
