"""The processor: requests and ticks in, decisions and spans out; time is an argument.

Within a tick traces are judged in the order in which they began; the real order is random.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.contrib.model.batches import Batches
from tests.contrib.model.cache import DecisionCache, Remembered
from tests.contrib.model.chain import Named, Outcome, decide, in_order
from tests.contrib.model.combinators import Drop
from tests.contrib.model.compat import COMPAT, NEWEST, Compat
from tests.contrib.model.evaluators import build
from tests.contrib.model.events import Event, Kind
from tests.contrib.model.settings import Settings, StartError
from tests.contrib.model.trace import Arrival, Trace, arrivals_in
from tests.contrib.model.votes import Decision, Failure, Vote


class Overflow(Enum):
    """What happens to a new trace when ``num_traces`` are held."""

    AS_CONTRIB = "the oldest is forgotten, or with block_on_overflow the new one waits"
    NEVER = "there is always room"


@dataclass(frozen=True, kw_only=True)
class Gates:
    """Contrib's feature gate, and three choices of the model's own.

    ``cache_by_half_id``: contrib's caches find a trace by the second half of its id.
    ``ingest_forgets``: contrib forgets what span-ingest did not sample, but for a cache's memory.
    """

    use_tracestate: bool = False
    overflow: Overflow = Overflow.AS_CONTRIB
    cache_by_half_id: bool = False
    ingest_forgets: bool = False


@dataclass
class Held:
    """A trace in the map: undecided, or decided and remembered."""

    number: int  # in order of arrival
    trace: Trace
    size: int = 0  # bytes, as maximum_trace_size_bytes counts
    outcome: Outcome | None = None


DEFAULT_GATES = Gates()


class Processor:
    """One processor with one shard.

    ``counts`` has what contrib counts, by contrib's names without their prefix.
    """

    def __init__(
        self,
        settings: Settings,
        compat: str = NEWEST,
        gates: Gates = DEFAULT_GATES,
        behaviour: Compat | None = None,
    ) -> None:
        """Build the policies; ``behaviour`` instead of the one of ``compat``.

        Raises:
            StartError: with contrib's words; also for what the model does not have.
        """
        self.settings = settings
        self.compat = behaviour or COMPAT[compat]
        self.gates = gates
        if gates.use_tracestate and not self.compat.tracestate_gate:
            raise StartError("no such feature gate: processor.tailsamplingprocessor.usetracestate")
        if settings.num_shards > 1:
            raise StartError("this is one shard; several are Sharded's")
        self.policies = build(settings, self.compat, use_tracestate=gates.use_tracestate)
        self.batches = Batches(settings.batches)
        self.traces: dict[bytes, Held] = {}  # in order of arrival: the front is forgotten first
        self.sampled = DecisionCache(settings.sampled_cache_size, gates.cache_by_half_id)
        self.others = DecisionCache(settings.non_sampled_cache_size, gates.cache_by_half_id)
        self.waiting: deque[Arrival] = deque()  # input that is not read for want of room
        self.counts: Counter[str] = Counter()

    def consume(self, request: ExportTraceServiceRequest, now_s: float) -> list[Event]:
        """Take a request at a time in seconds."""
        return self.take(arrivals_in(request, schema_urls=self.compat.schema_url), now_s)

    def take(self, arrivals: Iterable[Arrival], now_s: float) -> list[Event]:
        """Take a request that is already taken apart."""
        self.waiting.extend(arrivals)
        return self._read(_ns(now_s))

    def tick(self, now_s: float) -> list[Event]:
        """One tick, which comes every second: judge the oldest batch."""
        return [*self._tick(_ns(now_s)), *self._read(_ns(now_s))]

    def shutdown(self, now_s: float) -> list[Event]:
        """Judge every batch on what is there, or throw all of them away. Unread input is lost."""
        if self.settings.drop_pending_traces_on_shutdown:
            pending = [held for held in self.traces.values() if held.outcome is None]
            self.traces.clear()
            return [Event(Kind.ABANDONED, held.trace.trace_id) for held in pending]
        ticks = range(self.settings.batches + 1)
        return [event for _ in ticks for event in self._tick(_ns(now_s))]

    # Input

    def _read(self, now_ns: int) -> list[Event]:
        events = []
        while self.waiting:
            arrival = self.waiting[0]
            late = self._from_cache(arrival)
            if late is not None:
                self.waiting.popleft()
                events.append(late)
                continue
            if arrival.trace_id not in self.traces and self._is_full():
                if self.settings.block_on_overflow:
                    break
                events += self._make_room()
            self.waiting.popleft()
            events += self._file(arrival, now_ns)
        return events

    def _from_cache(self, arrival: Arrival) -> Event | None:
        for cache, decision in (
            (self.sampled, Decision.SAMPLED),
            (self.others, Decision.NOT_SAMPLED),
        ):
            found = cache.get(arrival.trace_id)
            if found is not None:
                sampled = decision is Decision.SAMPLED
                self.counts[f"early_releases_from_cache_decision sampled={sampled}"] += len(
                    [*arrival.spans]
                )
                return Event(
                    Kind.LATE,
                    arrival.trace_id,
                    decision,
                    found.policy,
                    out=(arrival,) if sampled else (),
                    threshold=found.threshold if sampled and self.compat.late_threshold else None,
                    cached=True,
                )
        return None

    def _is_full(self) -> bool:
        never = self.gates.overflow is Overflow.NEVER
        return not never and len(self.traces) >= self.settings.num_traces

    def _make_room(self) -> list[Event]:
        """Forget the oldest trace without a decision and without a trace in any cache."""
        forgotten = []
        while self.traces and self._is_full():
            held = self.traces.pop(next(iter(self.traces)))
            if held.outcome is None:
                forgotten.append(Event(Kind.FORGOTTEN, held.trace.trace_id))
        return forgotten

    def _file(self, arrival: Arrival, now_ns: int) -> list[Event]:
        held = self.traces.get(arrival.trace_id) or self._open(arrival.trace_id)
        held.trace.span_count += len([*arrival.spans])
        wait = self.settings.batches_after_root
        if arrival.has_root and wait is not None:
            self.batches.hurry(arrival.trace_id, wait)
        if held.outcome is not None:
            return [self._late(held, held.outcome, arrival)]
        held.size += arrival.size
        if 0 < self.settings.maximum_trace_size_bytes < held.size:
            self.counts["traces_dropped_too_large"] += 1
            self.batches.remove(arrival.trace_id)
            return [self._release(held, Outcome(Decision.NOT_SAMPLED), Kind.TOO_LARGE)]
        outcome = self._at_ingest(held, arrival, now_ns)
        held.trace.arrivals.append(arrival)
        return [] if outcome is None else [self._release(held, outcome, Kind.JUDGED)]

    def _open(self, trace_id: bytes) -> Held:
        self.counts["new_trace_id_received"] += 1
        held = Held(self.counts["new_trace_id_received"], Trace(trace_id))
        self.traces[trace_id] = held
        self.batches.add(trace_id)
        return held

    def _late(self, held: Held, outcome: Outcome, arrival: Arrival) -> Event:
        sampled = outcome.decision is Decision.SAMPLED
        rewrite = sampled and self.gates.use_tracestate and self.compat.late_threshold
        return Event(
            Kind.LATE,
            held.trace.trace_id,
            outcome.decision,
            out=(arrival,) if sampled else (),
            threshold=outcome.threshold if rewrite else None,
        )

    # Decisions

    def _at_ingest(self, held: Held, arrival: Arrival, now_ns: int) -> Outcome | None:
        """With ``span-ingest`` each piece is judged alone; None leaves the trace undecided.

        A drop that did not drop might still do so: as long as there is one, nothing is sampled.
        """
        if self.settings.sampling_strategy != "span-ingest":
            return None
        piece = Trace(held.trace.trace_id, [arrival], held.trace.span_count)
        deferred = False
        for named in in_order(self.policies):
            drops = isinstance(named.policy, Drop)
            if deferred and not drops:
                return None
            ballot = named.policy.evaluate(piece, now_ns)
            match ballot:
                case Failure():
                    self.counts["sampling_policy_evaluation_error"] += 1
                case Vote(Decision.DROPPED):
                    return Outcome(Decision.DROPPED, named.name)
                case Vote() if drops:
                    deferred = self.compat.ingest_defers
                case Vote(Decision.SAMPLED):  # the first one decides; no other is asked
                    marked = ballot.composite_policy
                    return Outcome(Decision.SAMPLED, named.name, marked, ballot.threshold)
        return None

    def _tick(self, now_ns: int) -> list[Event]:
        found = self.batches.take()
        self.counts["sampling_trace_dropped_too_early"] += sum(i not in self.traces for i in found)
        held = [self.traces[i] for i in found if i in self.traces]
        due = sorted((h for h in held if h.outcome is None), key=lambda h: h.number)
        if self.settings.sampling_strategy == "span-ingest":
            return [self._give_up(each) for each in due]
        drops = [named for named in self.policies if isinstance(named.policy, Drop)]
        others = [named for named in self.policies if named not in drops]
        # What is dropped takes nothing of a tick's budget from the others.
        first = [self._decide(drops, each.trace, now_ns) for each in due]
        left = [
            each.trace
            for each, outcome in zip(due, first, strict=True)
            if outcome.decision is not Decision.DROPPED
        ]
        for named in others:
            named.policy.prepare(left, now_ns)
        return [
            self._release(
                each,
                outcome
                if outcome.decision is Decision.DROPPED
                else self._decide(others, each.trace, now_ns),
                Kind.JUDGED,
            )
            for each, outcome in zip(due, first, strict=True)
        ]

    def _give_up(self, held: Held) -> Event:
        """Not sampled by any piece: whatever comes later begins a new trace."""
        event = self._release(held, Outcome(Decision.NOT_SAMPLED), Kind.JUDGED)
        if self.gates.ingest_forgets and self.compat.ingest_forgets:
            self.traces.pop(held.trace.trace_id, None)
        return event

    def _decide(self, policies: Sequence[Named], trace: Trace, now_ns: int) -> Outcome:
        first_match = self.settings.sample_on_first_match
        outcome = decide(
            policies,
            trace,
            now_ns,
            first_match=first_match,
            credit_loosest=self.compat.credit_loosest,
        )
        self.counts["sampling_policy_evaluation_error"] += outcome.failures
        return outcome

    def _release(self, held: Held, outcome: Outcome, kind: Kind) -> Event:
        """Note the decision and let the spans go; a trace that a cache knows leaves the map."""
        trace_id = held.trace.trace_id
        sampled = outcome.decision is Decision.SAMPLED
        threshold = outcome.threshold if sampled and self.gates.use_tracestate else None
        spans = tuple(held.trace.arrivals)
        held.outcome = outcome
        held.trace.arrivals = []
        cache = self.sampled if sampled else self.others
        cache.put(trace_id, Remembered(outcome.policy, threshold))
        if cache.get(trace_id) is not None:
            del self.traces[trace_id]
        return Event(
            kind,
            trace_id,
            outcome.decision,
            outcome.policy,
            outcome.composite_policy,
            out=spans if sampled else (),
            threshold=threshold,
            last_only=self.settings.sampling_strategy == "span-ingest",
        )


def _ns(seconds: float) -> int:
    return round(seconds * 1e9)
