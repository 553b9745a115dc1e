"""Who may ask the admin listener for what: tokens, roles, and the audit log of operations."""

import asyncio
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Middleware

from tailsampler.access.audit import Audit
from tailsampler.access.operators import Access, Operator
from tailsampler.admin.answers import problem
from tailsampler.telemetry.listener import Handler

READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing; whoever uses another one operates."""
OPERATOR: Final = web.RequestKey("operator", Operator)
"""In a request: who asks."""
# Both schemes: a browser asks its user for a password at the first, programs know the second.
_CHALLENGES: Final = ('Basic realm="tailsampler", charset="UTF-8"', 'Bearer realm="tailsampler"')


def authenticated(access: Access, audit: Audit | None) -> Middleware:
    """Let through whoever has a token for what they ask, and write down who changes something.

    ``audit`` None: nothing is written down.
    """

    @web.middleware
    async def authenticate(request: web.Request, handler: Handler) -> web.StreamResponse:
        operator = access.who(request.headers.get("Authorization"))
        what, where = f"{request.method} {request.path}", request.remote or "unknown"
        if operator is None:
            why = "no token" if "Authorization" not in request.headers else "unknown token"
            if audit is not None:
                await asyncio.to_thread(audit.refused, None, what, where, why)
            return _who_are_you()
        request[OPERATOR] = operator
        reads = request.method in READING
        if reads and operator.may_read:
            return await handler(request)
        if reads or not operator.may_operate:
            role = "read" if reads else "operate"
            if audit is not None:
                why = f"needs role {role}"
                await asyncio.to_thread(audit.refused, operator.name, what, where, why)
            say = f"this token may not do that; ask with one whose role is {role}"
            return problem(403, "may_not_operate", say)
        outcome = "cut_off"
        try:
            response = await handler(request)
            outcome = "done" if response.status < 400 else f"failed with {response.status}"
        except web.HTTPException as error:
            outcome = f"failed with {error.status}"
            raise
        except Exception:
            outcome = "failed"
            raise
        finally:
            if audit is not None:
                # Shielded: whoever hangs up half-way is written down, too.
                written = asyncio.to_thread(audit.operated, operator.name, what, where, outcome)
                await asyncio.shield(written)
        return response

    return authenticate


def _who_are_you() -> web.Response:
    say = (
        "a token is needed: send authorization: Bearer <token>, or, in a browser, give it as the "
        "password with any name; admin.auth.tokens lists those that hold"
    )
    response = problem(401, "unauthenticated", say)
    for challenge in _CHALLENGES:
        response.headers.add("WWW-Authenticate", challenge)
    return response
