"""Bounds that nobody has set follow the machine."""

from pathlib import Path

import pytest

from tailsampler.settings.buffer import Buffer
from tailsampler.settings.fit import PROGRAM_BYTES, fit, too_small
from tailsampler.settings.machine import Machine, look
from tailsampler.settings.report import report
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
        "buffer.max_bytes",
        "outbox.max_bytes",
        "decisions.max_bytes",
        "buffer.max_index_bytes",
        "receive.in_flight_bytes",
    ]
    assert fitted[3].say == (
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


def memory_bounds(settings: Settings) -> int:
    """All that the process may hold in memory."""
    verdicts = 24 * settings.late.max_traces
    return settings.buffer.max_index_bytes + settings.receive.in_flight_bytes + verdicts


def disk_bounds(settings: Settings) -> int:
    """All that the data directory may hold."""
    bounded = (settings.buffer, settings.outbox, settings.decisions)
    return sum(each.max_bytes for each in bounded)


@pytest.mark.parametrize("disk", [32 * GIB, GIB, 256 * MIB])
@pytest.mark.parametrize("memory", [512 * MIB, 2 * GIB, 64 * GIB])
def test_a_directory_in_memory_takes_its_part_of_it(memory: int, disk: int) -> None:
    """A tmpfs counts towards the limit of the pod, so both together stay below it."""
    machine = Machine(memory_bytes=memory, disk_bytes=disk, disk_in_memory=True)
    settings, _ = fit(Settings(), machine)
    assert disk_bounds(settings) <= disk
    assert memory_bounds(settings) + disk_bounds(settings) + PROGRAM_BYTES <= memory
    assert too_small(settings, machine) is None


def test_bounds_of_a_directory_in_memory_that_were_written_leave_less() -> None:
    """As the chart writes them for an emptyDir, whose size the program cannot see."""
    written = Settings(buffer=Buffer(max_bytes=512 * MIB))
    machine = Machine(memory_bytes=2 * GIB, disk_bytes=64 * GIB, disk_in_memory=True)
    settings, fitted = fit(written, machine)
    assert settings.buffer.max_bytes == 512 * MIB
    assert memory_bounds(settings) + disk_bounds(settings) + PROGRAM_BYTES <= 2 * GIB
    assert "of it for data_directory, which is in memory" in fitted[-1].why


@pytest.mark.parametrize("memory", [384 * MIB, 512 * MIB, GIB, 16 * GIB])
def test_what_follows_from_the_machine_is_never_too_much(memory: int) -> None:
    """Down to what the chart asks for at least."""
    machine = Machine(memory_bytes=memory, disk_bytes=100 * GIB)
    settings, _ = fit(Settings(), machine)
    assert too_small(settings, machine) is None


def test_bounds_beyond_the_memory_are_warned_of() -> None:
    """The kernel would end the process under load, long after the start looked well."""
    written = Settings(buffer=Buffer(max_index_bytes=GIB))
    machine = Machine(memory_bytes=512 * MIB, disk_bytes=100 * GIB)
    settings, _ = fit(written, machine)
    warning = too_small(settings, machine)
    assert warning is not None
    assert "(buffer.max_index_bytes 1GiB, " in warning
    assert "there is 512MiB" in warning
    assert warning in report(settings, on_this_machine=warning).warnings
    assert too_small(settings, Machine()) is None


def test_the_disk_of_a_directory_to_be_made(tmp_path: Path) -> None:
    """Its nearest parent tells."""
    assert look(tmp_path / "not" / "there").disk_bytes == look(tmp_path).disk_bytes
    assert (look(tmp_path).disk_bytes or 0) > 0
    assert (look(tmp_path).memory_bytes or 0) > 0
