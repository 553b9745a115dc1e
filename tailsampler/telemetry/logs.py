"""Logs: one line an event, with a stable dotted name, to standard error.

INFO: an action finished. WARNING: odd, recovered, nothing lost. ERROR: data lost, or a human is
needed. ``message`` adds a consequence or is absent.
"""

import io
import logging
import sys
from typing import Final, Literal, TextIO, cast

import structlog

_LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
}


class Unfailing(io.TextIOBase):
    """A stream that loses a line rather than raise: on a full disk, or when its reader is gone.

    Whoever logs is in the middle of something that matters more than the line.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.lost = 0
        """Writes that failed."""

    def write(self, text: str, /) -> int:
        """Write, if that can be done."""
        try:
            self._stream.write(text)
        except (OSError, ValueError):  # full, or closed
            self.lost += 1
        return len(text)

    def flush(self) -> None:
        """Flush, if that can be done."""
        try:
            self._stream.flush()
        except (OSError, ValueError):  # full, or closed
            self.lost += 1

    def isatty(self) -> bool:
        """Whether a person reads it."""
        return self._stream.isatty()


def configure(
    level: Literal["debug", "info", "warn", "error"] = "info",
    encoding: Literal["console", "json"] = "console",
    stream: TextIO | None = None,
) -> None:
    """Set up logging for the process; libraries that log by the standard module come along.

    Tracebacks are without local variables: those may hold secrets.
    """
    out = Unfailing(stream or sys.stderr)
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if encoding == "json":
        renderer: list[structlog.typing.Processor] = [
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ]
    else:
        renderer = [
            structlog.dev.ConsoleRenderer(
                colors=out.isatty(), exception_formatter=structlog.dev.plain_traceback
            )
        ]
    structlog.configure(
        processors=[*shared, *renderer],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", out)),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    # Libraries are heard when something is wrong; what they do otherwise is not our operator's
    # concern.
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
