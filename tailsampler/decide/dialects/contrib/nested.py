"""The types that hold other policies, and what each of them may hold."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Annotated, ClassVar, Final

from pydantic import BeforeValidator, Field
from pydantic_core import InitErrorDetails

from tailsampler.decide.dialects.contrib import blocks
from tailsampler.decide.dialects.contrib.blocks import SIMPLE, Block, RateAllocation
from tailsampler.decide.dialects.contrib.policy import Policy, read_policy
from tailsampler.decide.dialects.contrib.values import Texts, Whole
from tailsampler.settings.base import BadValueError, found


class Nested(Block, ABC):
    """A type that holds other policies."""

    @property
    @abstractmethod
    def policies(self) -> tuple[Policy, ...]:
        """Those it holds, in order."""

    @property
    def stateful(self) -> bool:
        """If one of them is. Contrib forgets composite's own counters here, too."""
        return any(policy.stateful for policy in self.policies)


def _listed(value: object) -> object:
    if isinstance(value, dict):
        raise BadValueError("not_a_list", "this is a list; write - {name: ..., type: ...}")
    return value


_NotSub = Annotated[Policy, BeforeValidator(lambda value: read_policy(value, SIMPLE, "not"))]


class Not(Nested):
    """The opposite of one policy."""

    not_sub_policy: _NotSub | None = Field(
        default=None, description="One policy.", examples=["{name: ok, type: trace_flags}"]
    )
    HINTS: ClassVar = {"and_sub_policy": "write not_sub_policy: {...}, one policy"}

    def start_errors(self) -> Iterator[InitErrorDetails]:
        """None to negate."""
        if self.not_sub_policy is None:
            say = "there is no policy to negate; write not_sub_policy: {name: ..., type: ...}"
            yield found("no_policy_type", say, ("not_sub_policy",))

    @property
    def policies(self) -> tuple[Policy, ...]:
        """The one, or none while the block is read by no policy."""
        return () if self.not_sub_policy is None else (self.not_sub_policy,)


_BESIDE_NOT: Final[dict[str, type[Block]]] = {**SIMPLE, "not": Not}
_AndSub = Annotated[Policy, BeforeValidator(lambda value: read_policy(value, _BESIDE_NOT, "and"))]
_DropSub = Annotated[Policy, BeforeValidator(lambda value: read_policy(value, _BESIDE_NOT, "drop"))]


class And(Nested):
    """Traces for which every one of the policies says yes, each for itself."""

    and_sub_policy: Annotated[tuple[_AndSub, ...], BeforeValidator(_listed)] = Field(
        default=(), description="Policies.", examples=["[{name: slow, type: latency}]"]
    )
    HINTS: ClassVar = {"sub_policy": "write and_sub_policy"}

    @property
    def policies(self) -> tuple[Policy, ...]:
        """As Nested."""
        return self.and_sub_policy


class Drop(Nested):
    """Traces that are dropped, whatever others say, if every one of the policies says yes."""

    drop_sub_policy: Annotated[tuple[_DropSub, ...], BeforeValidator(_listed)] = Field(
        default=(), description="Policies.", examples=["[{name: probe, type: string_attribute}]"]
    )
    HINTS: ClassVar = {"and_sub_policy": "write drop_sub_policy"}

    @property
    def policies(self) -> tuple[Policy, ...]:
        """As Nested."""
        return self.drop_sub_policy


_BESIDE_AND: Final[dict[str, type[Block]]] = {**SIMPLE, "and": And}
_CompositeSub = Annotated[
    Policy, BeforeValidator(lambda value: read_policy(value, _BESIDE_AND, "composite"))
]


class Composite(Nested):
    """A budget of spans a second, shared out to policies; the first that says yes pays."""

    max_total_spans_per_second: Whole = Field(default=0, description="Spans.", examples=["1000"])
    policy_order: Texts = Field(default=(), description="Not used by contrib.")
    composite_sub_policy: Annotated[tuple[_CompositeSub, ...], BeforeValidator(_listed)] = Field(
        default=(), description="Policies.", examples=["[{name: all, type: always_sample}]"]
    )
    rate_allocation: Annotated[tuple[RateAllocation, ...], BeforeValidator(_listed)] = Field(
        default=(), description="Shares.", examples=["[{policy: all, percent: 50}]"]
    )

    @property
    def policies(self) -> tuple[Policy, ...]:
        """As Nested."""
        return self.composite_sub_policy


Settings = (
    blocks.AlwaysSample
    | blocks.Latency
    | blocks.NumericAttribute
    | blocks.Probabilistic
    | blocks.StatusCode
    | blocks.StringAttribute
    | blocks.RateLimiting
    | blocks.BytesLimiting
    | blocks.SpanCount
    | blocks.TraceState
    | blocks.BooleanAttribute
    | blocks.OttlCondition
    | blocks.TraceFlags
    | And
    | Not
    | Drop
    | Composite
)
TOP: Final[dict[str, type[Block]]] = {
    **SIMPLE,
    "and": And,
    "not": Not,
    "drop": Drop,
    "composite": Composite,
}
"""Every type that may stand in ``policies``."""

TopPolicy = Annotated[Policy, BeforeValidator(lambda value: read_policy(value, TOP))]

Policy.model_rebuild(_types_namespace={"Settings": Settings})
