"""The services as the gateway sees them: one TracerProvider and one OTLP exporter each."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Final

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (
    OTLPSpanExporter as GrpcSpanExporter,
)
from opentelemetry.exporter.otlp.proto.http.trace_exporter import (
    OTLPSpanExporter as HttpSpanExporter,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Tracer

from tailsampler.demo.emit import SeededIds
from tailsampler.demo.shop import SERVICES, Service

# Short, so that what is sent is seen soon; a program in production waits 5 s.
_SCHEDULE_MS: Final = 200
_QUEUE_SPANS: Final = 20_000
_EXPORT_WITHIN_S: Final = 10.0
_LONGEST_REASON: Final = 240


@dataclass(slots=True)
class Counts:
    """What became of the spans that were made; written by the exporters' threads."""

    taken: int = 0
    """Acknowledged by the gateway."""
    given_up: int = 0
    """Not acknowledged: the SDK does not try them again."""
    reason: str = ""
    """Why the newest failure was one, in the SDK's words; empty if there was none."""
    failing: set[str] = field(default_factory=set)
    """Services whose newest attempt failed."""
    closing: bool = False
    """From then on the SDK's reasons are our own doing."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _here: threading.local = field(default_factory=threading.local)

    @contextmanager
    def exporting(self, service: str) -> Iterator[None]:
        """What the SDK logs in this thread meanwhile concerns this service."""
        self._here.service = service
        try:
            yield
        finally:
            self._here.service = None

    def exported(self, service: str, spans: int, *, well: bool) -> None:
        """An exporter is done with this many spans."""
        with self._lock:
            if well:
                self.taken += spans
                self.failing.discard(service)
            else:
                self.given_up += spans
                self.failing.add(service)
                self.reason = self.reason or "the exporter does not say why"

    def trouble(self, reason: str) -> None:
        """The SDK logged that something is wrong, maybe before it gives up."""
        service = getattr(self._here, "service", None)
        with self._lock:
            if self.closing:
                return
            self.reason = " ".join(reason.split())[:_LONGEST_REASON]
            if service is not None:
                self.failing.add(service)


class Counted(SpanExporter):
    """An exporter whose results are counted; the SDK's processors do not tell them."""

    def __init__(self, exporter: SpanExporter, service: str, counts: Counts) -> None:
        self._exporter = exporter
        self._service = service
        self._counts = counts

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send; whatever goes wrong is counted, and is the exporter's result."""
        result = SpanExportResult.FAILURE
        try:
            with self._counts.exporting(self._service):
                result = self._exporter.export(spans)
        finally:
            well = result is SpanExportResult.SUCCESS
            self._counts.exported(self._service, len(spans), well=well)
        return result

    def shutdown(self) -> None:
        """No more is sent, and no more is tried again."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Wait for what is under way."""
        return self._exporter.force_flush(timeout_millis)


MakeExporter = Callable[[Service], SpanExporter]


def otlp(grpc_url: str | None, http_url: str | None) -> MakeExporter:
    """Real exporters; if one of both addresses is None, all services use the other."""

    def make(service: Service) -> SpanExporter:
        if grpc_url is not None and (service.sender == "grpc" or http_url is None):
            return GrpcSpanExporter(grpc_url, timeout=_EXPORT_WITHIN_S)
        if http_url is None:
            raise ValueError("an address of a gateway is needed")
        url = http_url.rstrip("/")
        path = "" if url.endswith("/v1/traces") else "/v1/traces"
        return HttpSpanExporter(url + path, timeout=_EXPORT_WITHIN_S)

    return make


class Senders:
    """All ten services, sending."""

    def __init__(self, make: MakeExporter, ids: Random) -> None:
        """``ids``: where trace and span ids come from."""
        self.counts = Counts()
        self.tracers: dict[str, Tracer] = {}
        self._exporters: list[SpanExporter] = []
        self._providers: list[TracerProvider] = []
        generator = SeededIds(ids)
        for service in SERVICES:
            exporter = Counted(make(service), service.name, self.counts)
            provider = TracerProvider(
                ALWAYS_ON,
                Resource.create(dict(service.resource())),
                shutdown_on_exit=False,  # `close` does it, within a bound
                id_generator=generator,
            )
            provider.add_span_processor(
                BatchSpanProcessor(exporter, _QUEUE_SPANS, _SCHEDULE_MS, 512)
            )
            self._exporters.append(exporter)
            self._providers.append(provider)
            self.tracers[service.name] = provider.get_tracer("tailsampler.demo", "1")

    def close(self, within_s: float) -> bool:
        """Send what is left, for so long at most; returns whether all of it was dealt with.

        The SDK itself would wait half a minute a service for a gateway that is away.
        """
        # Daemons: a thread that still waits for a gateway must not keep the process alive.
        threads = [
            threading.Thread(target=provider.shutdown, daemon=True) for provider in self._providers
        ]
        for thread in threads:
            thread.start()
        share_s = within_s / len(threads)
        waiting = [thread for thread in threads if not _joined(thread, share_s)]
        if waiting:
            self.counts.closing = True
            for exporter in self._exporters:
                exporter.shutdown()  # ends its waiting for another try
        return not [thread for thread in waiting if not _joined(thread, share_s)]


@contextmanager
def sdk_logs_to(counts: Counts) -> Iterator[None]:
    """Take the SDK's log lines, of which an absent gateway makes a flood, as reasons."""

    class Reasons(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            counts.trouble(record.getMessage())

    logger, handler = logging.getLogger("opentelemetry"), Reasons(logging.WARNING)
    before = logger.propagate
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = before


def _joined(thread: threading.Thread, within_s: float) -> bool:
    thread.join(within_s)
    return not thread.is_alive()
