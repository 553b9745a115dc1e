"""The ``ot`` member of a tracestate: randomness, threshold, and how a kept span gets its own.

Contrib reads it with a parser of its own, which is not the one that ``trace_state`` uses: keys may
occur twice, and a header is no longer than 1024 bytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from tests.contrib.model.trace import Trace

LONGEST = 1024
MEMBERS_AT_MOST = 31
"""Empty ones count."""

_REST = r"[a-z0-9_\-*/]"
_KEY = re.compile(rf"(?=.{{1,256}}\Z)[a-z]{_REST}*|[a-z0-9]{_REST}{{0,240}}@[a-z]{_REST}{{0,13}}")
# Printable ASCII without comma and equals sign; the last character is no blank.
_VALUE = re.compile(r"[ -+\--<>-~]{0,255}[!-+\--<>-~]")
_MINE = re.compile(r"([a-z][a-z0-9]*):([A-Za-z0-9._\-]*)")
RANDOMNESS = re.compile(r"[0-9a-fA-F]{14}")
THRESHOLD = re.compile(r"[0-9a-fA-F]{1,14}")


@dataclass(frozen=True)
class State:
    """A header that can be read: what ``ot`` says, its other pairs, and the other members."""

    rv: str | None = None
    th: str | None = None
    pairs: tuple[tuple[str, str], ...] = ()
    others: tuple[str, ...] = ()

    @property
    def threshold(self) -> int | None:
        """T of 56 bits."""
        return None if self.th is None else int(self.th.ljust(14, "0"), 16)


@lru_cache(maxsize=1 << 16)
def parse(header: str) -> State | None:
    """None if it cannot be read."""
    members = [member.strip(" \t") for member in header.split(",")]
    if len(header) > LONGEST or len(members) > MEMBERS_AT_MOST:
        return None
    mine, others = State(), []
    for member in filter(None, members):
        key, equals, value = member.partition("=")
        if not equals or not _KEY.fullmatch(key) or not _VALUE.fullmatch(value):
            return None
        if key != "ot":
            others.append(member)
            continue
        read = _mine(value)
        if read is None:
            return None
        mine = read
    return State(mine.rv, mine.th, mine.pairs, tuple(others))


def _mine(value: str) -> State | None:
    rv = th = None
    pairs = []
    for pair in value.split(";"):
        read = _MINE.fullmatch(pair)
        if read is None:
            return None
        match read.groups():
            case ("rv", digits):
                rv = digits
                if not RANDOMNESS.fullmatch(digits):
                    return None
            case ("th", digits):
                th = digits
                if not THRESHOLD.fullmatch(digits):
                    return None
            case (key, other):
                pairs.append((key, other))
    return State(rv, th, tuple(pairs))


def has_sampling_information(trace: Trace) -> bool:
    """Whether any span of the trace brings a randomness or a threshold."""
    states = (parse(held.span.trace_state) or State() for held in trace.spans)
    return any(state.rv is not None or state.th is not None for state in states)


def randomness(trace: Trace) -> int:
    """R of 56 bits: the first ``rv`` in order of arrival, else the end of the trace id."""
    for held in trace.spans:
        state = parse(held.span.trace_state)
        if state is not None and state.rv is not None:
            return int(state.rv, 16)
    return int.from_bytes(trace.trace_id[9:], "big")


def encoded(threshold: int) -> str:
    """A threshold as ``th`` has it: without the zeros at the end; always is ``0``."""
    return f"{threshold:014x}".rstrip("0") or "0"


def with_threshold(header: str, threshold: int) -> str | None:
    """The tracestate with at least this threshold; None if the header cannot be read.

    A stricter one stays, and the header with it; else it is written anew, even with an equal one.
    """
    state = parse(header)
    if state is None:
        return None
    if state.threshold is not None and state.threshold > threshold:
        return header
    mine = [] if state.rv is None else [("rv", state.rv)]
    mine += [("th", encoded(threshold)), *state.pairs]
    return ",".join(["ot=" + ";".join(map(":".join, mine)), *state.others])
