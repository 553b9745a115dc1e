"""Who may call the control service: tokens, roles, and the audit log of operations."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final, TypeAlias

import grpc
import grpc.aio

from tailsampler.access.audit import Audit
from tailsampler.access.operators import Access, Operator

READING: Final = ("Get", "List", "Watch")
"""How the names of methods begin that change nothing; whoever calls another one operates."""
SHARING: Final = "ShareVerdicts"
"""Several times a second, by other gateways: not written down, unless it is refused."""
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Context = grpc.aio.ServicerContext[Any, Any]


class Guarding(grpc.aio.ServerInterceptor):
    """Refuses with UNAUTHENTICATED or PERMISSION_DENIED, and writes down who changes something."""

    def __init__(self, access: Access, audit: Audit | None) -> None:
        self._access = access
        self._audit = audit

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """Decide on the head of a call, before its message is read."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return None  # a method that there is not
        method = str(handler_call_details.method).rpartition("/")[2]
        authorization = next(
            (
                str(value)
                for key, value in handler_call_details.invocation_metadata or ()
                if key == "authorization"
            ),
            None,
        )
        operator = self._access.who(authorization)
        if operator is None:
            why = "no token" if authorization is None else "unknown token"
            say = "a token is needed: send authorization: Bearer <token>; admin.auth.tokens lists "
            return self._refusing(
                handler, None, method, why, grpc.StatusCode.UNAUTHENTICATED, f"{say}those that hold"
            )
        role = _role_that_lacks(operator, method)
        if role is not None:
            say = f"this token may not call {method}; call it with one whose role is {role}"
            return self._refusing(
                handler,
                operator,
                method,
                f"needs role {role}",
                grpc.StatusCode.PERMISSION_DENIED,
                say,
            )
        if method.startswith(READING) or method == SHARING:
            return handler
        return handler if self._audit is None else self._writing(handler, operator, method)

    def _refusing(
        self,
        handler: Handler,
        operator: Operator | None,
        method: str,
        why: str,
        code: grpc.StatusCode,
        say: str,
    ) -> Handler:
        name = None if operator is None else operator.name

        async def refuse(context: Context) -> None:
            if self._audit is not None:
                await asyncio.to_thread(self._audit.refused, name, method, context.peer(), why)
            await context.abort(code, say)

        async def one(_request: Any, context: Context) -> None:
            await refuse(context)

        async def many(_request: Any, context: Context) -> AsyncIterator[Any]:
            await refuse(context)
            yield  # never reached; it makes this a stream

        # Without codecs: the message of somebody unknown is not parsed.
        if handler.response_streaming:
            return grpc.unary_stream_rpc_method_handler(many)
        return grpc.unary_unary_rpc_method_handler(one)

    def _writing(self, handler: Handler, operator: Operator, method: str) -> Handler:
        audit = self._audit
        call: Any = handler.unary_unary
        if audit is None or handler.response_streaming or call is None:
            # An operation answers once; a method that does not needs an entry of its own making.
            return handler

        async def answer(request: Any, context: Context) -> Any:
            outcome = "cut_off"
            try:
                response = await call(request, context)
                outcome = "done"
            except Exception:
                outcome = "failed"
                raise
            finally:
                # Shielded: whoever hangs up half-way is written down, too.
                written = asyncio.to_thread(
                    audit.operated, operator.name, method, context.peer(), outcome
                )
                await asyncio.shield(written)
            return response

        return grpc.unary_unary_rpc_method_handler(
            answer, handler.request_deserializer, handler.response_serializer
        )


def _role_that_lacks(operator: Operator, method: str) -> str | None:
    """The role that this operator would need; None if they may."""
    if method == SHARING:
        return None if operator.may_share else "peer"
    if method.startswith(READING):
        return None if operator.may_read else "read"
    return None if operator.may_operate else "operate"
