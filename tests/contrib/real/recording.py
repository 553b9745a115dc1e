"""Verdicts of a real Collector as data: see ``tests/contrib/data/README.md``."""

from __future__ import annotations

import json
import lzma
import string
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.contrib.generate import Config
from tests.contrib.real.outcome import Kept, Outcome
from tests.contrib.real.traffic import Piece, digest, in_order, trace_id

SLICE = 100
"""About so many traces are a slice, which can be made and checked alone."""

_DROPPED = "-"
_NAMELESS = "+"
_DIGITS = string.digits + string.ascii_letters + "".join(map(chr, range(0x100, 0x200)))
"""A block may have more policies than there are letters."""


@dataclass(frozen=True)
class Traffic:
    """A recipe, and a hash of what it came to for each slice; ``traces`` in all."""

    seed: int
    traces: int
    phases: int
    digests: tuple[str, ...]

    def numbers(self, at: int) -> range:
        """The traces of a slice: one in every so many, so that there is something of all of it."""
        return range(at % len(self.digests), self.traces, len(self.digests))

    def ids(self, numbers: Iterable[int]) -> list[bytes]:
        return [trace_id(self.seed, number) for number in numbers]

    @cache  # noqa: B019 - a recording lasts as long as the process
    def slice(self, at: int) -> list[Piece]:
        """The pieces of a slice, in order.

        Raises:
            AssertionError: if the recipe makes something else by now.
        """
        found = in_order(self.seed, self.numbers(at), self.phases)
        same = digest(found)[:16] == self.digests[at % len(self.digests)]
        assert same, f"slice {at} of traffic {self.seed} is not what was recorded"
        return found


def traffic(seed: int, traces: int, phases: int, *, cut: bool = True) -> Traffic:
    """The recipe of a new recording; ``cut``: whether a trace's outcome is its own affair."""
    slices = range(max(1, traces // SLICE) if cut else 1)
    made = (in_order(seed, range(at, traces, len(slices)), phases) for at in slices)
    return Traffic(seed, traces, phases, tuple(digest(one)[:16] for one in made))


@dataclass(frozen=True)
class Case:
    """One block and what became of every trace of its traffic, a character each.

    ``credited``: ``-`` if it was dropped, else which policy kept it, counted from 0 in digits and
    letters; ``+`` if the Collector did not say. ``spans``: how many of its spans went out, in the
    same way; empty if those were always all of a kept trace. ``written``: a letter for what the
    gates wrote on them; empty if they were off. ``plain``: the same for spans that bring no
    tracestate.
    """

    id: str
    traffic: int
    mode: str
    tail_sampling: Config
    credited: str
    spans: str = ""
    written: str = ""
    plain: str = ""


@dataclass(frozen=True)
class Recording:
    """Everything in a file; ``contrib`` is the version, ``compat`` as which it was judged."""

    contrib: str
    compat: str
    gates: tuple[str, ...]
    traffic: Mapping[int, Traffic]
    cases: Sequence[Case]


def credited(block: Config, outcome: Outcome, ids: Iterable[bytes]) -> str:
    """See ``Case``."""
    names = [policy["name"] for policy in block["policies"]]
    return "".join(_credited(names, outcome.get(one)) for one in ids)


def _credited(names: list[str], kept: Kept | None) -> str:
    if kept is None:
        return _DROPPED
    return _NAMELESS if kept.policy is None else _DIGITS[names.index(kept.policy)]


def spans(outcome: Outcome, ids: Iterable[bytes]) -> str:
    """See ``Case``."""
    return "".join(_DIGITS[outcome[one].spans if one in outcome else 0] for one in ids)


def written(outcome: Outcome, ids: Iterable[bytes], plain: AbstractSet[str] | None = None) -> str:
    """See ``Case``."""
    return "".join(outcome[one].letter(plain) if one in outcome else _DROPPED for one in ids)


def save(file: Path, found: Recording) -> None:
    """Write a file anew."""
    head = {"contrib": found.contrib, "compat": found.compat, "gates": found.gates}
    rows: list[dict[str, Any]] = [head]
    rows += [asdict(one) for one in found.traffic.values()]
    rows += [{key: value for key, value in asdict(one).items() if value} for one in found.cases]
    with lzma.open(file, "wt", preset=9 | lzma.PRESET_EXTREME) as out:
        out.writelines(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)


def load(file: Path) -> Recording:
    """Read a file."""
    with lzma.open(file, "rt") as lines:
        rows: Iterator[dict[str, Any]] = map(json.loads, lines)
        head = next(rows)
        traffics: dict[int, Traffic] = {}
        cases: list[Case] = []
        for row in rows:
            if "digests" in row:
                traffics[row["seed"]] = Traffic(**{**row, "digests": tuple(row["digests"])})
            else:
                cases.append(Case(**{"traffic": 0, **row}))
    return Recording(head["contrib"], head["compat"], tuple(head["gates"]), traffics, cases)
