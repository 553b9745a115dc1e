"""The audit log: one JSON line for every operation, and for every attempt that was refused."""

import json
import os
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import structlog

from tailsampler.clock import Clock

log = structlog.get_logger("tailsampler.audit")

FILE_NAME: Final = "audit.jsonl"
MAX_BYTES: Final = 8 << 20
BACKUPS: Final = 3
# Somebody who guesses tokens must neither fill the disk nor push real entries out of the log.
REFUSED_AT_ONCE: Final = 20
REFUSED_A_SECOND: Final = 0.2
_LONGEST: Final = 200  # characters of anything that a client wrote


@dataclass(slots=True)
class Audit:
    """Writes ``audit.jsonl``, readable by its owner alone, and says the same in the log.

    At ``max_bytes`` the file is put aside as ``.1``, and the oldest of ``backups`` goes.
    """

    path: Path
    clock: Clock
    max_bytes: int = MAX_BYTES
    backups: int = BACKUPS
    unwritten: int = 0
    """Entries that the disk did not take; they stand in the program's log alone."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _allowance: float = REFUSED_AT_ONCE
    _seen_s: float | None = None
    _suppressed: int = 0

    def operated(self, who: str, what: str, where: str, outcome: str, **details: Any) -> None:
        """Somebody did something. Waits for the disk; call it in a thread.

        ``what``: the method or the path. ``where``: the address of the client. ``outcome``:
        ``done``, ``failed`` or ``cut_off``. ``details``: short, and never content of spans.
        """
        self._write(who=who, what=what, where=where, outcome=outcome, **details)

    def refused(self, who: str | None, what: str, where: str, why: str) -> None:
        """Somebody tried; past a bound attempts are counted and not written. As ``operated``."""
        with self._lock:
            now_s = self.clock.monotonic_s()
            passed = 0.0 if self._seen_s is None else now_s - self._seen_s
            self._seen_s = now_s
            allowance = self._allowance + passed * REFUSED_A_SECOND
            self._allowance = min(allowance, float(REFUSED_AT_ONCE))
            if self._allowance < 1:
                self._suppressed += 1
                return
            self._allowance -= 1
            suppressed, self._suppressed = self._suppressed, 0
        more = {"refused_before_unwritten": suppressed} if suppressed else {}
        self._write(who=who, what=what, where=where, outcome="refused", why=why, **more)

    def _write(self, **entry: Any) -> None:
        short = {
            key: value[:_LONGEST] if isinstance(value, str) else value
            for key, value in entry.items()
        }
        log.info("audit.entry", **short)
        at = datetime.fromtimestamp(self.clock.wall_ns() / 1e9, tz=UTC)
        line = json.dumps({"at": at.isoformat(timespec="milliseconds"), **short}) + "\n"
        try:
            with self._lock:
                self._append(line.encode())
        except OSError as error:
            self.unwritten += 1
            log.error(  # noqa: TRY400 - a traceback adds nothing to the disk's own words
                "audit.unwritten", path=str(self.path), error=error.strerror or str(error)
            )

    def _append(self, line: bytes) -> None:
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            # One write: a line is whole or not there, whoever else appends.
            os.write(descriptor, line)
            full = os.fstat(descriptor).st_size >= self.max_bytes
        finally:
            os.close(descriptor)
        if full:
            self._put_aside()

    def _put_aside(self) -> None:
        for number in range(self.backups, 0, -1):
            newer = self._part(number - 1)
            with suppress(FileNotFoundError):
                newer.replace(self._part(number))

    def _part(self, number: int) -> Path:
        return self.path if number == 0 else self.path.with_name(f"{self.path.name}.{number}")
