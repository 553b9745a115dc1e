"""The demo beside a gateway, as a real process."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from structlog.testing import capture_logs

from tailsampler.clock import SystemClock
from tailsampler.demo.child import command, demo_child

BOUND = {"otlp_grpc": "127.0.0.1:4317", "otlp_http": "127.0.0.1:4318", "admin": "127.0.0.1:7317"}
# Stands for the demo: ends when standard input does, and says so in a file.
STAND_IN = "import sys, pathlib; sys.stdin.read(); pathlib.Path(sys.argv[1]).write_text('ended')"
# Stands for a gateway that is killed: it has the only other end of the pipe.
PARENT = """
import asyncio, os, sys
from tailsampler.clock import SystemClock
from tailsampler.demo.child import demo_child

async def main():
    async with demo_child({"otlp_grpc": "127.0.0.1:1"}, SystemClock(), sys.argv[1:]):
        os.kill(os.getpid(), 9)

asyncio.run(main())
"""


def program(source: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", source, *arguments]


def test_it_is_told_the_addresses_that_were_bound() -> None:
    """Also where the settings say 0, or every interface."""
    assert command(BOUND)[-4:] == [
        "--grpc-endpoint",
        "http://127.0.0.1:4317",
        "--endpoint",
        "http://127.0.0.1:4318",
    ]
    assert command({"otlp_http": "0.0.0.0:5"})[-2:] == ["--endpoint", "http://127.0.0.1:5"]


async def test_it_ends_with_the_context(tmp_path: Path) -> None:
    """By the end of its input, and in good order."""
    note = tmp_path / "note"
    with capture_logs() as logs:
        async with demo_child(BOUND, SystemClock(), program(STAND_IN, str(note))):
            pass
    assert note.read_text() == "ended"
    assert [entry["event"] for entry in logs] == ["demo.started", "demo.stopped"]
    assert logs[-1]["status"] == 0


async def test_a_demo_that_crashes_is_reported_and_harms_nobody() -> None:
    """The gateway goes on, and says how to send again."""
    with capture_logs() as logs:
        async with demo_child(BOUND, SystemClock(), program("raise SystemExit(3)")):
            while len(logs) < 2:
                await SystemClock().sleep(0.01)
    assert [(entry["event"], entry.get("status")) for entry in logs] == [
        ("demo.started", None),
        ("demo.ended", 3),
    ]
    assert "The gateway goes on" in logs[-1]["message"]


async def test_without_doors_nothing_is_started() -> None:
    """There is nothing to send to."""
    with capture_logs() as logs:
        async with demo_child({"admin": "127.0.0.1:7317"}, SystemClock(), ["/nonexistent"]):
            pass
    assert [entry["event"] for entry in logs] == ["demo.not_started"]


def test_it_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    """Even kill -9 of the gateway leaves no demo behind."""
    fifo = tmp_path / "note"
    os.mkfifo(fifo)
    killed = subprocess.Popen(program(PARENT, *program(STAND_IN, str(fifo))))
    try:
        # Reading a fifo waits for its writer, which is the child, at its end.
        assert fifo.read_text() == "ended"
        assert killed.wait() == -9
    finally:
        killed.kill()


async def test_the_real_demo_ends_with_its_input() -> None:
    """While it still waits for a gateway that never comes."""
    process = await asyncio.create_subprocess_exec(
        *command({"otlp_grpc": "127.0.0.1:1"}),
        stdin=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    assert process.stdin is not None
    said = await process.stderr.readline()
    assert b"waiting for the gateway at 127.0.0.1:1" in said
    process.stdin.close()
    assert await process.wait() == 0
