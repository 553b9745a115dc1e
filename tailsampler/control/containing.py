"""A call of the control service that raises costs itself alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeAlias

import grpc
import grpc.aio

from tailsampler.telemetry.contained import Contained, is_ending, place_of

COMPONENT = "control"
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Context = grpc.aio.ServicerContext[Any, Any]


class Containing(grpc.aio.ServerInterceptor):
    """Answers INTERNAL in words, counts, and says where it was raised."""

    def __init__(self, contained: Contained) -> None:
        self._contained = contained

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """Wrap the method that is called."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return None  # a method that there is not
        method = str(handler_call_details.method).rpartition("/")[2]
        codecs = (handler.request_deserializer, handler.response_serializer)
        if handler.response_streaming:
            made: Handler = grpc.unary_stream_rpc_method_handler(
                self._stream(method, handler.unary_stream), *codecs
            )
        else:
            made = grpc.unary_unary_rpc_method_handler(
                self._unary(method, handler.unary_unary), *codecs
            )
        return made

    def _unary(self, method: str, call: Any) -> Any:
        async def answer(request: Any, context: Context) -> Any:
            try:
                return await call(request, context)
            except BaseException as error:
                await self._fail(method, error, context)
                raise

        return answer

    def _stream(self, method: str, call: Any) -> Any:
        async def answers(request: Any, context: Context) -> AsyncIterator[Any]:
            try:
                async for answer in call(request, context):
                    yield answer
            except BaseException as error:
                await self._fail(method, error, context)
                raise

        return answers

    async def _fail(self, method: str, error: BaseException, context: Context) -> None:
        if is_ending(error) or isinstance(error, grpc.aio.AbortError):
            return
        self._contained.failed(COMPONENT, error, method=method)
        where = f"{type(error).__name__} at {place_of(error)}"
        say = f"{method} failed ({where}); the log says more, and the gateway goes on"
        await context.abort(grpc.StatusCode.INTERNAL, say)
