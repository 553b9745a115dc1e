"""Data directories that are full, read-only, somebody else's, or in use."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from tailsampler.testing.backend import CapturingBackend
from tests.end_to_end.process import GatewayProcess, Json, exports_to
from tests.faults.crash import disks
from tests.faults.senders import GrpcSender, Ids, Refused, small_traces
from tests.model.build import request
from tests.needs import ROOT, lack

MEGABYTES = 48
CONFIG: Json = {
    "sampling": {
        "decision_wait": "1s",
        "policies": [{"name": "everything", "sample_rate": 1.0}],
    },
    "buffer": {"segment_bytes": "1MiB", "max_bytes": "512MiB"},
}


@pytest.fixture
def backend() -> Iterator[CapturingBackend]:
    """Takes everything."""
    with CapturingBackend() as running:
        yield running


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small ext4 file system, mounted."""
    if why := disks.why_no_mounts(tmp_path):
        pytest.xfail(f"nothing can be mounted here: {why}")
    image = tmp_path / "disk.img"
    disks.make_ext4(image, MEGABYTES)
    with disks.mounted(image, tmp_path / "disk") as at:
        yield at


def refusal(home: Path, data: Path, *before: str) -> str:
    """What the program says of a data directory that it does not take; run by ``before``."""
    gateway = GatewayProcess(home, {**CONFIG, "data_directory": str(data)})
    done = subprocess.run(
        [*before, sys.executable, "-m", "tailsampler", "run", "--config", str(gateway.config)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert str(data) in done.stderr
    return done.stderr


@pytest.mark.timeout(180)
def test_a_full_disk_refuses_and_recovers(
    tmp_path: Path, disk: Path, backend: CapturingBackend
) -> None:
    """Requests are refused in words, nothing accepted is lost, and room alone is the cure."""
    home = tmp_path / "home"
    home.mkdir()
    data = disk / "data"
    config = {**CONFIG, "data_directory": str(data), "export": exports_to(backend)}
    gateway = GatewayProcess(home, config)
    gateway.data = data
    ids, wanted = Ids(60), set[bytes]()
    try:
        gateway.start()
        ballast = disk / "ballast"
        free = shutil.disk_usage(disk).free - (4 << 20)
        with ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, free)
        with GrpcSender(gateway.addresses["otlp_grpc"]) as sender:
            refused = None
            while refused is None:
                spans = small_traces(ids, 500)
                answer = sender.call(request(spans).SerializeToString())
                if isinstance(answer, Refused):
                    refused = answer
                else:
                    wanted |= {span.span_id for span in spans}
            assert refused.code in {
                grpc.StatusCode.UNAVAILABLE,
                grpc.StatusCode.RESOURCE_EXHAUSTED,
            }
            assert refused.words
            gateway.ledger()  # which asks the admin listener, and that it balances
            for listener, path in (("admin", "/"), ("telemetry", "/metrics")):
                url = f"http://{gateway.addresses[listener]}{path}"
                with urllib.request.urlopen(url, timeout=30) as page:
                    assert page.status == 200
            ballast.unlink()

            def taken() -> bool:
                spans = small_traces(ids, 10)
                answer = sender.call(request(spans).SerializeToString())
                if isinstance(answer, Refused):
                    return False
                wanted.update(span.span_id for span in spans)
                return True

            gateway.until(taken, "taking requests again")
        gateway.until(gateway.settled, "settled")
        assert backend.span_ids() == wanted
        books = gateway.ledger()["spans"]
        assert books["exported"] == books["received"] == len(wanted)
        assert gateway.terminate() == 0
    finally:
        gateway.clean_up()


@pytest.mark.timeout(120)
def test_a_read_only_file_system_is_refused_in_words(tmp_path: Path, disk: Path) -> None:
    """The program says which directory it cannot write, and why, and exits with status 2."""
    home = tmp_path / "home"
    home.mkdir()
    (disk / "data").mkdir()
    disks.run("mount", "-o", "remount,ro", str(disk))
    said = refusal(home, disk / "data")
    assert "read-only" in said.lower()


@pytest.mark.timeout(120)
def test_a_directory_without_permission_is_refused_in_words(tmp_path: Path) -> None:
    """Without permission to write there, it names the directory and exits with status 2."""
    home, data = tmp_path / "home", tmp_path / "data"
    home.mkdir()
    data.mkdir(mode=0o500)
    assert "ermission" in refusal(home, data, *as_anybody())


def as_anybody() -> tuple[str, ...]:
    """What makes root ask for permission as everybody must; nothing for anybody else."""
    if os.geteuid() != 0:
        return ()
    # Not another user: that one might not be allowed to read the interpreter either.
    try:
        return (disks.tool("setpriv"), "--bounding-set=-dac_override,-dac_read_search")
    except disks.NoMountError as error:
        lack(str(error))
        raise


@pytest.mark.timeout(120)
def test_a_directory_in_use_is_refused_in_words(tmp_path: Path, backend: CapturingBackend) -> None:
    """A second program on one data directory exits with status 2, and the first goes on."""
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    gateway = GatewayProcess(first, {**CONFIG, "export": exports_to(backend)})
    try:
        gateway.start()
        before = gateway.addresses
        assert "use" in refusal(second, gateway.data)
        assert gateway.is_ready()
        assert gateway.addresses == before
        gateway.ledger()
    finally:
        gateway.clean_up()
