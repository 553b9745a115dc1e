"""SIGTERM while the gateway starts, as the first process of a container."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.needs import lack, need

SPACE = ["unshare", "--pid", "--fork", "--kill-child"]
"""Process ids of its own; whoever is not root needs users of their own as well."""


def waits_for(pipe: Path) -> int:
    """A writer's end, once somebody reads the other one and waits for a byte."""
    for _ in range(2_000):
        try:
            return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
        time.sleep(0.01)  # nobody yet: another process is starting
    raise AssertionError("nobody reads the pipe")


def child_of(process: subprocess.Popen[bytes]) -> int:
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return int(children[0])


@pytest.mark.timeout(60)
def test_the_first_process_ends_while_it_starts(tmp_path: Path) -> None:
    """The kernel would ignore the signal, and the start would go on for as long as it takes."""
    need("unshare")
    space = SPACE if os.geteuid() == 0 else [*SPACE, "--user", "--map-root-user"]
    if subprocess.run([*space, "true"], check=False, capture_output=True).returncode:
        lack("process ids of its own (unshare --pid) are not allowed here")
    pipe = tmp_path / "ca.pem"
    os.mkfifo(pipe)
    settings = {
        "data_directory": str(tmp_path / "data"),
        "export": f"[{{type: otlp_grpc, endpoint: 'localhost:1', tls: {{ca_file: {pipe}}}}}]",
    }
    config = tmp_path / "tailsampler.yaml"
    config.write_text("\n".join(f"{key}: {value}" for key, value in settings.items()))
    command = [sys.executable, "-m", "tailsampler", "gateway", "--config", str(config)]
    process = subprocess.Popen([*space, *command], stderr=subprocess.PIPE)
    try:
        mouth = waits_for(pipe)
        os.kill(child_of(process), signal.SIGTERM)
        assert process.wait(20) == 128 + signal.SIGTERM
        os.close(mouth)
    finally:
        process.kill()
        process.communicate()
