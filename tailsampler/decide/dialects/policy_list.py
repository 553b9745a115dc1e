"""The policy list: ``sampling: [{policy: {name, type: sampling, parameters: {...}}}, ...]``.

It has no place for waits: those are the defaults.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, PlainValidator, ValidationError
from pydantic_core import InitErrorDetails

from tailsampler.decide.chain import Listed, chain_problems
from tailsampler.decide.policies import duration, errors, service
from tailsampler.decide.policy import Policy, parse_rate
from tailsampler.settings.base import BadValueError, Section, found
from tailsampler.settings.sampling import Sampling
from tailsampler.settings.values import Text, one_of


class Parameters(service.ServiceCriterion, duration.DurationCriterion, errors.ErrorCriterion):
    """The criteria and the rate."""

    HINTS: ClassVar = {
        "sampling_percentage": "write sample_rate, a share from 0 to 1",
        "decision_wait": "this spelling has no waits; write sampling: {policies: [...]}",
    }

    sample_rate: Annotated[float, PlainValidator(parse_rate)] = Field(
        description="Share of the matching traces to keep, from 0 (none) to 1 (all).",
        examples=["0.1"],
    )


class ListedPolicy(Section):
    """What stands under ``policy:``."""

    name: Text = Field(description="Name of the policy.", examples=["errors"])
    type: Annotated[Literal["sampling"], one_of("sampling")] = Field(
        default="sampling", description="sampling."
    )
    parameters: Parameters = Field(
        description="The criteria and the rate.", examples=["{sample_rate: 0.001}"]
    )


class Entry(Section):
    """One element of the list."""

    HINTS: ClassVar = {
        "name": "write it inside of policy:",
        "parameters": "write it inside of policy:",
        "sample_rate": "write it inside of policy: parameters:",
    }

    policy: ListedPolicy = Field(
        description="One policy.",
        examples=["{name: default, type: sampling, parameters: {sample_rate: 0.001}}"],
    )

    def native(self) -> Policy:
        """The same in the native dialect."""
        values: dict[str, Any] = {
            key: getattr(self.policy.parameters, key) for key in Parameters.model_fields
        }
        return Policy(name=self.policy.name, **values)


def read(value: list[object] | tuple[object, ...]) -> Sampling:
    """Translate the list.

    Raises:
        pydantic.ValidationError: with every problem, located in this spelling.
    """
    if not value:
        say = "there is no policy, so every trace would be dropped; write - policy: {name: default,"
        raise BadValueError("no_policy", say + " type: sampling, parameters: {sample_rate: 0.001}}")
    problems: list[InitErrorDetails] = []
    chain: list[Listed] = []
    for index, raw in enumerate(value):
        loc = (index, "policy")
        try:
            policy = Entry.model_validate(raw).native()
        except ValidationError as failed:
            chain.append(Listed(loc, name=None, policy=None))
            problems += (
                found(error["type"], error["msg"], (index, *error["loc"]))
                for error in failed.errors(include_url=False)
            )
        else:
            chain.append(Listed(loc, policy.name, policy))
    problems += chain_problems(chain)
    if problems:
        raise ValidationError.from_exception_data("sampling", problems)
    return Sampling(policies=tuple(entry.policy for entry in chain if entry.policy is not None))
