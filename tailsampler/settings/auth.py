"""Who may read and who may operate: the bearer tokens of the admin and the control listener."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field, PlainValidator
from pydantic_core import InitErrorDetails

from tailsampler.settings.base import Section, found
from tailsampler.settings.endpoint import Endpoint
from tailsampler.settings.tenants import parse_tenant_name
from tailsampler.settings.tls import ServerTls
from tailsampler.settings.tokens import Token, digest
from tailsampler.settings.values import one_of


class OperatorToken(Section):
    """One token, and what its holder may do."""

    name: Annotated[str, PlainValidator(parse_tenant_name)] = Field(
        description="Who holds it, for the audit log.", examples=["grafana"]
    )
    token: Token = Field(
        description="The token itself, never printed.", examples=['"${file:/run/secrets/grafana}"']
    )
    role: Annotated[Literal["read", "operate", "peer"], one_of("read", "operate", "peer")] = Field(
        default="read",
        description="read: pages, the API and Get and Watch calls. operate: also whatever changes "
        "something, such as Drain. peer: share verdicts as another gateway, and nothing else. "
        "Default: read.",
    )


class Auth(Section):
    """Bearer tokens of people and programs that look at the gateway or operate it."""

    HINTS: ClassVar = {
        "authenticator": "write tokens: [{name: grafana, token: ..., role: read}]",
        "token": "write tokens: [{name: grafana, token: ..., role: read}]",
    }

    tokens: tuple[OperatorToken, ...] = Field(
        default=(),
        description="Once there is one, nobody is answered without, on loopback neither. Programs "
        "send `authorization: Bearer <token>`; browsers ask for a name, which does not matter, "
        "and a password, which is the token. Default: none, and whoever reaches loopback may do "
        "everything.",
        examples=["[{name: grafana, token: ..., role: read}]"],
    )

    def contradictions(self) -> Iterator[InitErrorDetails]:
        """Names and tokens that stand twice."""
        names: dict[str, int] = {}
        tokens: dict[bytes, str] = {}
        for at, one in enumerate(self.tokens):
            if one.name in names:
                say = f"token {names[one.name]} is called {one.name}, too; write another name"
                yield found("duplicate_name", say, ("tokens", at, "name"))
            names.setdefault(one.name, at)
            key = digest(one.token.get_secret_value())
            if key in tokens:
                say = f"{tokens[key]} has this token, too; write another one"
                yield found("duplicate_token", say, ("tokens", at, "token"))
            tokens.setdefault(key, one.name)


def unprotected(endpoint: Endpoint, auth: Auth, tls: ServerTls | None) -> str | None:
    """Why a listener must not be opened there; None: on loopback, or whoever comes is known."""
    if endpoint.is_loopback or auth.tokens or (tls is not None and tls.client_ca_file):
        return None
    return (
        f"{endpoint} can be reached from outside, and nobody would be asked who they are; write "
        f"admin.auth.tokens, or tls.client_ca_file, or 127.0.0.1:{endpoint.port}"
    )
