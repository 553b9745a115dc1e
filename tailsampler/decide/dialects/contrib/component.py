"""Which processor of a Collector a block is of: its metrics name it."""

from __future__ import annotations

from typing import Annotated

from pydantic import PlainValidator

from tailsampler.settings.base import BadValueError
from tailsampler.settings.values import resolved, shown

SAMPLER = "tail_sampling"


def parse_component(value: object) -> bool | str:
    """``true``, ``false``, or the processor's name there: ``tail_sampling/edge``."""
    plain = resolved(value)
    if isinstance(plain, bool):
        return plain
    if isinstance(plain, str) and plain.partition("/")[0].strip() == SAMPLER:
        return plain
    say = (
        f"{shown(value)} is neither a switch nor a tail sampler; write true, false, or the name of "
        "the processor that the block is of, tail_sampling/edge"
    )
    raise BadValueError("not_a_switch", say)


def name_of(component: bool | str) -> str:  # noqa: FBT001 - a setting's value, not a switch
    """What stands behind the slash; empty if nothing does."""
    return "" if isinstance(component, bool) else component.partition("/")[2].strip()


Component = Annotated[bool | str, PlainValidator(parse_component)]
