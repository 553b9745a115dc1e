"""``service_name``: a service took part in the trace.

Any resource of the trace counts, not the root's alone.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PlainSerializer, PlainValidator

from tailsampler.decide.plan import AnyBit, PredicateTable, ResourceStringIn
from tailsampler.settings.base import BadValueError, Section
from tailsampler.settings.values import parse_text

SERVICE_KEYS = ("service.name",)


def parse_services(value: object) -> tuple[str, ...]:
    """One name or a list of them."""
    if not isinstance(value, list | tuple):
        return (parse_text(value),)
    if not value:
        say = "the list is empty; write the name of a service, or leave the key out"
        raise BadValueError("no_service", say)
    return tuple(dict.fromkeys(parse_text(item) for item in value))


def _short(names: tuple[str, ...] | None) -> str | list[str] | None:
    if names is None:
        return None
    return names[0] if len(names) == 1 else list(names)


class ServiceCriterion(Section):
    """Its settings."""

    service_name: (
        Annotated[tuple[str, ...], PlainValidator(parse_services), PlainSerializer(_short)] | None
    ) = Field(
        default=None,
        description="service.name of a resource in the trace; a list means any of them. "
        "Default: this policy does not ask for services.",
        examples=["api-gateway"],
    )


def clause(policy: ServiceCriterion, table: PredicateTable) -> AnyBit | None:
    """One bit for all names."""
    if policy.service_name is None:
        return None
    names = tuple(sorted(policy.service_name))
    test = ResourceStringIn(keys=SERVICE_KEYS, values=names)
    return AnyBit(bits=(table.bit("service_name", test),))


def words(policy: ServiceCriterion) -> str | None:
    """``service api-gateway took part``."""
    if policy.service_name is None:
        return None
    return f"service {' or '.join(policy.service_name)} took part"


def covers(earlier: ServiceCriterion, later: ServiceCriterion) -> bool:
    """Whether every service of ``later`` is one of ``earlier``."""
    if earlier.service_name is None:
        return True
    return later.service_name is not None and set(later.service_name) <= set(earlier.service_name)
