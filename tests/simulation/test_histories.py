"""Random histories: the core and the slow model must agree on everything, all the way."""

from __future__ import annotations

import json

from hypothesis import HealthCheck, given, settings

from tests.model.plans import plan
from tests.simulation.pair import Pair
from tests.simulation.strategies import History, histories


def play(history: History, first: str, second: str) -> None:
    """Let a history happen to both."""
    pair = Pair(history.chains[0], history.start_ns, json.loads(first))
    current = first
    for step in history.steps:
        pair.move(step.gap_ms)
        if step.take:
            pair.take()
        match step.action:
            case "ingest":
                pair.ingest(step.request)
            case "install" if pair.model.may_install():
                pair.install(history.chains[1], second)
                current = second
            case "restart":
                pair.restart(current)
            case _:
                pass
    pair.finish()


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(histories())
def test_the_core_agrees_with_the_model(history: History) -> None:
    """Verdicts, thresholds, reasons, exported spans and the books, after every step."""
    first, second = (json.dumps(plan(chain)) for chain in history.chains)
    play(history, first, second)
