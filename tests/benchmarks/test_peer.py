"""A peer beside us: only on loopback, and with all that it starts."""

import os
import socket
import sys
from pathlib import Path

import pytest

from benchmarks import process
from benchmarks.__main__ import FAILED, main
from benchmarks.gateway import GatewayError, free_ports
from benchmarks.peer import Peer, PeerProcess

LISTEN = """
import os, socket, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print(os.environ["BENCH_DECISION_WAIT"], os.environ["BENCH_BACKEND_PORT"], flush=True)
while True:
    server.accept()[0].close()
"""


@pytest.mark.parametrize(
    "address", ["10.0.0.1:4317", "example.com:4317", "127.0.0.1", "127.0.0.1:otlp", ":4317"]
)
def test_an_address_beyond_loopback_is_refused(address: str) -> None:
    """A benchmark sends nothing to another machine."""
    with pytest.raises(GatewayError, match="host:port on loopback"):
        Peer("true", address)


@pytest.mark.parametrize("address", ["127.0.0.1:4317", "localhost:4317", "[::1]:4317"])
def test_an_address_on_loopback_is_taken(address: str) -> None:
    """In each of its three spellings."""
    assert Peer("true", address).address == address


def test_an_address_without_a_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """What listens there already was not started by us, and its process is not known."""
    assert main(["--case", "chains", "--peer-address", "127.0.0.1:4317"]) == FAILED
    assert "come together" in capsys.readouterr().err


def test_a_peer_runs_with_what_it_starts_and_ends(tmp_path: Path) -> None:
    """It knows wait and backend, its children are counted with it, and nothing stays behind."""
    (tmp_path / "peer.py").write_text(LISTEN)
    (port,) = free_ports(1)
    peer = Peer(f"{sys.executable} {tmp_path / 'peer.py'} {port}", f"127.0.0.1:{port}")
    with PeerProcess(
        peer, tmp_path / "data", backend_port=1234, decision_wait="7s", more={}
    ) as running:
        tree = process.tree(running.pid)
        assert len(tree) == 2
        assert process.tree_memory(running.pid).anonymous > 0
        assert process.tree_cpu_seconds(running.pid) > 0
    assert "7s 1234" in (tmp_path / "data.log").read_text()
    assert not Path(f"/proc/{running.pid}").exists()


def test_a_peer_that_does_not_listen_is_shown_with_its_log(tmp_path: Path) -> None:
    """The end of what it said stands in the message."""
    (port,) = free_ports(1)
    peer = Peer("sh -c 'echo no licence; exit 3'", f"127.0.0.1:{port}", name="other")
    starting = PeerProcess(peer, tmp_path / "data", backend_port=1, decision_wait="1s")
    with pytest.raises(GatewayError, match=r"other does not listen.*\n.*no licence"), starting:
        pass


def test_a_command_that_is_none_is_shown(tmp_path: Path) -> None:
    """With what the system says of it."""
    (port,) = free_ports(1)
    peer = Peer("/nowhere/otelcol", f"127.0.0.1:{port}")
    with pytest.raises(GatewayError, match=r"--peer-command cannot be started: .*/nowhere"):
        PeerProcess(peer, tmp_path / "data", backend_port=1, decision_wait="1s")


def test_a_port_that_is_taken_is_not_measured(tmp_path: Path) -> None:
    """What listens there is not what the command starts."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        peer = Peer("true", f"127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(GatewayError, match="something listens"):
            PeerProcess(peer, tmp_path / "data", backend_port=1, decision_wait="1s")


def test_this_process_can_be_read() -> None:
    """The kernel's numbers of a process are found where they are looked for."""
    assert process.cpu_seconds(os.getpid()) > 0
    memory = process.memory(os.getpid())
    assert 0 < memory.anonymous <= memory.resident
    assert process.machine_busy_seconds() > 0
