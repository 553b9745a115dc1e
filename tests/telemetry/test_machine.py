"""What the machine gives the process."""

from pathlib import Path

import pytest

from tailsampler.settings.machine import memory_limit
from tailsampler.telemetry.machine import (
    Machine,
    container,
    data_bytes,
    disk_free,
    look,
)


@pytest.fixture
def groups(tmp_path: Path) -> Path:
    """Control groups: ``/a`` limited to 1,000 bytes, ``/a/b`` to nothing."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "memory.max").write_text("1000\n")
    (tmp_path / "a" / "b" / "memory.max").write_text("max\n")
    return tmp_path


def own(directory: Path, text: str) -> Path:
    path = directory / "cgroup"
    path.write_text(text)
    return path


def test_the_limit_of_a_group_above_holds(groups: Path) -> None:
    """Without one of its own, the process is bound by its parents."""
    assert memory_limit(groups, own(groups, "0::/a/b\n")) == 1_000


def test_the_tightest_limit_holds(groups: Path) -> None:
    """A group may have less than those above it, never more."""
    (groups / "a" / "b" / "memory.max").write_text("900\n")
    assert memory_limit(groups, own(groups, "0::/a/b\n")) == 900


def test_the_first_version_of_control_groups(groups: Path) -> None:
    """Its file has another name, and no limit is a number near 2^63."""
    (groups / "memory" / "c").mkdir(parents=True)
    (groups / "memory" / "c" / "memory.limit_in_bytes").write_text("800\n")
    (groups / "memory" / "memory.limit_in_bytes").write_text("9223372036854771712\n")
    assert memory_limit(groups, own(groups, "5:cpu:/c\n4:memory:/c\n")) == 800


def test_no_limit_is_none(groups: Path) -> None:
    """Also where there are no control groups at all."""
    assert memory_limit(groups, own(groups, "0::/nowhere\n")) is None
    assert memory_limit(groups, groups / "none") is None


def test_the_disk_of_a_directory_that_is_not_there_yet(tmp_path: Path) -> None:
    """It will stand where its parent does."""
    assert disk_free(tmp_path / "to" / "come") is not None
    assert data_bytes(tmp_path / "to" / "come") == 0


def test_what_a_directory_holds_is_added_up(tmp_path: Path) -> None:
    """Blocks on the disk, in all of its parts."""
    (tmp_path / "buffer").mkdir()
    (tmp_path / "buffer" / "segment").write_bytes(b"x" * 100_000)
    size = data_bytes(tmp_path)
    assert size is not None
    assert 100_000 <= size < 200_000


def test_containers_are_known_by_their_marks(tmp_path: Path) -> None:
    """Kubernetes by its environment, others by a file at the top."""
    assert container({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, tmp_path) == "Kubernetes"
    assert container({}, tmp_path) is None
    (tmp_path / ".dockerenv").touch()
    assert container({}, tmp_path) == "Docker"


def test_what_was_seen_is_read_back(tmp_path: Path) -> None:
    """By way of JSON, and keys of a newer version are left alone."""
    machine = look(tmp_path, {})
    assert machine.disk_free
    assert Machine.of({**machine.as_json(), "new": 1}) == machine
