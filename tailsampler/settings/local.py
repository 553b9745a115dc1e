"""What the local trace store keeps, for how long, and by what it is searched fast."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Final

from pydantic import Field, PlainSerializer, PlainValidator

from tailsampler.settings.base import BadValueError, Section
from tailsampler.settings.units import Duration, Size, lasting, sized
from tailsampler.settings.values import parse_text, shown

MOST_INDEXED: Final = 64
_LONGEST_KEY: Final = 256
INDEXED: Final = (
    "http.route",
    "http.request.method",
    "http.method",
    "http.response.status_code",
    "http.status_code",
    "rpc.service",
    "rpc.method",
    "rpc.grpc.status_code",
    "db.system.name",
    "db.system",
    "db.operation.name",
    "messaging.system",
    "messaging.destination.name",
    "error.type",
    "service.namespace",
    "service.version",
    "deployment.environment.name",
    "deployment.environment",
    "k8s.namespace.name",
    "k8s.deployment.name",
    "cloud.region",
)
"""Few values each, and what people look for; the older names of semantic conventions, too."""


def parse_attributes(value: object) -> tuple[str, ...]:
    """A list of attribute names; it may be empty."""
    if value is None:
        return ()
    if not isinstance(value, list | tuple):
        say = f"{shown(value)} is not a list; write indexed_attributes: [http.route]"
        raise BadValueError("not_a_list", say)
    names = [parse_text(one) for one in value]
    if len(names) > MOST_INDEXED:
        say = (
            f"these are {len(names)} attributes; each costs a write, so name {MOST_INDEXED} at most"
        )
        raise BadValueError("too_many_attributes", say)
    for name in names:
        if len(name) > _LONGEST_KEY:
            say = f"{shown(name)} is longer than {_LONGEST_KEY} characters; leave it out"
            raise BadValueError("attribute_too_long", say)
        if names.count(name) > 1:
            raise BadValueError(
                "duplicate_attribute", f"{shown(name)} stands here twice; leave one out"
            )
    return tuple(names)


Attributes = Annotated[
    tuple[str, ...],
    PlainValidator(parse_attributes),
    PlainSerializer(list, return_type=list[str]),
]


class Retention(Section):
    """When traces are removed: the oldest arrivals first, at whichever bound is met."""

    max_age: Annotated[Duration, lasting("1m", "8760h")] = Field(
        default=timedelta(hours=24),
        description="How long after it was stored a trace is kept. Default: 24h.",
    )
    max_bytes: Annotated[Size, sized("16MiB", "1TiB")] = Field(
        default=1 << 30,
        description="On disk, indexes and the log of the database included. A file that was larger "
        "is filled again, not made smaller. Default: 1GiB.",
    )
