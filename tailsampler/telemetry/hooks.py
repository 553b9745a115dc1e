"""The last nets of the process: what nobody else caught is contained, too."""

import asyncio
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tailsampler.telemetry.contained import Contained

EVENT_LOOP = "event_loop"
THREAD = "thread"
FINALIZER = "finalizer"


class CallbackError(Exception):
    """What the event loop complains of without an exception."""


def loop_handler(
    contained: Contained,
) -> Callable[[asyncio.AbstractEventLoop, dict[str, Any]], None]:
    """For ``loop.set_exception_handler``: callbacks that raised, tasks that nobody waited for."""

    def handle(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        say = str(context.get("message") or "the event loop met an error")
        error = context.get("exception") or CallbackError(say)
        contained.failed(EVENT_LOOP, error, message=say)

    return handle


@contextmanager
def hooked(contained: Contained) -> Iterator[None]:
    """Hear of threads and finalizers that raised, while the context lasts."""
    threads, finalizers = threading.excepthook, sys.unraisablehook

    def of_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            name = args.thread.name if args.thread else "unknown"
            contained.failed(THREAD, args.exc_value, thread=name)

    def of_finalizer(args: "sys.UnraisableHookArgs") -> None:
        if args.exc_value is not None:
            contained.failed(FINALIZER, args.exc_value, message=args.err_msg or "")

    threading.excepthook, sys.unraisablehook = of_thread, of_finalizer
    try:
        yield
    finally:
        threading.excepthook, sys.unraisablehook = threads, finalizers
