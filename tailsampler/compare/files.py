"""A side that stands in files: OTLP as the Collector's file exporter writes it, or trace ids."""

from __future__ import annotations

import binascii
import io
import stat
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tailsampler.admin.trace_ids import parse_trace_id
from tailsampler.compare.inflating import Inflated
from tailsampler.compare.spans import BadRequestError, JsonRequest, MessageRequest, Request
from tailsampler.errors import Place, TailsamplerError

MOST_BYTES: Final = 64 * 2**20
"""Of one line or message."""

_LENGTH_BYTES: Final = 4
_HEX: Final = frozenset(b"0123456789abcdefABCDEF")
_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_ZEROS: Final = b"0" * 32 + b"\n"
_SPACE: Final = b" \t\r\n"
_TELL_EVERY: Final = 256
_NOTED: Final = 3
"""Places that were left out are told up to here, and then counted."""

Progress = Callable[[int, int], object]
"""Told how far it is, and of how much."""


def nothing(_done: int, _total: int) -> None:
    """Tell nobody."""


@dataclass
class Files:
    """One file, or all that stand in a directory, by their names."""

    path: Path
    skip_bad: bool = False
    notes: list[str] = field(default_factory=list)
    """What was left out, in words; anew at each reading."""
    _skipped: int = 0

    def read(self, tell: Progress = nothing) -> Iterator[Request | bytes]:
        """Every request, or every trace id of a list; ``tell`` is told bytes.

        Raises ``TailsamplerError`` with file and line (or message) of what cannot be read.
        """
        self.notes, self._skipped = [], 0
        files = self._files()
        total, done = sum(size for _, size in files), 0
        for path, size in files:
            with _opened(path) as (file, raw):
                for number, one in enumerate(self._of(path, file)):
                    if not number % _TELL_EVERY:
                        tell(done + raw.tell(), total)
                    yield one
            done += size
        if self._skipped > _NOTED:
            self.notes.append(f"{self._skipped:,} places in all were left out of {self.path}")

    def _files(self) -> list[tuple[Path, int]]:
        try:
            paths = [self.path]
            if self.path.is_dir():
                inside = sorted(self.path.iterdir())
                paths = [path for path in inside if path.is_file() and path.name[0] != "."]
            found = [(path, path.stat()) for path in paths]
        except OSError as error:
            raise _unreadable(self.path, error) from error
        if not found:
            say = f"{self.path} holds no file; name a directory in which OTLP files are"
            raise TailsamplerError("no_files", say)
        for path, status in found:
            if not stat.S_ISREG(status.st_mode):
                # It is read twice, and a pipe would be waited for.
                say = f"{path} is no file; write what it gives into one, and name that"
                raise TailsamplerError("no_file", say)
        return [(path, status.st_size) for path, status in found]

    def _of(self, path: Path, file: io.BufferedReader[Any]) -> Iterator[Request | bytes]:
        head = self._taken(path, lambda: file.peek(64)[:64])
        text = head.lstrip(_SPACE)
        if head.startswith(_ZSTD) or head[_LENGTH_BYTES:].startswith(_ZSTD):
            say = (
                "it is compressed with zstd, which is not read here; have the file exporter write "
                "without compression"
            )
            raise TailsamplerError("zstd", say, Place(str(path)))
        if not text or text[:1] == b"{":
            yield from self._lines(path, file, JsonRequest.parse)
        elif text[:1] == b"#" or text[0] in _HEX:
            yield from self._lines(path, file, _trace_id)
        else:
            yield from self._messages(path, file)

    def _lines(
        self,
        path: Path,
        file: io.BufferedReader[Any],
        parse: Callable[[bytes], Request | bytes | None],
    ) -> Iterator[Request | bytes]:
        number = 0
        while line := self._taken(path, lambda: file.readline(MOST_BYTES + 1)):
            number += 1
            if len(line) > MOST_BYTES:
                say = f"the line is over {MOST_BYTES >> 20} MiB; no request is as large as that"
                raise TailsamplerError("line_too_long", say, Place(str(path), number))
            if not line.strip():
                continue
            try:
                found = parse(line)
            except ValueError as error:
                if line.endswith(b"\n"):
                    self._bad(Place(str(path), number), error)
                else:
                    self.notes.append(f"{path}:{number}: this last line is not complete yet")
                continue
            if found is not None:
                yield found

    def _messages(self, path: Path, file: io.BufferedReader[Any]) -> Iterator[Request]:
        number, position = 0, 0
        while head := self._taken(path, lambda: file.read(_LENGTH_BYTES)):
            number += 1
            size = int.from_bytes(head, "big")
            if size > MOST_BYTES:
                say = (
                    f"byte {position:,} begins no message of the file exporter; name files of "
                    "OTLP (JSON lines, or format: proto) or of trace ids"
                )
                raise TailsamplerError("not_otlp", say, Place(str(path)))
            body = self._taken(path, lambda size=size: file.read(size))  # type: ignore[misc] # a default binds the size
            if len(head) < _LENGTH_BYTES or len(body) < size:
                self.notes.append(f"{path}: message {number} is not complete yet")
                return
            try:
                yield MessageRequest.parse(body)
            except BadRequestError as error:
                self._bad(Place(str(path), key=f"message {number} at byte {position:,}"), error)
            position += _LENGTH_BYTES + size

    def _bad(self, at: Place, error: ValueError) -> None:
        if not self.skip_bad:
            say = f"{error}; --skip-bad goes on without such places"
            raise TailsamplerError("bad_request", say, at) from error
        self._skipped += 1
        if self._skipped <= _NOTED:
            self.notes.append(f"left out {at}: {error}")

    def _taken(self, path: Path, read: Callable[[], bytes]) -> bytes:
        """What is read of a file, in words where it cannot be."""
        try:
            return read()
        except EOFError:
            self.notes.append(f"{path}: its compressed end is not complete yet")
            return b""
        except (OSError, zlib.error) as error:
            raise _unreadable(path, error) from error


def _trace_id(line: bytes) -> bytes | None:
    """A line of a list; what stands behind a ``#`` is for people."""
    if len(line) == 33 and line != _ZEROS:
        try:
            return binascii.unhexlify(line[:32])  # nearly all of millions
        except ValueError:
            pass  # which is said below
    digits = line.split(b"#", 1)[0].strip()
    return parse_trace_id(digits.decode("ascii", "replace")) if digits else None


@contextmanager
def _opened(path: Path) -> Iterator[tuple[io.BufferedReader[Any], io.BufferedReader]]:
    """What stands in a file, and the file itself, which may be compressed."""
    try:
        raw = path.open("rb")
    except OSError as error:
        raise _unreadable(path, error) from error
    with raw:
        if not raw.peek(2).startswith(_GZIP):
            yield raw, raw
            return
        with io.BufferedReader(Inflated(raw)) as file:
            yield file, raw


def _unreadable(path: Path, error: Exception) -> TailsamplerError:
    why = getattr(error, "strerror", None) or str(error)
    say = f"{path} cannot be read ({why}); name a file that this user may read"
    return TailsamplerError("file_unreadable", say)
