"""Bounds that nobody has set follow the machine."""

from pathlib import Path

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


def test_the_disk_of_a_directory_to_be_made(tmp_path: Path) -> None:
    """Its nearest parent tells."""
    assert look(tmp_path / "not" / "there").disk_bytes == look(tmp_path).disk_bytes
    assert (look(tmp_path).disk_bytes or 0) > 0
    assert (look(tmp_path).memory_bytes or 0) > 0
