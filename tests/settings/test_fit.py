"""Bounds that nobody has set follow the machine."""

from pathlib import Path

import pytest

from tailsampler.settings.buffer import Buffer
from tailsampler.settings.fit import fit
from tailsampler.settings.machine import Machine, look
from tailsampler.settings.root import Settings

MIB, GIB = 1 << 20, 1 << 30


def test_a_large_machine_lowers_nothing() -> None:
    """The defaults are meant for it."""
    settings, fitted = fit(Settings(), Machine(memory_bytes=64 * GIB, disk_bytes=500 * GIB))
    assert settings == Settings()
    assert fitted == ()


def test_what_is_not_known_lowers_nothing() -> None:
    """Better a default than a guess."""
    assert fit(Settings(), Machine()) == (Settings(), ())


def test_a_small_container_lowers_what_it_must() -> None:
    """All bounds in memory together leave room for the program; those on disk for each other."""
    settings, fitted = fit(Settings(), Machine(memory_bytes=512 * MIB, disk_bytes=2 * GIB))
    memory = settings.buffer.max_index_bytes + settings.receive.in_flight_bytes
    memory += 24 * settings.late.max_traces
    assert memory <= 512 * MIB * 6 // 10
    disk = settings.buffer.max_bytes + settings.outbox.max_bytes + settings.decisions.max_bytes
    assert disk <= 2 * GIB * 8 // 10
    assert settings.buffer.max_bytes >= 4 * settings.buffer.segment_bytes
    assert [bound.key for bound in fitted] == [
        "buffer.max_index_bytes",
        "receive.in_flight_bytes",
        "buffer.max_bytes",
        "outbox.max_bytes",
        "decisions.max_bytes",
    ]
    assert fitted[0].say == (
        "buffer.max_index_bytes is 204MiB here and not 4GiB, for there is 512MiB of memory; "
        "write it down to have it otherwise"
    )


def test_what_was_written_down_stands() -> None:
    """Whoever sets a bound means it, also the default's own number."""
    written = Settings(buffer=Buffer(max_bytes=8 * GIB, max_index_bytes=GIB))
    settings, fitted = fit(written, Machine(memory_bytes=512 * MIB, disk_bytes=2 * GIB))
    assert settings.buffer.max_bytes == 8 * GIB
    assert settings.buffer.max_index_bytes == GIB
    assert "buffer.max_bytes" not in [bound.key for bound in fitted]


@pytest.mark.parametrize(
    ("group", "files", "memory"),
    [
        ("0::/pod/main", {"pod/main/memory.max": "max", "pod/memory.max": "536870912"}, 512 * MIB),
        ("0::/", {"memory.max": "268435456"}, 256 * MIB),
        ("9:cpu,memory:/pod", {"memory/pod/memory.limit_in_bytes": "134217728"}, 128 * MIB),
        ("9:memory:/pod", {"memory/pod/memory.limit_in_bytes": "9223372036854771712"}, 8 * GIB),
        ("0::/pod", {}, 8 * GIB),
        ("nonsense", {}, 8 * GIB),
    ],
)
def test_the_smallest_limit_counts(
    tmp_path: Path, group: str, files: dict[str, str], memory: int
) -> None:
    """Of the control groups of either version, and of the machine."""
    for name, text in {
        "proc/self/cgroup": group,
        "proc/meminfo": "MemFree: 1 kB\nMemTotal:        8388608 kB",
        **{f"sys/fs/cgroup/{name}": text for name, text in files.items()},
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text + "\n", encoding="utf-8")
    assert look(tmp_path, tmp_path).memory_bytes == memory


def test_the_disk_of_a_directory_to_be_made(tmp_path: Path) -> None:
    """Its nearest parent tells."""
    assert look(tmp_path / "not" / "there").disk_bytes == look(tmp_path).disk_bytes
    assert (look(tmp_path).disk_bytes or 0) > 0
