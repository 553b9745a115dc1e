"""The engine and the model against what a real Collector did."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tailsampler import _core
from tailsampler.errors import SettingsError
from tests.contrib.generate import Config
from tests.contrib.real.blocks import Mode
from tests.contrib.real.outcome import Outcome, by_the_engine, by_the_model, plain_spans
from tests.contrib.real.recording import Case, Recording, Traffic, credited, spans, written
from tests.contrib.real.traffic import Piece

Judge = Callable[[Config, str, Sequence[str], Sequence[Piece]], Outcome]

JUDGES: Mapping[str, Judge] = {"engine": by_the_engine, "model": by_the_model}


@dataclass(frozen=True)
class Difference:
    """How many traces of a case one of ours has otherwise, and the first of them in words."""

    judge: str
    case: str
    kept: int
    credited: int
    spans: int
    written: int
    example: str

    def __str__(self) -> str:
        return (
            f"{self.case}: the {self.judge} differs in {self.kept} kept, {self.credited} credited, "
            f"{self.spans} counts of spans, {self.written} writings; {self.example}"
        )


@dataclass(frozen=True)
class NotRun:
    """A block that the engine refuses."""

    case: str
    reason: str


def differences(
    judge: str, recorded: Recording, case: Case, at: int | None = None
) -> Difference | NotRun | None:
    """How a case differs, on one slice of its traffic or on all of it."""
    if judge == "engine" and _forgets(case):
        return NotRun(case.id, "contrib forgets what span-ingest did not sample, and we do not")
    whole = recorded.traffic[case.traffic]
    numbers = range(whole.traces) if at is None else whole.numbers(at)
    every = _all(whole) if at is None else whole.slice(at)
    try:
        found = JUDGES[judge](case.tail_sampling, recorded.compat, recorded.gates, every)
    except SettingsError as refused:
        return NotRun(case.id, str(refused))
    except _core.CoreError as refused:  # which cannot leave a process of the pool
        raise AssertionError(f"{case.id}: {refused}") from None
    ids = whole.ids(numbers)
    model = judge == "model"
    mine = (
        credited(case.tail_sampling, found, ids),
        spans(found, ids),
        written(found, ids, None if model else plain_spans(every)),
    )
    # Under span-ingest contrib writes on the piece that decided, our engine on all of the trace.
    plain = "" if case.mode == Mode.INGEST.value else case.plain
    theirs = (case.credited, case.spans, case.written if model else plain)
    return _difference(judge, case, ids, mine, [_at(text, numbers) for text in theirs])


def _forgets(case: Case) -> bool:
    caches = case.tail_sampling.get("decision_cache", {})
    return case.mode == Mode.INGEST.value and "non_sampled_cache_size" not in caches


def _all(whole: Traffic) -> list[Piece]:
    every = [piece for at in range(len(whole.digests)) for piece in whole.slice(at)]
    return sorted(every, key=lambda piece: piece.order)


def _at(text: str, numbers: range) -> str:
    return text[numbers.start : numbers.stop : numbers.step]


def _difference(
    judge: str, case: Case, ids: Sequence[bytes], mine: Sequence[str], real: Sequence[str]
) -> Difference | None:
    kept = _differing(_kept(mine[0]), _kept(real[0]))
    credit = [] if "+" in real[0] else _differing(mine[0], real[0])
    credit = [at for at in credit if at not in {*kept}]
    rest = [_differing(*both) if both[1] else [] for both in zip(mine[1:], real[1:], strict=True)]
    found = [*kept, *credit, *rest[0], *rest[1]]
    if not found:
        return None
    first = {
        "trace": ids[found[0]].hex(),
        "collector": [text[found[0]] for text in real if text],
        judge: [text[found[0]] for text in mine],
        "tail_sampling": case.tail_sampling,
    }
    return Difference(
        judge=judge,
        case=case.id,
        kept=len(kept),
        credited=len(credit),
        spans=len(rest[0]),
        written=len(rest[1]),
        example=json.dumps(first),
    )


def _kept(text: str) -> str:
    return "".join("-" if one == "-" else "k" for one in text)


def _differing(mine: str, real: str) -> list[int]:
    return [at for at, pair in enumerate(zip(mine, real, strict=True)) if pair[0] != pair[1]]
