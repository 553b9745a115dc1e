"""Random histories: the core and the slow model must agree on everything, all the way."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings

from tests.model.chain import Chain
from tests.model.plans import plan_text
from tests.simulation.compiled import compiled, pruned
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


def through_config(chain: Chain) -> str:
    """The plan that the program makes of the chain's configuration."""
    return compiled(pruned(chain))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("translate", [plan_text, through_config])
@settings(max_examples=200, suppress_health_check=list(HealthCheck))
@given(history=histories())
def test_the_core_agrees_with_the_model(
    translate: Callable[[Chain], str], history: History
) -> None:
    """Verdicts, thresholds, reasons, exported spans and the books, after every step."""
    play(history, *map(translate, history.chains))
