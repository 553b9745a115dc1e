"""Contrib's metrics by contrib's names, for dashboards and alerts that were made for it.

``compat_telemetry: true`` offers them beside ours. Names and labels are those that a Collector from
0.155 on is scraped with. What the data plane does not measure is left out, rather than made up;
``docs/reference/contrib.md`` says of each what it is here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from tailsampler.decide.dialects.contrib.component import name_of
from tailsampler.telemetry.metrics import Metric, Sample

if TYPE_CHECKING:
    from tailsampler.settings.root import Settings

TABLE: Final[dict[str, ContribMetric]] = {}
"""All of them by name, in the order of their declaration."""


@dataclass(frozen=True, slots=True)
class ContribMetric(Metric):
    """One of contrib's metric families; its counters have no ``_total``."""

    def __post_init__(self) -> None:
        TABLE[self.name] = self

    @property
    def unit(self) -> str:
        """None: contrib's names are not taken apart."""
        return ""


_PREFIX: Final = "otelcol_processor_tail_sampling_"


def _counter(name: str, sentence: str, *labels: str) -> ContribMetric:
    return ContribMetric(_PREFIX + name, "counter", sentence, labels)


COUNT_TRACES_SAMPLED = _counter(
    "count_traces_sampled",
    "What each policy said, each time that it was asked, since the start.",
    "policy",
    "sampled",
    "decision",
)
GLOBAL_COUNT_TRACES_SAMPLED = _counter(
    "global_count_traces_sampled",
    "Traces judged, since the start; those that were too large are not among them.",
    "sampled",
    "decision",
)
EARLY_RELEASES = _counter(
    "early_releases_from_cache_decision",
    "Late spans that followed the verdict on their trace, kept or dropped, since the start.",
)
NEW_TRACE_ID_RECEIVED = _counter("new_trace_id_received", "Traces that began, since the start.")
EVALUATION_ERROR = _counter(
    "sampling_policy_evaluation_error", "Policies that failed to answer, since the start."
)
EXECUTION_COUNT = _counter(
    "sampling_policy_execution_count", "How often a policy was asked, since the start.", "policy"
)
DROPPED_TOO_EARLY = _counter(
    "sampling_trace_dropped_too_early", "Always 0: no trace is forgotten before its verdict."
)
TRACES_ON_MEMORY = ContribMetric(
    f"{_PREFIX}sampling_traces_on_memory", "gauge", "Traces that wait for their verdict."
)
TRACES_DROPPED_TOO_LARGE = _counter(
    "traces_dropped_too_large",
    "Traces dropped since they were larger than maximum_trace_size_bytes, since the start.",
)

# What a policy can say, and contrib's label `sampled` for it. One that fails says nothing.
_SAMPLED: Final = {"sampled": "true", "not_sampled": "false", "dropped": "false"}
_ANSWERS: Final = (*_SAMPLED, "failed")


@dataclass(frozen=True, slots=True)
class Replaced:
    """The processor of a Collector whose metrics are offered."""

    policies: tuple[str, ...]
    """By name, in their order; also those that are never asked."""
    drops: frozenset[str]
    """Of these the ones of type ``drop``."""
    name: str = ""
    """What stands behind the slash in ``tail_sampling/edge``."""

    @classmethod
    def of(cls, settings: Settings) -> Self | None:
        """The one whose block is judged by; None where its metrics are not asked for."""
        block = settings.tail_sampling
        if block is None or not settings.compat_telemetry:
            return None
        return cls(
            policies=tuple(policy.name for policy in block.policies),
            drops=frozenset(one.name for one in block.policies if one.type == "drop"),
            name=name_of(settings.compat_telemetry),
        )

    def label(self, policy: str) -> str:
        """The value of the label ``policy``."""
        return f"{self.name}.{policy}" if self.name else policy


def contrib_samples(replaced: Replaced, stats: Mapping[str, Any]) -> Iterator[Sample]:
    """Contrib's numbers, all from one reading of the stats, so that no sum ever falls.

    As there, a series of ``decision`` begins with its first count.
    """
    if "votes" in stats:
        yield from _votes(replaced, stats["votes"])
    reasons = stats.get("verdict_reasons")
    if reasons is not None:
        yield EARLY_RELEASES, (), reasons.get("late_spans", 0)
        yield TRACES_DROPPED_TOO_LARGE, (), reasons.get("trace_too_large", 0)
        yield DROPPED_TOO_EARLY, (), 0
    if reasons is not None and {"policies", "votes", "index"} <= stats.keys():
        yield from _traces(replaced, stats)


def _votes(replaced: Replaced, votes: list[dict[str, Any]]) -> Iterator[Sample]:
    said = {str(one["policy"]): one for one in votes}
    # Plans of earlier starts may still judge, by policies that are in the block no more.
    for name in dict.fromkeys((*replaced.policies, *said)):
        answers, policy = said.get(name, {}), replaced.label(name)
        for decision, sampled in _SAMPLED.items():
            if answers.get(decision):
                yield COUNT_TRACES_SAMPLED, (policy, sampled, decision), answers[decision]
        yield EXECUTION_COUNT, (policy,), sum(answers.get(answer, 0) for answer in _ANSWERS)
    yield EVALUATION_ERROR, (), sum(one["failed"] for one in votes)


def _traces(replaced: Replaced, stats: Mapping[str, Any]) -> Iterator[Sample]:
    drops = replaced.drops | {str(one["policy"]) for one in stats["votes"] if one["dropped"]}
    decided = dict.fromkeys(_SAMPLED, 0)
    for policy in stats["policies"]:
        decided["sampled"] += policy["kept"]
        dropped = "dropped" if policy["policy"] in drops else "not_sampled"
        decided[dropped] += policy["dropped"]
    waiting = stats["index"]["traces"]
    yield NEW_TRACE_ID_RECEIVED, (), sum(decided.values()) + waiting
    yield TRACES_ON_MEMORY, (), waiting
    # Contrib decides nothing on those: they are counted by their own metric alone.
    decided["not_sampled"] -= stats["verdict_reasons"].get("trace_too_large", 0)
    for decision, count in decided.items():
        if count:
            yield GLOBAL_COUNT_TRACES_SAMPLED, (_SAMPLED[decision], decision), count
