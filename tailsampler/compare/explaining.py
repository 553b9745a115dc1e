"""Put each difference in a class, and say in a sentence or two why it is one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from tailsampler.compare.partition import Pair
from tailsampler.compare.sides import Seen
from tailsampler.compare.verdicts import Said, Unasked, Verdict

if TYPE_CHECKING:
    from tailsampler.decide.offline import Judged

LIMITS: Final = frozenset({"rate_limiting", "bytes_limiting", "composite"})
"""Types of policies whose verdict depends on what else is kept at that time."""

_SHOWN_IDS: Final = 3


class Class(StrEnum):
    """Why a trace is a difference. ``WORDS`` says each in the words of the table."""

    KEPT = "kept"
    DROPPED = "dropped"
    LIMITED = "limited"
    FEWER_SPANS = "fewer_spans"
    EARLY = "early"
    NOT_THERE = "not_there"
    THERE_ANYWAY = "there_anyway"
    HELD = "held"
    UNKNOWN = "unknown"
    ALONE = "alone"
    SPANS_DIFFER = "spans_differ"
    NOT_LOOKED_INTO = "not_looked_into"
    EDGE = "edge"


WORDS: Final = {
    Class.KEPT: "kept by a policy there",
    Class.DROPPED: "dropped by the verdict there",
    Class.LIMITED: "limited by rate: whoever came first was kept",
    Class.FEWER_SPANS: "dropped on fewer spans than the other side has",
    Class.EARLY: "judged before it was due",
    Class.NOT_THERE: "kept by the verdict, and not there",
    Class.THERE_ANYWAY: "there, though the verdict is to drop it",
    Class.HELD: "held: not judged yet",
    Class.UNKNOWN: "not known to the gateway",
    Class.ALONE: "kept by one side alone",
    Class.SPANS_DIFFER: "kept by both, with different spans",
    Class.NOT_LOOKED_INTO: "not looked into (--most)",
    Class.EDGE: "at the edge of the time (--settle): no difference",
}


@dataclass(frozen=True, slots=True)
class Names:
    """What the sides are called."""

    a: str = "A"
    b: str = "B"


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that was found out about one difference."""

    pair: Pair
    seen: tuple[Seen | None, Seen | None] = (None, None)
    said: Said = field(default_factory=Unasked)
    """By the gateways of side B."""
    judged: Judged | None = None
    """By the configuration, on the spans of the side that has it; None: not judged."""
    is_edge: bool = False


@dataclass(frozen=True, slots=True)
class Difference:
    """One trace that only one side has, or both with different spans."""

    trace_id: str
    kind: Class
    kept_by: tuple[str, ...]
    spans: tuple[int | None, int | None]
    """On A and on B; None: not known."""
    say: str
    missing: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    """Spans that A lacks, and that B lacks."""
    verdict: Verdict | None = None

    def as_json(self, names: Names) -> dict[str, Any]:
        """Plain data."""
        verdict = None
        if self.verdict is not None:
            verdict = self.verdict.model_dump(exclude={"why"})
        return {
            "trace_id": self.trace_id,
            "class": self.kind.value,
            "kept_by": list(self.kept_by),
            "spans": {names.a: self.spans[0], names.b: self.spans[1]},
            "missing_spans": {names.a: list(self.missing[0]), names.b: list(self.missing[1])},
            "verdict": verdict,
            "say": self.say,
        }


def explain(facts: Facts, names: Names, limited: frozenset[str] = frozenset()) -> Difference | None:
    """Why it is a difference; None if it is none after all: a span was sent twice.

    ``limited``: policies of the configuration that limit a rate.
    """
    pair = facts.pair
    if pair.a and pair.b:
        return _uneven(facts, names)
    here = 0 if pair.a else 1
    kind = _kind(facts, here, limited)
    spans = _counts(facts)
    count = spans[here]
    said = facts.said if isinstance(facts.said, Verdict) else None
    sentences = [
        f"Kept by {(names.a, names.b)[here]} alone{_about(pair, count)}.",
        *_because(kind, facts, names, count),
        *_by_configuration(facts),
    ]
    kept_by = ((names.a, names.b)[here],)
    return Difference(pair.trace_id.hex(), kind, kept_by, spans, " ".join(sentences), verdict=said)


def _kind(facts: Facts, here: int, limited: frozenset[str]) -> Class:
    if facts.is_edge:
        return Class.EDGE
    by_a_limit = facts.judged is not None and facts.judged.policy in limited
    verdict = facts.said
    if isinstance(verdict, Verdict):
        kind = _by_verdict(verdict, here, _counts(facts)[here] or 0, limited)
    else:
        kind = Class.UNKNOWN if verdict is None else Class.ALONE
    # A limit that is full drops a trace without a word: no policy kept it.
    return Class.LIMITED if by_a_limit and kind in {Class.ALONE, Class.DROPPED} else kind


def _by_verdict(verdict: Verdict, here: int, spans: int, limited: frozenset[str]) -> Class:
    """``here``: which side has the trace, and with how many ``spans``; 0: not known."""
    if verdict.state == "held":
        return Class.HELD
    if verdict.kept != (here == 1):
        return Class.NOT_THERE if verdict.kept else Class.THERE_ANYWAY
    if verdict.early is not None:
        return Class.EARLY
    if not verdict.kept:
        return Class.FEWER_SPANS if verdict.spans < spans else Class.DROPPED
    is_limit = verdict.reason in LIMITS or verdict.policy in limited
    return Class.LIMITED if is_limit else Class.KEPT


def _because(kind: Class, facts: Facts, names: Names, count: int | None) -> Iterator[str]:
    verdict = facts.said
    if kind is Class.EDGE:
        yield "It lies at the edge of the time, where a side may not have been written yet."
    if isinstance(verdict, Unasked):
        return
    if verdict is None:
        yield (
            f"No gateway of {names.b} knows it: its spans never came there, or its verdict is "
            "older than the verdict log (decisions.max_bytes)."
        )
        return
    if verdict.state == "held":
        yield f"{names.b} holds {_of_spans(verdict.spans)} and judges in {verdict.due_in_s:.1f} s."
        return
    did = "kept" if verdict.kept else "dropped"
    of = f"{verdict.spans:,} of its {count:,} spans" if kind is Class.FEWER_SPANS else ""
    yield f"{names.b} judged it at {verdict.at} on {of or _of_spans(verdict.spans)}: {did}."
    yield from verdict.why
    if kind is Class.FEWER_SPANS:
        yield "The others came later, which a longer decision_wait would see, or not at all."
    elif kind is Class.NOT_THERE:
        yield (
            "It still waits in the outbox, or a backend did not take it, or what is compared here "
            "is not where it goes."
        )
    elif kind is Class.THERE_ANYWAY:
        yield "Another gateway kept it, or it was sent before this verdict."


def _by_configuration(facts: Facts) -> Iterator[str]:
    judged = facts.judged
    if judged is None:
        return
    if judged.kept:
        yield f"Judged alone on these spans, the configuration keeps it by policy {judged.policy}."
    else:
        by = "no policy keeps it" if judged.policy is None else f"policy {judged.policy} decides"
        yield f"Judged alone on these spans, the configuration drops it: {by}."


def _uneven(facts: Facts, names: Names) -> Difference | None:
    pair, (a, b) = facts.pair, facts.seen
    kept_by, spans = (names.a, names.b), _counts(facts)
    kind = Class.EDGE if facts.is_edge else Class.SPANS_DIFFER
    if a is None or b is None or not (a.whole and b.whole):
        say = f"Kept by both, with {spans[0]:,} spans on {names.a} and {spans[1]:,} on {names.b}."
        return Difference(pair.trace_id.hex(), kind, kept_by, spans, say)
    if a.span_ids == b.span_ids:
        return None
    missing = tuple(_hex(b.span_ids - a.span_ids)), tuple(_hex(a.span_ids - b.span_ids))
    lacks = [
        f"{name} lacks {_of_spans(len(ids))} ({_list(ids)})"
        for name, ids in zip(kept_by, missing, strict=True)
        if ids
    ]
    say = (
        f"Kept by both, with {_of_spans(len(a.span_ids))} on {names.a} and "
        f"{len(b.span_ids):,} on {names.b}: {', and '.join(lacks)}."
    )
    return Difference(pair.trace_id.hex(), kind, kept_by, spans, say, missing)


def _counts(facts: Facts) -> tuple[int | None, int | None]:
    """Spans on each side, each counted once where they were looked at."""
    counts = [
        len(seen.span_ids) if seen is not None and seen.whole else known or None
        for seen, known in zip(facts.seen, facts.pair.spans, strict=True)
    ]
    return counts[0], counts[1]


def _about(pair: Pair, count: int | None) -> str:
    one = pair.a or pair.b
    facts = [] if count is None else [_of_spans(count)]
    if one is not None and 0 < one.first_ns < 1 << 63:
        begins = datetime.fromtimestamp(one.first_ns / 1e9, tz=UTC)
        shown = begins.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        facts.append(f"begins {shown}")
    return f" ({', '.join(facts)})" if facts else ""


def _of_spans(count: int) -> str:
    return "1 span" if count == 1 else f"{count:,} spans"


def _hex(ids: set[bytes]) -> Iterator[str]:
    return (one.hex() or "without a valid id" for one in sorted(ids))


def _list(ids: tuple[str, ...]) -> str:
    more = len(ids) - _SHOWN_IDS
    return ", ".join(ids[:_SHOWN_IDS]) + (f" and {more:,} more" if more > 0 else "")
