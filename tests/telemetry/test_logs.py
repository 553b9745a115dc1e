"""The log set-up."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Literal

import pytest
import structlog

from tailsampler.telemetry.logs import configure


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:], root.level = handlers, level


def test_json_has_one_object_a_line() -> None:
    """Programs read event, level and fields by name; an exception stays within its line."""
    out = io.StringIO()
    configure("info", "json", out)
    log = structlog.get_logger("test")
    try:
        int("broken")
    except ValueError:
        log.exception("export.failed", exporter="tempo")
    [line] = out.getvalue().splitlines()
    found = json.loads(line)
    assert (found["event"], found["level"], found["exporter"]) == (
        "export.failed",
        "error",
        "tempo",
    )
    assert "ValueError: invalid literal" in found["exception"]
    assert found["timestamp"].endswith("Z")


def test_the_level_is_kept_to() -> None:
    """What is below it is not written."""
    out = io.StringIO()
    configure("warn", "console", out)
    log = structlog.get_logger("test")
    log.info("gateway.ready")
    log.warning("export.retrying")
    assert "gateway.ready" not in out.getvalue()
    assert "export.retrying" in out.getvalue()


def test_libraries_are_heard_when_something_is_wrong() -> None:
    """A warning of asyncio or aiohttp comes out in our format; their chatter does not."""
    out = io.StringIO()
    configure("info", "json", out)
    logging.getLogger("asyncio").info("selector chosen")
    logging.getLogger("asyncio").warning("task was destroyed")
    [line] = out.getvalue().splitlines()
    assert json.loads(line)["event"] == "task was destroyed"


class Full(io.StringIO):
    """A disk without room, or a pipe without a reader."""

    def write(self, text: str, /) -> int:
        raise OSError(28, "No space left on device")

    def flush(self) -> None:
        raise BrokenPipeError


@pytest.mark.parametrize("encoding", ["console", "json"])
def test_a_log_that_cannot_be_written_stops_nobody(encoding: Literal["console", "json"]) -> None:
    """Whoever logs goes on with what matters more, be it ours or a library."""
    configure("info", encoding, Full())
    structlog.get_logger("test").error("export.failed")
    logging.getLogger("asyncio").error("task was destroyed")


@pytest.mark.parametrize("encoding", ["console", "json"])
def test_a_traceback_shows_no_values(encoding: Literal["console", "json"]) -> None:
    """Local variables may be secrets."""
    out = io.StringIO()
    configure("info", encoding, out)
    password = "hunter2"
    try:
        int("broken")
    except ValueError as error:
        structlog.get_logger("test").error("export.failed", exc_info=error)
    assert "ValueError: invalid literal" in out.getvalue()
    assert password not in out.getvalue()
