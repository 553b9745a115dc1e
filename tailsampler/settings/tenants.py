"""Tenants: the teams or systems whose spans are told apart, by token or by header."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar, Final

from pydantic import Field, PlainValidator
from pydantic_core import InitErrorDetails

from tailsampler.settings.base import BadValueError, Section, found
from tailsampler.settings.tokens import Token, digest
from tailsampler.settings.values import Whole, between, parse_text, shown

DEFAULT: Final = "default"
"""The tenant of whatever names none; its number is 0."""
MOST: Final = 1000
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


def parse_tenant_name(value: object) -> str:
    """A name that can stand in a header and in a metric label."""
    text = parse_text(value)
    if not _NAME.fullmatch(text):
        say = f"{shown(value)} is not a tenant's name; write letters, digits, and . _ - inside, "
        raise BadValueError("bad_tenant_name", f"{say}up to 63 characters")
    return text


class Tenant(Section):
    """Somebody whose spans are told apart."""

    HINTS: ClassVar = {
        "token": 'write tokens: ["${file:/run/secrets/...}"]; two of them let you change one',
    }

    name: Annotated[str, PlainValidator(parse_tenant_name)] = Field(
        description="Name in metrics and in receive.tenant_header. `default` is the tenant of "
        "requests that name none.",
        examples=["shop"],
    )
    tokens: tuple[Token, ...] = Field(
        default=(),
        description="Bearer tokens of its senders, never printed; several, so that one can be "
        "changed while the other still works. A tenant with tokens is known by them alone, never "
        "by a header. Default: none.",
        examples=['["${file:/run/secrets/shop}"]'],
    )
    rate_limit_spans_per_second: Annotated[Whole, between(1, 1 << 40)] | None = Field(
        default=None, description="Spans a second that it may send. Default: no limit."
    )


def numbered(tenants: Sequence[Tenant]) -> tuple[str, ...]:
    """Names by number: ``default`` is 0, the others follow in the order of the file."""
    return (DEFAULT, *(tenant.name for tenant in tenants if tenant.name != DEFAULT))


def rates(tenants: Sequence[Tenant]) -> tuple[int | None, ...]:
    """Spans a second by number, None without a limit; empty where nobody is told apart."""
    if not tenants:
        return ()
    limits = {tenant.name: tenant.rate_limit_spans_per_second for tenant in tenants}
    return tuple(limits.get(name) for name in numbered(tenants))


def tenant_problems(tenants: Sequence[Tenant]) -> Iterator[InitErrorDetails]:
    """Too many of them, and names and tokens that stand twice."""
    if len(tenants) > MOST:
        say = f"there are {len(tenants)} tenants; write up to {MOST}"
        yield found("too_many_tenants", say, ("tenants",))
    names: dict[str, int] = {}
    tokens: dict[bytes, tuple[int, str]] = {}
    for at, tenant in enumerate(tenants):
        if tenant.name in names:
            say = f"tenant {names[tenant.name]} is called {tenant.name}, too; write another name"
            yield found("duplicate_tenant", say, ("tenants", at, "name"))
        names.setdefault(tenant.name, at)
        for position, token in enumerate(tenant.tokens):
            key = digest(token.get_secret_value())
            if key in tokens:
                say = f"tenant {tokens[key][1]} has this token, too; write another one"
                yield found("duplicate_token", say, ("tenants", at, "tokens", position))
            tokens.setdefault(key, (at, tenant.name))


def tenants_option(
    tenants: Sequence[Tenant], header: str | None, *, required: bool
) -> dict[str, Any] | None:
    """What the door is told; None if there is nothing to look at in a request's head."""
    if not tenants and not required and header is None:
        return None
    names = numbered(tenants)
    numbers = {name: number for number, name in enumerate(names)}
    return {
        "header": header,
        "names": names,
        "tokens": [
            {
                "tenant": numbers[tenant.name],
                "sha256": digest(token.get_secret_value()).hex(),
            }
            for tenant in tenants
            for token in tenant.tokens
        ],
        "required": required,
    }
