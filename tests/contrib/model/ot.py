"""The ``ot`` member of a tracestate: randomness, threshold, and how a kept span gets its own."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tests.contrib.model import w3c
from tests.contrib.model.trace import Trace

RANDOMNESS = re.compile(r"[0-9a-f]{14}")
THRESHOLD = re.compile(r"[0-9a-f]{1,14}")


def member(header: str) -> Mapping[str, str] | None:
    """The keys of ``ot``; none if there is no such member, None if the header cannot be read."""
    members = w3c.parse(header)
    if members is None:
        return None
    pairs = [pair.partition(":") for pair in members.get("ot", "").split(";") if pair]
    if not all(colon for _, colon, _ in pairs):
        return None
    found = {key: value for key, _, value in pairs}
    if "rv" in found and not RANDOMNESS.fullmatch(found["rv"]):
        return None
    if "th" in found and not THRESHOLD.fullmatch(found["th"]):
        return None
    return found


def has_sampling_information(trace: Trace) -> bool:
    """Whether any span of the trace brings a randomness or a threshold."""
    return any((member(held.span.trace_state) or {}).keys() & {"rv", "th"} for held in trace.spans)


def randomness(trace: Trace) -> int:
    """R of 56 bits: the first ``rv`` in order of arrival, else the end of the trace id."""
    for held in trace.spans:
        found = member(held.span.trace_state) or {}
        if "rv" in found:
            return int(found["rv"], 16)
    return int.from_bytes(trace.trace_id[9:], "big")


def encoded(threshold: int) -> str:
    """A threshold as ``th`` has it: without the zeros at the end; always is ``0``."""
    return f"{threshold:014x}".rstrip("0") or "0"


def with_threshold(header: str, threshold: int) -> str | None:
    """The tracestate with at least this threshold; None if the header cannot be read."""
    found = member(header)
    if found is None:
        return None
    if "th" in found and int(found["th"].ljust(14, "0"), 16) >= threshold:
        return header
    rest = {key: value for key, value in found.items() if key not in {"rv", "th"}}
    keys = {**{k: v for k, v in found.items() if k == "rv"}, "th": encoded(threshold), **rest}
    mine = "ot=" + ";".join(f"{key}:{value}" for key, value in keys.items())
    others = [f"{k}={v}" for k, v in (w3c.parse(header) or {}).items() if k != "ot"]
    return ",".join([mine, *others])
