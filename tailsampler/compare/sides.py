"""A side, whatever it is: collect all of it, then look more closely at some."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from tailsampler.compare.asking import AT_ONCE, Asker, address, together
from tailsampler.compare.collected import Collected
from tailsampler.compare.files import Files, Progress, nothing
from tailsampler.compare.spans import MessageRequest, Request
from tailsampler.compare.tempo import Tempo
from tailsampler.errors import TailsamplerError

_MASK: Final = (1 << 64) - 1
_MOST_SPANS: Final = 1_000_000
_MOST_BYTES: Final = 256 * 2**20
"""Of spans that are looked at more closely, on one side."""


@dataclass
class Seen:
    """One trace as one side has it, span by span."""

    span_ids: set[bytes] = field(default_factory=set)
    requests: list[bytes] = field(default_factory=list)
    """Its spans as requests of OTLP, in protobuf or JSON."""
    whole: bool = True
    """False: there was no room for all of it."""


@dataclass
class Looked:
    """Traces of one side, and the room that they may take."""

    seen: dict[bytes, Seen] = field(default_factory=dict)
    _spans: int = 0
    _bytes: int = 0

    def take(self, request: Request, wanted: Collection[bytes]) -> None:
        """The spans of these traces that stand in a request."""
        if not any(span.trace_id in wanted for span in request.spans):
            return
        for span, alone in request.only(wanted):
            seen = self.seen.setdefault(span.trace_id, Seen())
            self._spans += 1
            self._bytes += len(alone)
            if self._spans > _MOST_SPANS or self._bytes > _MOST_BYTES:
                seen.whole = False
                seen.requests.clear()
                continue
            if span.span_id in seen.span_ids:
                continue  # sent twice
            seen.span_ids.add(span.span_id)
            seen.requests.append(alone)


class Side(Protocol):
    """Whoever kept traces."""

    exact: bool
    """Whether it knows its spans one by one when it is collected."""

    async def collect(self, since_ns: int, until_ns: int, tell: Progress) -> Collected:
        """All of it; 0: no bound in time. Raises ``TailsamplerError``."""

    async def look(self, wanted: Collection[bytes]) -> dict[bytes, Seen]:
        """Some of it, span by span; a trace of which no span is known is missing."""


@dataclass
class FileSide:
    """A file or a directory."""

    files: Files
    exact: bool = True
    _has_spans: bool = False

    async def collect(self, _since_ns: int, _until_ns: int, tell: Progress) -> Collected:
        """Read it; times are looked at afterwards, when whole traces are known."""
        found, without_id = Collected(), 0
        for one in self.files.read(tell):
            if isinstance(one, bytes):
                found.add(one, 0, 0, 0, 0)
                continue
            self._has_spans = True
            for trace_id, span_id, start_ns, end_ns in one.spans:
                if trace_id:
                    found.add(trace_id, 1, hash(span_id) & _MASK, start_ns, end_ns)
                else:
                    without_id += 1
        found.notes += self.files.notes
        if without_id:
            found.notes.append(f"{without_id:,} spans without a valid trace id were left out")
        return found

    async def look(self, wanted: Collection[bytes]) -> dict[bytes, Seen]:
        """Read it once more."""
        looked = Looked()
        if not self._has_spans:
            return {}  # a list of ids says no more than it said
        try:
            for one in self.files.read(nothing):
                if not isinstance(one, bytes):
                    looked.take(one, wanted)
        except TailsamplerError as error:
            # It could be read a moment ago: it is written meanwhile, and rotated.
            if error.code != "file_unreadable":
                raise
            return {}
        return looked.seen


@dataclass
class TempoSide:
    """What answers Tempo's search."""

    tempo: Tempo
    exact: bool = False

    async def collect(self, since_ns: int, until_ns: int, tell: Progress) -> Collected:
        """Search; the seconds of the bounds count whole."""
        return await self.tempo.collect(since_ns // 10**9, -(-until_ns // 10**9), tell)

    async def look(self, wanted: Collection[bytes]) -> dict[bytes, Seen]:
        """Ask for each trace by its id, a few at once."""
        looked, trace_ids = Looked(), sorted(wanted)
        for at in range(0, len(trace_ids), AT_ONCE):
            few = trace_ids[at : at + AT_ONCE]
            bodies = await together(map(self.tempo.trace, few))
            for trace_id, body in zip(few, bodies, strict=True):
                if body is not None:
                    looked.take(MessageRequest.parse(body), {trace_id})
        return looked.seen


def is_url(text: str) -> bool:
    """Whether a side is asked over HTTP."""
    return text.startswith(("http://", "https://"))


def side_of(text: str, asker: Asker, *, tenant: str | None, skip_bad: bool) -> Side:
    """The side that somebody named: a URL, a file or a directory."""
    if is_url(text):
        return TempoSide(Tempo(asker, address(text), tenant))
    if "://" in text:
        say = f"{text} is no side; name a file, a directory, or a URL of http or https"
        raise TailsamplerError("bad_side", say)
    return FileSide(Files(Path(text), skip_bad))
