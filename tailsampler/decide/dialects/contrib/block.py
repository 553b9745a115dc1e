"""The ``tail_sampling`` block: its options with contrib's defaults, and its policies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field
from pydantic_core import InitErrorDetails

from tailsampler.decide.dialects.contrib.blocks import Block, DecisionCache
from tailsampler.decide.dialects.contrib.nested import TopPolicy
from tailsampler.decide.dialects.contrib.policy import Policy
from tailsampler.decide.dialects.contrib.values import SECOND, Count, Nanoseconds, Switch
from tailsampler.settings.base import Loc, found
from tailsampler.settings.values import one_of

_MOST_SHARDS = 256


class TailSampling(Block):
    """What stands under ``tail_sampling:``, read as contrib reads it."""

    HINTS: ClassVar = {
        "tail_storage": "held spans stand in the buffer log on disk already; leave it out, and "
        "write buffer: {max_bytes: ...} for its size",
        "compat": "write it beside tail_sampling, not inside of it",
        "sampling_percentage": "write it in a policy of type probabilistic",
        "hash_seed": "that is of probabilistic_sampler; write hash_salt in a probabilistic policy",
        "policy": "write policies: [...]",
    }

    decision_wait: Nanoseconds = Field(default=30 * SECOND, description="Wait after a first span.")
    decision_wait_after_root_received: Nanoseconds = Field(
        default=0,
        description="Wait after the root, if earlier; 0: off.",
    )
    num_traces: Count = Field(default=50_000, description="Traces that contrib remembers.")
    expected_new_traces_per_sec: Count = Field(default=0, description="A hint for allocation.")
    decision_cache: DecisionCache = Field(default=DecisionCache(), description="Late spans.")
    sample_on_first_match: Switch = Field(default=False, description="Stop at the first yes.")
    drop_pending_traces_on_shutdown: Switch = Field(default=False, description="Shutdown drops.")
    maximum_trace_size_bytes: Count = Field(default=0, description="0: no bound.")
    block_on_overflow: Switch = Field(default=False, description="Wait instead of forgetting.")
    sampling_strategy: Annotated[
        Literal["trace-complete", "span-ingest"], one_of("trace-complete", "span-ingest")
    ] = Field(default="trace-complete", description="When policies are asked.")
    num_shards: Count = Field(default=1, description="Independent loops.")
    policies: tuple[TopPolicy, ...] = Field(
        default=(),
        description="One that says yes keeps the trace, unless one of type drop says yes.",
        examples=["[{name: all, type: always_sample}]"],
    )

    @property
    def wait_s(self) -> int:
        """Whole seconds that a trace is held after its first span, at least 1; contrib's N."""
        return max(1, self.decision_wait // SECOND)

    @property
    def wait_after_root_s(self) -> int | None:
        """Whole seconds after the root, 0 for the next tick; None: the root changes nothing."""
        after = self.decision_wait_after_root_received
        return after // SECOND if after > 0 else None

    @classmethod
    def problems_among(cls, data: dict[str, Any]) -> Iterator[InitErrorDetails]:
        """Names that stand twice, also while other policies cannot be read."""
        policies = data.get("policies")
        seen: dict[str, int] = {}
        for at, policy in enumerate(policies if isinstance(policies, list | tuple) else ()):
            name = policy.get("name") if isinstance(policy, dict) else None
            if not isinstance(name, str) or not name:
                continue
            if name in seen:
                say = f"policy {seen[name]} is called {name}, too; give each its own name"
                yield found("duplicate_policy", say, ("policies", at, "name"))
            seen.setdefault(name, at)

    def contradictions(self) -> Iterator[InitErrorDetails]:
        """Too many shards, and policies that ``span-ingest`` cannot ask twice."""
        if self.num_shards > _MOST_SHARDS:
            say = f"contrib has {_MOST_SHARDS} shards at most; leave it out, here it has no effect"
            yield found("too_many_shards", say, ("num_shards",))
        if self.sampling_strategy == "trace-complete":
            return
        for at, policy in enumerate(self.policies):
            if policy.stateful:
                say = (
                    f"span-ingest asks policies again with every batch, and {policy.name} "
                    f"({policy.type}) would change its mind; write trace-complete, or remove it"
                )
                yield found("stateful_policy", say, ("policies", at))


def walk(config: TailSampling) -> Iterator[tuple[Loc, tuple[Policy, ...]]]:
    """Every policy with its place and those around it, the outermost first, itself last."""
    for at, policy in enumerate(config.policies):
        yield from _within(("policies", at), (policy,))


def _within(loc: Loc, chain: tuple[Policy, ...]) -> Iterator[tuple[Loc, tuple[Policy, ...]]]:
    yield loc, chain
    policy = chain[-1]
    held = getattr(policy.settings, "policies", ())
    for at, sub in enumerate(held):
        key = f"{policy.type}_sub_policy"
        inner: Loc = (policy.type, key) if policy.type == "not" else (policy.type, key, at)
        yield from _within((*loc, *inner), (*chain, sub))
