"""A store in a test's directory."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from tailsampler.store.options import Options
from tailsampler.store.traces import TraceStore
from tailsampler.testing.clock import ManualClock
from tests.store.strategies import INDEXED


@contextmanager
def opened(
    directory: Path,
    options: Options | None = None,
    clock: ManualClock | None = None,
    most_values: int = 10_000,
) -> Iterator[TraceStore]:
    """The store in this directory; what is there stays there."""
    path = directory / "traces.sqlite"
    if not path.exists():
        path.write_bytes(empty())
    options = options or Options(indexed=INDEXED, max_age=timedelta(days=1))
    store = TraceStore(path, options, clock or ManualClock(), most_values=most_values)
    try:
        yield store
    finally:
        store.close()


@cache
def empty() -> bytes:
    """A store without traces: migrations take longer than most tests."""
    with TemporaryDirectory() as directory:
        path = Path(directory) / "traces.sqlite"
        store = TraceStore(path, Options(), ManualClock())
        store.totals()
        store.close()
        return path.read_bytes()
