"""The other gateways of a tier, with which verdicts are shared."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, ClassVar

from pydantic import Field
from pydantic_core import InitErrorDetails

from tailsampler.settings.base import Section, found
from tailsampler.settings.endpoint import TargetEndpoint
from tailsampler.settings.tls import ClientTls
from tailsampler.settings.tokens import Token
from tailsampler.settings.units import Duration, lasting
from tailsampler.settings.values import Whole, between


class Peers(Section):
    """Traces whose spans reached two gateways are kept by both if one of them has evidence."""

    HINTS: ClassVar = {
        "hostname": "write dns: <the headless service>:7318",
        "static": "write endpoints: [host:7318, ...]",
        "port": "write it behind the name, host:7318: the control service's",
    }

    endpoints: tuple[TargetEndpoint, ...] = Field(
        default=(),
        description="Control services of the other gateways. A gateway that finds itself among "
        "them leaves itself out. Default: none.",
        examples=["[gateway-0:7318, gateway-1:7318]"],
    )
    dns: TargetEndpoint | None = Field(
        default=None,
        description="A name that resolves to all gateways, such as a headless Service of "
        "Kubernetes, and the port of their control services. Default: none.",
        examples=["tailsampler-headless:7318"],
    )
    resolve_interval: Annotated[Duration, lasting("1s", "10m")] = Field(
        default=timedelta(seconds=5),
        description="How often the name is looked up. Default: 5s.",
    )
    interval: Annotated[Duration, lasting("10ms", "5s")] = Field(
        default=timedelta(milliseconds=200),
        description="How often the others are told what is new. Default: 200ms.",
    )
    max_traces: Annotated[Whole, between(2, 100_000_000)] = Field(
        default=200_000,
        description="Traces remembered of what others tell, and at most a tenth of that waiting "
        "to be told; about 40 bytes each. Default: 200000.",
    )
    tls: ClientTls = Field(default=ClientTls(), description="TLS. Default: on, verified.")
    token: Token | None = Field(
        default=None,
        description="Shown to the others: one of their admin.auth.tokens with the role peer. "
        "Default: none.",
        examples=['"${file:/run/secrets/peer-token}"'],
    )

    @property
    def enabled(self) -> bool:
        """Whether anything is shared."""
        return bool(self.endpoints) or self.dns is not None

    def contradictions(self) -> Iterator[InitErrorDetails]:
        """Two ways to say who the others are."""
        if self.endpoints and self.dns is not None:
            say = "endpoints says who the others are already; leave one of the two out"
            yield found("peers_said_twice", say, ("dns",))
