"""The engine and the model against what a real Collector kept, trace by trace.

A slice of every block's traffic; ``python -m tests.contrib.real --recorded FILE`` takes all of it.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from tests.contrib.model.trace import arrivals_in
from tests.contrib.real.compare import JUDGES, Difference, NotRun, differences
from tests.contrib.real.recording import Case, Recording, load
from tests.contrib.real.traffic import in_order, requests, trace_id

FILES = sorted((Path(__file__).parent / "data").glob("contrib-*.jsonl.xz"))
GROUPS = 8  # so that workers can share them out
BLOCKS, VERDICTS = 581, 3_247_000
REASON = "contrib forgets what span-ingest did not sample, and we do not"

recording = cache(load)


def group(file: Path, number: int) -> tuple[Recording, list[tuple[int, Case]]]:
    """Cases, and a slice for each; neighbours have the same one, which is made once."""
    found = recording(file)
    first = len(found.cases) * number // GROUPS
    until = len(found.cases) * (number + 1) // GROUPS
    return found, [(at // 4, found.cases[at]) for at in range(first, until)]


def test_the_recordings_are_whole() -> None:
    """None goes unasked, and they tell right from wrong: most blocks keep some and drop some."""
    cases = [case for file in FILES for case in recording(file).cases]
    assert len(cases) == BLOCKS
    assert sum(len(case.credited) for case in cases) == VERDICTS
    assert sum({"-"} < {*case.credited} for case in cases) > len(cases) * 0.9


def test_a_slice_is_what_all_of_it_has() -> None:
    """What is sent beside a trace changes nothing about it."""
    every = in_order(7, range(40), phases=3)
    some = {trace_id(7, number) for number in range(0, 40, 8)}
    assert in_order(7, range(0, 40, 8), phases=3) == [one for one in every if one.trace_id in some]
    sent = [each for _, one in requests(every) for each in arrivals_in(one)]
    alone = [each for _, one in requests(every[:1]) for each in arrivals_in(one)]
    assert len(sent) == len(every)
    assert sent[0].size == alone[0].size


def test_what_another_would_have_kept_is_seen() -> None:
    """One policy less, and verdicts differ."""
    found = recording(FILES[0])
    case = next(one for one in found.cases if len(one.tail_sampling["policies"]) > 1)
    assert case.credited.count("-") < len(case.credited)
    block = {**case.tail_sampling, "policies": []}
    other = Case(case.id, case.traffic, case.mode, block, case.credited, case.spans)
    told = differences("model", found, other, 0)
    assert isinstance(told, Difference)
    assert told.kept > 0


@pytest.mark.parametrize("number", range(GROUPS))
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name.partition(".jsonl")[0])
@pytest.mark.parametrize("judge", JUDGES)
def test_what_the_collector_did_is_done_here(judge: str, file: Path, number: int) -> None:
    """Kept or dropped, the policy that is credited, how many spans went out, what gates wrote."""
    found, cases = group(file, number)
    for at, case in cases:
        told = differences(judge, found, case, at)
        if isinstance(told, NotRun):
            assert (judge, told.reason) == ("engine", REASON)
        else:
            assert told is None, str(told)
