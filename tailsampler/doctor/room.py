"""Bounds and what they must hold: the logs, the disk below them, memory."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from tailsampler.doctor.facts import STATUS, Facts, Live
from tailsampler.doctor.finding import Change, Evidence, Finding, Severity
from tailsampler.settings.export import LocalExporter
from tailsampler.settings.units import duration_text

NEAR: Final = 0.8
SPAN_BYTES: Final = 24
TRACE_BYTES: Final = 96
"""Of index a held span and a held trace: what the design allows, measured less."""
VERDICT_BYTES: Final = 24
PROCESS_BYTES: Final = 100 << 20
"""Without spans: 80 MB measured (benchmarks/results/standard_chain.md), and some air."""
# The log holds requests as they came: resources and scopes too, and segments not yet free.
_OVERHEAD: Final = 1.25


def buffer_too_small(facts: Facts) -> Iterator[Finding]:
    """A buffer log that cannot hold what comes within the longest wait.

    What is held is the rate of bytes times the wait, a quarter more for resources, scopes and
    segments that are not wholly free. At the bound the oldest traces are judged early, on what has
    come. That has happened (harm now), or the log is four fifths full, or the product says it will.
    """
    live = facts.live
    if live is None:
        return
    bound = facts.settings.buffer.max_bytes
    setting, wait = facts.longest_wait
    rate = _bytes_a_second(live)
    need = rate * wait.total_seconds() * _OVERHEAD
    used, early = live.stat("log", "bytes"), live.stat("verdict_reasons", "early_buffer_full")
    if not early and used < NEAR * bound and need < NEAR * bound:
        return
    wanted = max(bound * 2, int(need * 2))
    yield Finding(
        id="buffer-too-small",
        severity=Severity.HARM_NOW if early else Severity.WILL_HURT,
        what="Traces are judged before their wait is over, because the buffer log is full."
        if early
        else "The buffer log is nearly full; then traces are judged before their wait is over.",
        evidence=(
            Evidence(f"{_size(used)} of {_size(bound)} used", STATUS),
            Evidence(
                f"{_size(rate)}/s {live.lately}, held for {duration_text(wait)}: {_size(need)}",
                f"{STATUS}; {setting}",
            ),
            Evidence(f"{early:,.0f} traces judged early since the start", STATUS),
        ),
        changes=(
            Change("buffer.max_bytes", _size(bound), _size(_gib(wanted))),
            Change(f"or {setting}", duration_text(wait), "shorter"),
        ),
        effect='tailsampler_verdicts_total{reason="early_buffer_full"} stops growing; the disk '
        "must have the room.",
    )


def outbox_filling(facts: Facts) -> Iterator[Finding]:
    """An outbox that is half full: its backend does not keep up, and this is how long it lasts.

    Well, it is nearly empty: a batch lingers for 0.2 s. Half of the bound is the least that leaves
    time to act; from four fifths on it is harm now, since at the bound kept traces stay in the
    buffer log, and those judged after them early.
    """
    live = facts.live
    if live is None:
        return
    used, bound = live.stat("outbox", "bytes"), live.stat("outbox", "max_bytes")
    if not bound or used < bound / 2:
        return
    behind = max(live.ledger.exporters, key=lambda name: _waiting(live, name), default="")
    rate = _kept_bytes_a_second(live)
    lasts = duration_text(timedelta(seconds=int((bound - used) / rate))) if rate else "long"
    yield Finding(
        id="outbox-filling",
        severity=Severity.HARM_NOW if used >= NEAR * bound else Severity.WILL_HURT,
        what=f"The outbox is {used / bound:.0%} full, because {behind or 'a backend'} does not "
        f"take what is kept; the rest lasts {lasts}.",
        evidence=(
            Evidence(f"{_size(used)} of {_size(bound)}", STATUS),
            Evidence(f"{_waiting(live, behind):,} spans wait for {behind}", STATUS),
            Evidence(f"about {_size(rate)}/s kept {live.lately}", STATUS),
        ),
        changes=(
            Change(f"the backend of {behind}", "too slow, or away", "answering"),
            Change("outbox.max_bytes", _size(bound), _size(2 * bound)),
        ),
        effect="Kept traces reach the backend as fast as they are kept.",
    )


def disk_too_small(facts: Facts) -> Iterator[Finding]:
    """Bounds that add up to more than the disk has.

    Each bound is kept by itself, so the disk is full before they are. A full disk refuses requests
    and does not mend itself: verdicts need room, too. What the directory holds already counts as
    free, because the bounds count it.
    """
    free = facts.machine.disk_free
    if free is None:
        return
    bounds = dict(_bounds(facts))
    total, room = sum(bounds.values()), free + (facts.machine.data_bytes or 0)
    if total <= room:
        return
    told = " + ".join(f"{name} {_size(size)}" for name, size in bounds.items())
    largest = max(bounds, key=lambda name: bounds[name])
    fits = bounds[largest] - (total - room) - room // 20
    to = _size(_down(fits)) if fits >= 16 << 20 else "less, and the others too"
    yield Finding(
        id="disk-smaller-than-bounds",
        severity=Severity.HARM_NOW if free < 256 << 20 else Severity.WILL_HURT,
        what=f"The bounds allow {_size(total)} in the data directory, and the disk has room for "
        f"{_size(room)}.",
        evidence=(
            Evidence(told, facts.config_name),
            Evidence(
                f"{_size(free)} free, {_size(facts.machine.data_bytes or 0)} used by the directory",
                f"statvfs by {facts.where}",
            ),
        ),
        changes=(
            Change(largest, _size(bounds[largest]), to),
            Change("or the volume of data_directory", _size(room), _size(_gib(total * 1.1))),
        ),
        effect="A bound is met before the disk is full: traces are judged early instead of "
        "requests being refused.",
    )


def memory_limit(facts: Facts) -> Iterator[Finding]:
    """A memory limit under what the process needs at its bounds.

    Index 24 B a held span and 96 B a trace at the measured rate, 24 B a remembered verdict, the
    bodies in flight, 100 MiB for the process itself, and a tenth of air, without which the kernel
    takes its time to reclaim. A data directory in memory counts wholly. Beyond it the kernel ends
    the process: OOMKilled, with nothing lost but time, unless the directory was in memory, too.
    """
    limit = facts.machine.memory_limit
    if limit is None:
        return
    parts = dict(_memory(facts))
    need = sum(parts.values()) * 1.1
    if need <= limit:
        return
    largest = max((part for part in parts if part in _KNOBS), key=lambda part: parts[part])
    yield Finding(
        id="memory-limit",
        severity=Severity.WILL_HURT,
        what=f"At its bounds the gateway needs {_size(need)} of memory, and its limit is "
        f"{_size(limit)}: the kernel will end it.",
        evidence=(
            Evidence(f"memory.max {_size(limit)}", f"control group of {facts.where}"),
            Evidence(
                ", ".join(f"{name} {_size(size)}" for name, size in parts.items()),
                f"{facts.config_name}{'; ' + STATUS if facts.live else ''}",
            ),
        ),
        changes=(
            Change("the container's memory limit", _size(limit), _size(_mib(need))),
            Change(f"or {_KNOBS[largest]}", _size(parts[largest]), "less"),
        ),
        effect="The process is not ended by the kernel at the first burst.",
    )


_KNOBS: Final = {
    "bodies in flight": "receive.in_flight_bytes",
    "verdicts": "late.max_traces",
    "data directory": "buffer.max_bytes and outbox.max_bytes",
}


def _memory(facts: Facts) -> Iterator[tuple[str, int]]:
    settings, live = facts.settings, facts.live
    yield "process", PROCESS_BYTES
    yield "bodies in flight", settings.receive.in_flight_bytes
    yield "verdicts", settings.late.max_traces * VERDICT_BYTES
    if live is not None:
        wait_s = facts.longest_wait[1].total_seconds()
        spans = live.window.rate("spans", "received") * wait_s
        traces = live.window.rate("traces", "judged") * wait_s
        yield "index", int(spans * SPAN_BYTES + traces * TRACE_BYTES)
    if facts.machine.in_memory:
        yield "data directory", sum(size for _, size in _bounds(facts))


def _bounds(facts: Facts) -> Iterator[tuple[str, int]]:
    settings = facts.settings
    yield "buffer.max_bytes", settings.buffer.max_bytes
    yield "outbox.max_bytes", settings.outbox.max_bytes
    yield "decisions.max_bytes", settings.decisions.max_bytes
    for exporter in settings.export:
        if isinstance(exporter, LocalExporter) and exporter.path is None:
            yield f"export.{exporter.name}.retention.max_bytes", exporter.retention.max_bytes


def _bytes_a_second(live: Live) -> float:
    """Of Span messages; the window counts spans, the books know how large one is."""
    octets, spans = live.ledger.primary.bytes.received, live.ledger.primary.spans.received
    return live.window.rate("spans", "received") * (octets / spans if spans else 0.0)


def _kept_bytes_a_second(live: Live) -> float:
    octets, spans = live.ledger.primary.bytes.received, live.ledger.primary.spans.received
    return live.window.rate("spans", "kept") * (octets / spans if spans else 0.0)


def _waiting(live: Live, exporter: str) -> int:
    pair = live.ledger.exporters.get(exporter)
    return 0 if pair is None else pair.spans.outbox


def _size(size: float) -> str:
    """Bytes for people: three digits and a binary unit."""
    for unit, factor in (("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if size >= factor:
            return (
                f"{size / factor:.3g}{unit}"
                if size / factor < 1000
                else f"{size / factor:.0f}{unit}"
            )
    return f"{size:.0f}B"


def _gib(size: float) -> int:
    return -(-int(size) // (1 << 30)) << 30


def _mib(size: float) -> int:
    return -(-int(size) // (64 << 20)) * (64 << 20)


def _down(size: int) -> int:
    unit = 1 << 30 if size >= 1 << 30 else 1 << 20
    return size // unit * unit
