"""What a configuration makes of whole traces, by the engine itself and without a gateway."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tailsampler import _core
from tailsampler.decide.chosen import plan_of
from tailsampler.decide.votes import And, Composite, Drop, Limited, Not, Vote
from tailsampler.errors import Place, Problem, SettingsError
from tailsampler.settings.core_options import gateway_options
from tailsampler.settings.root import Settings

if TYPE_CHECKING:
    from tailsampler.decide.plan import Plan

_MOST_TRACES: Final = 1_000
"""Of one engine, which stands in memory; then a fresh one begins."""
_HOUR_NS: Final = 3_600 * 10**9
_TICK_MS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of a trace."""

    kept: bool
    policy: str | None
    """None: no policy matched, or kept it."""


class Judge:
    """Judges traces one by one, each an hour after the last: every limit is full again by then."""

    def __init__(self, settings: Settings) -> None:
        """``settings``: whose chain it is; nothing else of them matters.

        Raises ``SettingsError`` for a chain that cannot be compiled.
        """
        self._plan = plan_of(settings)
        try:
            _core.check_plan(self._plan.model_dump_json())
        except _core.CoreError as error:
            code, say = error.args
            problem = Problem(str(code), Place(key="sampling"), str(say))
            raise SettingsError([problem]) from error
        waits = (rule.wait_ms for rule in self._plan.rules if rule.wait_ms is not None)
        self._wait_ns = (max(self._plan.wait_ms, *waits, 0) + _TICK_MS) * 10**6
        self._engine: _core.Simulation | None = None
        self._judged = 0
        self.limited = _limited(self._plan)
        """Policies whose verdict depends on what else is kept at that time."""

    def judge(self, trace_id: bytes, requests: Iterable[bytes]) -> Judged | None:
        """Judge a trace whose spans are these requests, in protobuf or in OTLP's JSON.

        Each trace once: what comes again follows the verdict that there is. None if the engine does
        not take all of them.
        """
        engine, now_ns = self._fresh()
        for request in requests:
            try:
                payload = _core.json_to_protobuf(request) if request[:1] == b"{" else request
            except ValueError:
                return None
            if "error" in json.loads(engine.ingest(payload, now_ns)):
                return None
        engine.advance(now_ns + self._wait_ns)
        engine.take()
        found = engine.decision(trace_id)
        if found is None:
            return None
        verdict = json.loads(found)
        if verdict["state"] != "judged":
            return None
        return Judged(verdict["kept"], verdict["policy"])

    def _fresh(self) -> tuple[_core.Simulation, int]:
        """An engine whose limits are full, and the time on its clock."""
        if self._engine is None or self._judged >= _MOST_TRACES:
            self._engine = _core.Simulation(gateway_options(Settings()))
            self._engine.install_plan(self._plan.model_dump_json())
            self._judged = 0
        self._judged += 1
        return self._engine, self._judged * (_HOUR_NS + self._wait_ns)


def _limited(plan: Plan) -> frozenset[str]:
    if plan.votes is None:
        return frozenset()
    policies = zip(plan.rules, plan.votes.policies, strict=True)
    return frozenset(rule.name for rule, vote in policies if _is_limited(vote))


def _is_limited(vote: Vote) -> bool:
    match vote:
        case Limited() | Composite():
            return True
        case And() | Drop():
            return any(map(_is_limited, vote.of))
        case Not():
            return _is_limited(vote.of)
        case _:
            return False
