"""Files that are damaged, locked, full, newer or somebody else's."""

import random
import sqlite3
import stat
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tailsampler.errors import StartError
from tailsampler.store.options import Options, StoreUnavailableError
from tailsampler.store.query import Needs
from tailsampler.store.traces import TraceStore
from tailsampler.testing.clock import ManualClock
from tailsampler.testing.spans import request, resource, trace, trace_id_of
from tests.store.opened import empty, opened


def payload(*trace_ids: int) -> bytes:
    spans = [span for number in trace_ids for span in trace(number)]
    return request(resource("shop", *spans)).SerializeToString()


def damaged(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.glob("*.damaged-*"))


def filled(directory: Path) -> Path:
    """A store of 200 traces, closed, with nothing in its log."""
    with opened(directory) as store:
        store.write(payload(*range(200)))
    return directory / "traces.sqlite"


def test_only_its_owner_reads_it(tmp_path: Path) -> None:
    """Spans hold what people typed: the file and its log are closed to others."""
    store = TraceStore.open(tmp_path / "deep" / "traces.sqlite", Options(), ManualClock())
    store.write(payload(1))
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "deep").iterdir()}
    store.close()
    assert modes.keys() >= {"traces.sqlite", "traces.sqlite-wal"}
    assert set(modes.values()) == {0o600}


@pytest.mark.parametrize("what", ["random bytes", "text", "truncated", "half a header", "flipped"])
def test_a_damaged_file_is_moved_aside(tmp_path: Path, what: str) -> None:
    """The gateway starts with a fresh store, says so, and keeps the old file to be looked at."""
    path = filled(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(
        {
            "random bytes": random.Random(1).randbytes(20_000),
            "text": b"not a database" * 1_000,
            "truncated": whole[: len(whole) // 2],
            "half a header": whole[:50],
            "flipped": bytes([whole[0] ^ 1]) + whole[1:],
        }[what]
    )
    broken = path.read_bytes()
    with capture_logs() as logs:
        store = TraceStore.open(path, Options(), ManualClock())
    store.write(payload(7))
    assert store.totals().traces == 1
    store.close()
    assert [(entry["event"], entry["log_level"]) for entry in logs] == [("store.damaged", "error")]
    assert damaged(tmp_path) == ["traces.sqlite.damaged-1"]
    assert (tmp_path / "traces.sqlite.damaged-1").read_bytes() == broken


@pytest.mark.parametrize("position", range(100))
def test_no_flip_in_the_header_stops_it(tmp_path: Path, position: int) -> None:
    """Whichever byte of the header is wrong, traces can be written and found."""
    path = filled(tmp_path)
    whole = bytearray(path.read_bytes())
    whole[position] ^= 0xFF
    path.write_bytes(whole)
    with capture_logs():
        store = TraceStore.open(path, Options(), ManualClock())
        assert store.write(payload(1_000)).traces == 1
        assert store.get(trace_id_of(1_000)) is not None
        store.close()


def test_damage_found_while_running_is_dealt_with(tmp_path: Path) -> None:
    """What overwrites the file under a running store costs the old traces, not the new ones."""
    path = filled(tmp_path)
    with opened(tmp_path) as store, capture_logs() as logs:
        assert store.totals().traces == 200
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(random.Random(2).randbytes(path.stat().st_size - 4096))
        for number in range(300, 400):
            store.write(payload(number))
        assert store.get(trace_id_of(399)) is not None
        assert len(store.rows(Needs(), limit=1_000)) == 100
    assert "store.damaged" in {entry["event"] for entry in logs}
    assert "traces.sqlite.damaged-1" in damaged(tmp_path)


def test_a_reader_that_finds_damage_begins_a_fresh_store(tmp_path: Path) -> None:
    """A page that meets the damage first shows an empty store, not an error for good."""
    path = filled(tmp_path)
    with opened(tmp_path) as store, capture_logs() as logs:
        store._file.opened()
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * (path.stat().st_size - 4096))
        assert store.rows(Needs(), limit=10) == []
        assert store.totals().traces == 0
    assert [entry["event"] for entry in logs] == ["store.damaged"]


def test_a_damaged_trace_is_left_out(tmp_path: Path) -> None:
    """One unreadable body costs one trace; what comes for it later takes its place."""
    path = filled(tmp_path)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE traces SET body = x'00' WHERE trace_id = ?", [trace_id_of(5)])
    connection.close()
    with opened(tmp_path) as store, capture_logs() as logs:
        assert store.get(trace_id_of(5)) is None
        found = store.search(
            Needs(), lambda row, _: row.trace_id, limit=300, deadline=lambda: False
        )
        assert len(found.hits) == 199
        store.write(payload(5))
        again = store.get(trace_id_of(5))
        assert again is not None
        assert again.row.spans == 3
    assert {entry["event"] for entry in logs} == {"store.trace_damaged"}
    assert damaged(tmp_path) == []


def test_a_locked_file_is_waited_for(tmp_path: Path) -> None:
    """Another process that holds the file makes writes fail in words, and only while it does."""
    path = filled(tmp_path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with capture_logs() as logs:
        store = TraceStore.open(path, Options(), ManualClock())
        with pytest.raises(StoreUnavailableError, match=r"traces\.sqlite: database is locked"):
            store.write(payload(1_000))
    assert [entry["event"] for entry in logs] == ["store.not_open"]
    other.execute("ROLLBACK")
    other.close()
    assert store.write(payload(1_000)).spans == 3
    assert store.totals().traces == 201
    store.close()
    assert damaged(tmp_path) == []


def test_a_full_disk_is_waited_out(tmp_path: Path) -> None:
    """Nothing of a batch that did not fit is left, and the next that fits is written."""
    with opened(tmp_path) as store:
        store.write(payload(1))
        writer = store._file.opened().writer
        with writer.connect() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 2}")
        with pytest.raises(StoreUnavailableError, match="full"):
            store.write(payload(*range(10, 500)))
        assert store.totals().traces == 1
        with writer.connect() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count = 100000")
        assert store.write(payload(*range(10, 500))).traces == 490
        assert store.totals().traces == 491


def test_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    """A file of a later schema stops the start in words, and is not changed by a byte."""
    path = tmp_path / "traces.sqlite"
    path.write_bytes(empty())
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StartError, match=r"newer version of tailsampler \(schema 9999"):
        TraceStore.open(path, Options(), ManualClock())
    assert path.read_bytes() == before
    assert damaged(tmp_path) == []


def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    """A path that was mistyped costs nobody their data."""
    path = tmp_path / "grafana.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE dashboards (id)")
    connection.close()
    with pytest.raises(StartError, match="database of another program"):
        TraceStore.open(path, Options(), ManualClock())
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("dashboards",)]
    connection.close()


def test_a_place_that_cannot_be_used_stops_the_start(tmp_path: Path) -> None:
    """A directory where the file should be is said before any span is taken."""
    with pytest.raises(StartError, match="cannot be used"):
        TraceStore.open(tmp_path, Options(), ManualClock())
