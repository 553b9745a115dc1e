"""The local trace store: how fast it takes traces, and how fast it finds them among many."""

from __future__ import annotations

import gc
import random
import resource as usage
import shutil
import struct
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from benchmarks import process, report
from tailsampler.clock import SystemClock
from tailsampler.settings.local import INDEXED
from tailsampler.store.options import Options
from tailsampler.store.query import Needs, Row, Scope, Term
from tailsampler.store.traces import TraceStore
from tailsampler.testing.spans import Value, request, resource, span
from tailsampler.traces.model import Trace

TRACES = 1_000_000
SPANS = 8
BATCH_BYTES = 1 << 20
GOAL_MS = 300
GOAL_TRACES = 2_000
ROUNDS = 5
SERVICES = ("api-gateway", "checkout", "cart", "payment", "stock", "mail", "search", "auth")
SHAPES = 200
_DAY_NS = 86_400 * 10**9
_TRACE = b"T" * 16
_START, _END = 0x4141414141414141, 0x4242424242424242


@dataclass(frozen=True, slots=True)
class Shape:
    """A serialized trace in which id and times are still to be filled in."""

    data: bytes

    def fill(self, trace_id: bytes, start_ns: int, duration_ns: int) -> bytes:
        """The trace."""
        filled = self.data.replace(_TRACE, trace_id)
        filled = filled.replace(struct.pack("<Q", _START), struct.pack("<Q", start_ns))
        return filled.replace(struct.pack("<Q", _END), struct.pack("<Q", start_ns + duration_ns))


def shape(dice: random.Random, number: int) -> Shape:
    """Eight spans of three services, each service's together; a twentieth of them with an error."""
    services = dice.sample(SERVICES, 3)
    failed = number % 20 == 0
    status = Status.STATUS_CODE_ERROR if failed else Status.STATUS_CODE_UNSET
    spans: dict[str, list[Span]] = {service: [] for service in services}
    for position in range(SPANS):
        attributes: dict[str, Value] = {
            "http.route": f"/route/{dice.randrange(100)}",
            "http.request.method": dice.choice(("GET", "POST")),
            "http.response.status_code": 500 if failed else 200,
            "url.full": f"https://shop.example/route/{dice.randrange(10**9)}",
            "user_agent.original": "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101",
            "thread.id": dice.randrange(100),
        }
        one = span(
            f"{services[position % 3]} operation {dice.randrange(50)}",
            trace_id=_TRACE,
            span_id=dice.randbytes(8),
            parent_id=None if position == 0 else 1,
            kind=Span.SPAN_KIND_SERVER if position % 2 == 0 else Span.SPAN_KIND_CLIENT,
            status=status if position < 2 else Status.STATUS_CODE_UNSET,
            attributes=attributes,
        )
        one.start_time_unix_nano, one.end_time_unix_nano = _START, _END
        if position == 0:
            one.attributes.add(key="tailsampler.policy").value.string_value = "default"
        spans[services[position % 3]].append(one)
    prod: dict[str, Value] = {"deployment.environment.name": "prod"}
    groups = [resource(service, *some, attributes=prod) for service, some in spans.items()]
    return Shape(request(*groups).SerializeToString())


def batches(traces: int, now_ns: int) -> Iterator[tuple[bytes, int]]:
    """Payloads of about ``BATCH_BYTES`` and their traces, over one day that ends now."""
    dice = random.Random(4)
    shapes = [shape(dice, number) for number in range(SHAPES)]
    rare = Shape(shapes[1].data.replace(b"/route/", b"/rare_/"))
    parts: list[bytes] = []
    size = 0
    for number in range(traces):
        start_ns = now_ns - _DAY_NS + _DAY_NS * number // traces + dice.randrange(10**9)
        duration_ns = int(dice.lognormvariate(4, 1.2) * 1e6)
        chosen = rare if number % 100_000 == 0 else dice.choice(shapes)
        parts.append(chosen.fill(number.to_bytes(16, "big"), start_ns, duration_ns))
        size += len(parts[-1])
        if size >= BATCH_BYTES:
            yield b"".join(parts), len(parts)
            parts, size = [], 0
    if parts:
        yield b"".join(parts), len(parts)


def cpu_s() -> float:
    """User and system time of this process."""
    used = usage.getrusage(usage.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


@dataclass(slots=True)
class Writing:
    """What filling the store took; making the payloads is not counted."""

    traces: int = 0
    bytes: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0
    longest_s: float = 0.0


def fill(store: TraceStore, traces: int, now_ns: int) -> Writing:
    """Write them all."""
    done = Writing()
    gc.collect()
    gc.freeze()  # as the gateway does
    for payload, count in batches(traces, now_ns):
        wall, cpu = time.perf_counter(), cpu_s()
        store.write(payload)
        took = time.perf_counter() - wall
        done.wall_s += took
        done.cpu_s += cpu_s() - cpu
        done.longest_s = max(done.longest_s, took)
        done.traces += count
        done.bytes += len(payload)
    return done


def questions(
    store: TraceStore, traces: int, now_ns: int
) -> Iterator[tuple[str, Callable[[], int]]]:
    """What is asked, and how many answers there are."""

    def one(scope: Scope, key: str, value: str | float) -> frozenset[Term]:
        return frozenset({Term(scope, key, value)})

    service = one("resource", "service.name", "checkout")
    error = one("intrinsic", "status", "error")
    route = one("span", "http.route", "/route/7")

    def find(needs: Needs) -> Callable[[], int]:
        def ask() -> int:
            def every(_row: Row, _trace: Trace) -> bool:
                return True

            return len(store.search(needs, every, limit=20, deadline=lambda: False).hits)

        return ask

    half = now_ns - _DAY_NS // 2
    second = 10**9
    yield "the newest 20", find(Needs())
    yield "a service", find(Needs(clauses=(service,)))
    yield "a span name", find(Needs(clauses=(one("intrinsic", "name", "cart operation 7"),)))
    yield "an indexed attribute", find(Needs(clauses=(route,)))
    yield "errors of a service", find(Needs(clauses=(service, error)))
    yield "longer than 1 s", find(Needs(min_duration_ns=second))
    yield "longer than 1 s, of a service", find(Needs(clauses=(service,), min_duration_ns=second))
    yield (
        "longer than a day, of a service (none)",
        find(Needs(clauses=(service,), min_duration_ns=_DAY_NS)),
    )
    yield "longer than a day (none)", find(Needs(min_duration_ns=_DAY_NS))
    yield "one hour at noon", find(Needs(start_ns=half, end_ns=half + 3_600 * second))
    yield (
        "a service in that hour",
        find(Needs(clauses=(service,), start_ns=half, end_ns=half + 3_600 * second)),
    )
    yield "a rare value", find(Needs(clauses=(one("span", "http.route", "/rare_/7"),)))
    rare_all = frozenset(Term("span", "http.route", f"/rare_/{n}") for n in range(100))
    yield "any of 100 rare values", find(Needs(clauses=(rare_all,)))
    yield "a rare value of a service", find(Needs(clauses=(service, rare_all)))
    yield "a value that is nowhere", find(Needs(clauses=(one("span", "http.route", "/none"),)))
    yield (
        "two services and a route",
        find(Needs(clauses=(service, one("resource", "service.name", "cart"), route))),
    )
    yield (
        "two policies, one of them unknown",
        find(Needs(clauses=(one("intrinsic", "policy", "default"), error, service, route))),
    )
    yield "2,000 rows for a chart", lambda: len(store.rows(Needs(), limit=2_000))
    yield "attribute names", lambda: len(store.tag_names())
    yield "values of http.route", lambda: len(store.tag_values(["span"], "http.route", limit=1_000))
    yield (
        "values of an attribute without an index",
        lambda: len(store.tag_values(["span"], "thread.id", limit=1_000)),
    )
    yield "a trace by its id", lambda: int(store.get((traces // 2).to_bytes(16, "big")) is not None)


def run(scale: float) -> str:
    """Fill a store and ask it; returns the report, as Markdown."""
    clock, traces = SystemClock(), int(TRACES * scale)
    directory = Path(tempfile.mkdtemp(prefix="tailsampler-bench-"))
    options = Options(max_age=timedelta(days=30), max_bytes=1 << 40, indexed=frozenset(INDEXED))
    store = TraceStore.open(directory / "traces.sqlite", options, clock)
    try:
        now_ns = clock.wall_ns()
        writing = fill(store, traces, now_ns)
        rows = []
        for words, ask in questions(store, traces, now_ns):
            took_ms = []
            for _ in range(ROUNDS):
                began = time.perf_counter()
                answers = ask()
                took_ms.append((time.perf_counter() - began) * 1e3)
            rows.append((words, took_ms, answers))
            print(f"{words}: {took_ms[0]:.1f} first, {median(took_ms):.1f} ms, {answers}")
        return render(writing, rows, store.totals().bytes)
    finally:
        store.close()
        shutil.rmtree(directory)


def render(writing: Writing, rows: list[tuple[str, list[float], int]], on_disk: int) -> str:
    """The report as Markdown."""
    each_us = writing.cpu_s / writing.traces * 1e6
    about = (
        f"{writing.traces:,} traces of {SPANS} spans, {writing.bytes / writing.traces:,.0f} bytes "
        "each on the wire, written to the local trace store in batches of 1 MiB, then searched."
    )
    lines = [
        "# local_store",
        "",
        about,
        "",
        f"Machine: {process.machine()}.",
        f"Commit: {report.commit()}. Date: {datetime.now(UTC):%Y-%m-%d}.",
        "",
        "| writing | measured | goal |",
        "|---|---:|---:|",
        f"| traces/s | {writing.traces / writing.wall_s:,.0f} | {GOAL_TRACES:,} |",
        f"| CPU us a trace | {each_us:.0f} | - |",
        f"| cores at {GOAL_TRACES:,} traces/s | {each_us * GOAL_TRACES / 1e6:.2f} | - |",
        f"| longest write, ms | {writing.longest_s * 1e3:.0f} | - |",
        f"| bytes on disk a trace | {on_disk / writing.traces:,.0f} | - |",
        "",
        f"Milliseconds a search, the first and the median of {ROUNDS}; the goal is {GOAL_MS}.",
        "",
        "| search | first | median | answers |",
        "|---|---:|---:|---:|",
    ]
    lines += [
        f"| {words} | {took[0]:.1f} | {median(took):.1f} | {answers:,} |"
        for words, took, answers in rows
    ]
    return "\n".join(lines) + "\n"
