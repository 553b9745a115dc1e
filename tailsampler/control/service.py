"""The control service, on grpc.aio: the books, verdicts in bulk, watching, draining."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import grpc
import grpc.aio
import structlog

from tailsampler.access.audit import Audit
from tailsampler.access.certificates import Certificates, watch_listener
from tailsampler.access.operators import OPEN, Access
from tailsampler.control.certificates import ServedByGrpc
from tailsampler.control.containing import Containing
from tailsampler.control.guarding import Guarding
from tailsampler.control.messages import (
    decision_message,
    ledger_message,
    sample_message,
    seconds,
)
from tailsampler.control.sharing import INSTANCE, MOST_VERDICTS, VERDICT_BYTES
from tailsampler.control.v1 import control_pb2 as pb
from tailsampler.control.v1.control_pb2_grpc import (
    ControlServicer,
    add_ControlServicer_to_server,
)
from tailsampler.errors import StartError
from tailsampler.settings.tls import ServerTls
from tailsampler.telemetry.ledger import Ledger
from tailsampler.telemetry.status import Core, Status

log = structlog.get_logger("tailsampler.control")

DEFAULT_DRAIN_S: Final = 10.0
# Answers are small and drains are cut off by their callers; nothing is worth a longer wait.
_STOP_WITHIN_S: Final = 1.0
_TRACE_ID_BYTES: Final = 16
DEFAULT_INTERVAL_S: Final = 1.0
# A sample reads the books on the writer's thread: often enough to look live, no oftener.
LEAST_INTERVAL_S: Final = 0.1
MOST_INTERVAL_S: Final = 60.0
MOST_RECENT: Final = 100

Context = grpc.aio.ServicerContext[Any, Any]
Flush = Callable[[Callable[[], str], float, Callable[[Ledger], bool]], Awaitable[bool]]
"""``ExportStage.flush``."""


class ControlService(ControlServicer):
    """Answers from the core. Calls into it run in threads: they may wait, or search a log."""

    def __init__(
        self,
        core: Core,
        flush: Flush,
        status: Status,
        rates: Mapping[str, float],
        instance: bytes = INSTANCE,
    ) -> None:
        self._core = core
        self._instance = instance
        self._flush = flush
        self._status = status
        self._rates = rates
        self._draining = asyncio.Lock()

    async def GetLedger(  # noqa: N802 - the name in the proto
        self, request: pb.GetLedgerRequest, context: Context
    ) -> pb.GetLedgerResponse:
        """The books."""
        del request, context
        return pb.GetLedgerResponse(ledger=await self._ledger())

    async def GetDecisions(  # noqa: N802 - as above
        self, request: pb.GetDecisionsRequest, context: Context
    ) -> AsyncIterator[pb.GetDecisionsResponse]:
        """One answer an id, in order."""
        for position, trace_id in enumerate(request.trace_ids):
            if len(trace_id) != _TRACE_ID_BYTES:
                say = f"trace_ids[{position}] has {len(trace_id)} bytes; a trace id has 16"
                await context.abort(grpc.StatusCode.INVALID_ARGUMENT, say)
        for trace_id in request.trace_ids:
            found = await asyncio.to_thread(self._core.decision, trace_id)
            yield decision_message(trace_id, found)

    async def Drain(  # noqa: N802 - as above
        self, request: pb.DrainRequest, context: Context
    ) -> pb.DrainResponse:
        """Judge everything, send what is kept, say what is left."""
        del context
        within_s = seconds(request.within) if request.HasField("within") else DEFAULT_DRAIN_S
        # One at a time: two drains would end each other's flush.
        async with self._draining:
            before = Ledger.parse(await asyncio.to_thread(self._core.ledger)).traces.judged
            judged = await asyncio.to_thread(self._core.judge_all)
            # The core judges them in slices; the outbox is not empty for good before the last.
            await self._flush(
                self._core.ledger,
                within_s,
                lambda ledger: ledger.traces.judged >= before + judged and not ledger.in_outbox,
            )
        ledger = await self._ledger()
        left = [books.held_in_buffer + books.held_in_outbox for books in _all_books(ledger)]
        log.info("control.drained", traces_judged=judged, held_spans=max(left))
        return pb.DrainResponse(traces_judged=judged, empty=not any(left), ledger=ledger)

    async def ShareVerdicts(  # noqa: N802 - as above
        self, request: pb.ShareVerdictsRequest, context: Context
    ) -> pb.ShareVerdictsResponse:
        """Take what another gateway tells."""
        if request.instance == self._instance:
            return pb.ShareVerdictsResponse(itself=True)
        say = _wrong_with(request.verdicts)
        if say is not None:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, say)
        await asyncio.to_thread(self._core.hear, request.verdicts)
        return pb.ShareVerdictsResponse()

    async def WatchStats(  # noqa: N802 - as above
        self, request: pb.WatchStatsRequest, context: Context
    ) -> AsyncIterator[pb.WatchStatsResponse]:
        """Samples until the caller has seen enough, or the server stops."""
        every_s = seconds(request.interval) if request.HasField("interval") else DEFAULT_INTERVAL_S
        if not LEAST_INTERVAL_S <= every_s <= MOST_INTERVAL_S:
            say = f"the interval is {every_s:g} s; ask for {LEAST_INTERVAL_S:g} to "
            await context.abort(
                grpc.StatusCode.INVALID_ARGUMENT, f"{say}{MOST_INTERVAL_S:g} s between samples"
            )
        limit = min(request.recent, MOST_RECENT)
        while True:
            yield pb.WatchStatsResponse(sample=await self._sample(limit))
            await self._status.clock.sleep(every_s)

    async def _sample(self, limit: int) -> pb.StatsSample:
        def read() -> tuple[str, str, str]:
            core = self._core
            return core.ledger(), core.stats(), core.recent(limit) if limit else "[]"

        books, stats, recent = await asyncio.to_thread(read)
        return sample_message(
            Ledger.parse(books), json.loads(stats), json.loads(recent), self._status, self._rates
        )

    async def _ledger(self) -> pb.Ledger:
        return ledger_message(Ledger.parse(await asyncio.to_thread(self._core.ledger)))


@asynccontextmanager
async def controlling(  # noqa: PLR0913 - what it tells, and what guards it
    core: Core,
    flush: Flush,
    endpoint: str,
    status: Status,
    rates: Mapping[str, float],
    *,
    access: Access = OPEN,
    audit: Audit | None = None,
    tls: ServerTls | None = None,
    certificates: Certificates | None = None,
    instance: bytes = INSTANCE,
) -> AsyncIterator[str]:
    """Serve while the context lasts; yields the bound ``host:port``.

    ``rates`` is the chain, in its order: what share each policy keeps. ``access`` says who may
    call what, ``audit`` is where operations are written down, ``certificates`` sees to it that
    changed files of ``tls`` are taken up, ``instance`` is by what this gateway knows itself among
    its peers. Raises ``StartError`` if the address cannot be had, or
    a file of ``tls`` cannot be used.
    """
    # A port that somebody else listens on is an error, not a shared burden.
    server = grpc.aio.server(
        interceptors=[Containing(status.contained), Guarding(access, audit)],
        options=[("grpc.so_reuseport", 0)],
    )
    service = ControlService(core, flush, status, rates, instance)
    add_ControlServicer_to_server(service, server)
    secured = None if tls is None else _secured(tls, certificates)
    try:
        if secured is None:
            port = server.add_insecure_port(endpoint)
        else:
            port = server.add_secure_port(endpoint, secured)
    except RuntimeError as error:
        raise StartError(
            "listen_failed",
            f"cannot listen on {endpoint}; stop what has the address, or set control.endpoint "
            "to another one",
        ) from error
    await server.start()
    try:
        yield f"{endpoint.rpartition(':')[0]}:{port}"
    finally:
        await server.stop(_STOP_WITHIN_S)


def _secured(tls: ServerTls, certificates: Certificates | None) -> grpc.ServerCredentials:
    served = ServedByGrpc(tls, "control")
    if certificates is not None:
        # Before the files are read, so that no change is missed.
        watch_listener(certificates, "control", tls, served.renew)
    return served.credentials()


def _wrong_with(verdicts: bytes) -> str | None:
    if len(verdicts) > MOST_VERDICTS * VERDICT_BYTES:
        return f"{len(verdicts)} bytes are more than {MOST_VERDICTS} verdicts; send less at once"
    if len(verdicts) % VERDICT_BYTES:
        return f"{len(verdicts)} bytes are no verdicts of {VERDICT_BYTES} bytes each"
    if any(verdicts[_TRACE_ID_BYTES::VERDICT_BYTES]):  # the first of 8 bytes of T
        return "a T is above 2^56 - 1, and keeps nothing; share what is kept"
    return None


def _all_books(ledger: pb.Ledger) -> list[pb.Books]:
    return [ledger.spans, *(exporter.spans for exporter in ledger.exporters)]
