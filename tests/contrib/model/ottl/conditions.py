"""The conditions of one policy: any of them is enough, and the error mode says what errors do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.contrib.model.ottl.compile import Outcome, compile_condition
from tests.contrib.model.ottl.paths import Context
from tests.contrib.model.ottl.values import OttlError
from tests.contrib.model.trace import Trace


@dataclass(frozen=True)
class Conditions:
    """Compiled conditions on spans and on their events."""

    span: Sequence[Outcome]
    spanevent: Sequence[Outcome]
    propagate: bool

    @classmethod
    def compile(
        cls,
        span: Sequence[str],
        spanevent: Sequence[str],
        *,
        propagate: bool,
        nil_ints: bool = False,
    ) -> Conditions:
        """Compile both lists; ``nil_ints``: as up to v0.159.

        Raises:
            SyntaxFault: if contrib would refuse one of them at start.
        """
        return cls(
            [compile_condition(text, within="span", nil_ints=nil_ints) for text in span],
            [compile_condition(text, within="spanevent", nil_ints=nil_ints) for text in spanevent],
            propagate,
        )

    def hold(self, trace: Trace) -> bool:
        """Whether one condition is true of one span, or of one of its events.

        Raises:
            OttlError: at the first error, if errors propagate; else an error is just false.
        """
        return any(
            self._true(test, context) for context, tests in self._asked(trace) for test in tests
        )

    def _asked(self, trace: Trace) -> Iterator[tuple[Context, Sequence[Outcome]]]:
        """What is asked of what, in order: each span, then its events."""
        for arrival in trace.arrivals:
            for scope in arrival.scopes:
                for held in scope.spans:
                    if self.span:
                        yield Context(arrival, scope, held), self.span
                    if self.spanevent:
                        for index, event in enumerate(held.span.events):
                            yield Context(arrival, scope, held, event, index), self.spanevent

    def _true(self, test: Outcome, context: Context) -> bool:
        try:
            return test.run(context)
        except OttlError:
            if self.propagate:
                raise
            return False
