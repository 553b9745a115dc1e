"""Hand kept traces to the local trace store."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, Protocol

import structlog
from grpc import StatusCode

from tailsampler.clock import Clock
from tailsampler.export.retry import Accepted, Failed
from tailsampler.telemetry.contained import Contained, is_ending

log = structlog.get_logger("tailsampler.export")

# Without traffic, what is too old is still removed this often.
TIDY_EVERY_S: Final = 60.0
# Between two slices of what is too old; writes come in between.
TIDY_PAUSE_S: Final = 0.05


class Written(Protocol):
    """What the store did with a request."""

    @property
    def rejected(self) -> int:
        """Spans it did not take."""

    @property
    def message(self) -> str:
        """Why."""


class Store(Protocol):
    """The writing half of ``store.traces.TraceStore``. Every call may block."""

    def write(self, payload: bytes, /) -> Written:
        """Store spans and have them on the disk.

        Raises ``OSError`` if that cannot be done now, ``ValueError`` from a ``DecodeError`` if
        they are no spans.
        """

    def tidy(self) -> bool:
        """Remove some of what is too old; says whether there is more."""

    def close(self) -> None:
        """Close the file; the next call opens it again."""


@dataclass(slots=True)
class LocalStore:
    """One thread of its own: a write that waits for the disk takes no thread from anybody."""

    store: Store
    clock: Clock
    contained: Contained
    _thread: ThreadPoolExecutor | None = None
    _tidying: asyncio.Task[None] | None = None

    async def send(self, payload: bytes, _tenant: str | None = None) -> Accepted | Failed:
        """Store one request and have it on the disk before saying so."""
        thread = self._started()
        try:
            loop = asyncio.get_running_loop()
            written = await loop.run_in_executor(thread, self.store.write, payload)
        except OSError as error:
            return Failed(StatusCode.UNAVAILABLE, str(error))
        except ValueError as error:
            if not _says_no_spans(error):
                raise
            return Failed(StatusCode.INVALID_ARGUMENT, str(error))
        return Accepted(written.rejected, written.message)

    async def close(self) -> None:
        """Close the store once what is being written is written."""
        if self._tidying is not None:
            self._tidying.cancel()
            await asyncio.gather(self._tidying, return_exceptions=True)
            self._tidying = None
        if self._thread is not None:
            thread, self._thread = self._thread, None
            await asyncio.get_running_loop().run_in_executor(thread, self.store.close)
            thread.shutdown(wait=False)
        else:
            await asyncio.to_thread(self.store.close)

    def _started(self) -> ThreadPoolExecutor:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="trace-store")
            self._tidying = asyncio.create_task(self._tidy(self._thread), name="tidy traces")
        return self._thread

    async def _tidy(self, thread: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()
        while True:
            more = False
            try:
                more = await loop.run_in_executor(thread, self.store.tidy)
            except OSError as error:
                log.warning("store.not_tidied", error=str(error))
            except BaseException as error:
                if is_ending(error):
                    raise
                self.contained.failed("trace_store", error, event="store.not_tidied")
            await self.clock.sleep(TIDY_PAUSE_S if more else TIDY_EVERY_S)


def _says_no_spans(error: ValueError) -> bool:
    """Whether the bytes are to blame. Any other ``ValueError`` is a bug, and costs no spans."""
    from google.protobuf.message import DecodeError  # noqa: PLC0415 - rare, and slow to import

    return isinstance(error.__cause__, DecodeError)
