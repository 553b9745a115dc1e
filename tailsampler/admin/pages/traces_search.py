"""Ask the trace store what the form of the traces page asks for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from tailsampler.admin.pages.traces_form import LIMITS, Form
from tailsampler.clock import Clock
from tailsampler.store.query import Needs, Row, Scope, Term, TraceReader
from tailsampler.traces.model import Span, Trace
from tailsampler.traces.traceql import evaluate

MOST: Final = max(LIMITS)
"""Traces that are looked up for a page; the diagram shows all, the list as many as it should."""
_PATIENCE_S: Final = 1.0
_NEWER_PATIENCE_S: Final = 0.1
_MOST_NEWER: Final = 100
_MOST_CHOICES: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What was found, and how far it was looked for."""

    rows: Sequence[Row]
    """The newest first, at most ``MOST``."""
    inspected: int | None = None
    """Traces that were decoded; None if that was not necessary."""
    complete: bool = True
    """Whether all traces were looked at before time was up."""
    oldest_ns: int | None = None
    """How far back they were looked at, where that is not complete."""

    @property
    def full(self) -> bool:
        """Whether there may be more than ``MOST``."""
        return len(self.rows) >= MOST


@dataclass(frozen=True, slots=True)
class Choices:
    """What the fields can be filled with, bounded."""

    services: Sequence[str]
    names: Sequence[str]
    policies: Sequence[str]


def find(store: TraceReader, form: Form, clock: Clock) -> Result:
    """The traces that match; may take a second. Raises ``TraceQLError``."""
    now_ns = clock.wall_ns()
    return _find(store, form, form.needs(now_ns), form.whole_needs(now_ns), MOST, clock)


def newer(store: TraceReader, form: Form, after_ns: int, clock: Clock) -> int:
    """How many match that start after ``after_ns``; at most 100. Raises ``TraceQLError``."""
    now_ns = clock.wall_ns()
    needs, whole = form.needs(now_ns), form.whole_needs(now_ns)
    start_ns = max(after_ns + 1, needs.start_ns or 0)
    needs = replace(needs, start_ns=start_ns)
    whole = whole and replace(whole, start_ns=start_ns)
    patience_s = _NEWER_PATIENCE_S
    return len(_find(store, form, needs, whole, _MOST_NEWER, clock, patience_s).rows)


def choices(store: TraceReader) -> Choices:
    """Services, span names and policies that are there."""
    return Choices(
        services=_values(store, "resource", "service.name"),
        names=_values(store, "intrinsic", "name"),
        policies=_values(store, "intrinsic", "policy"),
    )


def _find(  # noqa: PLR0913, PLR0917 - one search, spelled out
    store: TraceReader,
    form: Form,
    needs: Needs,
    whole: Needs | None,
    limit: int,
    clock: Clock,
    patience_s: float = _PATIENCE_S,
) -> Result:
    if whole is not None:
        try:
            return Result(rows=store.rows(whole, limit=limit))
        except ValueError:  # not indexed: every trace has to be looked at
            pass
    query, until_s = form.query(), clock.monotonic_s() + patience_s

    def matches(row: Row, trace: Trace) -> tuple[Span, ...] | None:
        return evaluate(query, row, trace)

    found = store.search(
        needs, matches, limit=limit, deadline=lambda: clock.monotonic_s() >= until_s
    )
    return Result(
        rows=[row for row, _ in found.hits],
        inspected=found.inspected,
        complete=found.complete,
        oldest_ns=found.oldest_ns,
    )


def _values(store: TraceReader, scope: Scope, key: str) -> list[str]:
    found: Sequence[Term] = store.tag_values([scope], key, limit=_MOST_CHOICES)
    return sorted({term.value for term in found if isinstance(term.value, str)})
