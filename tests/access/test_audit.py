"""What was done is written down; what was tried is, too, within bounds."""

import json
import stat
from pathlib import Path
from typing import Any

from structlog.testing import capture_logs

from tailsampler.access.audit import REFUSED_AT_ONCE, Audit
from tailsampler.testing.clock import ManualClock


def entries(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_an_operation_is_one_line(tmp_path: Path) -> None:
    """Who, what, when, from where, with which outcome; the program's log says the same."""
    audit = Audit(tmp_path / "audit.jsonl", ManualClock())
    with capture_logs() as logged:
        audit.operated("on-call", "Drain", "ipv4:127.0.0.1:5", "done")
    entry = {"who": "on-call", "what": "Drain", "where": "ipv4:127.0.0.1:5", "outcome": "done"}
    assert entries(audit.path) == [{"at": "1970-01-01T00:16:40.000+00:00", **entry}]
    assert logged == [{"event": "audit.entry", "log_level": "info", **entry}]


def test_its_owner_alone_reads_it(tmp_path: Path) -> None:
    """The parts that are put aside, too."""
    audit = Audit(tmp_path / "audit.jsonl", ManualClock(), max_bytes=1)
    audit.operated("a", "b", "c", "done")
    audit.operated("a", "b", "c", "done")
    parts = sorted(tmp_path.iterdir())
    assert [part.name for part in parts] == ["audit.jsonl.1", "audit.jsonl.2"]
    assert {stat.S_IMODE(part.stat().st_mode) for part in parts} == {0o600}


def test_it_stays_within_its_bound(tmp_path: Path) -> None:
    """The newest entries are there; the oldest part goes."""
    audit = Audit(tmp_path / "audit.jsonl", ManualClock(), max_bytes=1000, backups=2)
    for number in range(100):
        audit.operated(str(number), "Drain", "here", "done")
    parts = [audit.path, *(audit.path.with_name(f"audit.jsonl.{n}") for n in (1, 2, 3))]
    assert not parts[3].exists()
    there = [part for part in parts if part.exists()]
    assert sum(part.stat().st_size for part in there) < 3 * 1200
    newest = [entry["who"] for part in reversed(there) for entry in entries(part)]
    assert newest == [str(number) for number in range(100 - len(newest), 100)]


def test_guessing_neither_fills_it_nor_goes_unsaid(tmp_path: Path) -> None:
    """Past the bound attempts are counted, and the count is written with the next one."""
    clock = ManualClock()
    audit = Audit(tmp_path / "audit.jsonl", clock)
    for _ in range(500):
        audit.refused(None, "GET /", "10.0.0.1", "unknown token")
    assert len(entries(audit.path)) == REFUSED_AT_ONCE
    clock.now_s += 60
    audit.refused("grafana", "Drain", "10.0.0.1", "role read")
    last = entries(audit.path)[-1]
    assert last["refused_before_unwritten"] == 500 - REFUSED_AT_ONCE
    assert (last["who"], last["outcome"], last["why"]) == ("grafana", "refused", "role read")


def test_what_a_client_wrote_is_cut(tmp_path: Path) -> None:
    """A path may be long, and may hold line breaks."""
    audit = Audit(tmp_path / "audit.jsonl", ManualClock())
    audit.refused(None, "GET /" + "a\n" * 5000, "here", "no token")
    [entry] = entries(audit.path)
    assert len(entry["what"]) == 200


def test_a_full_disk_is_said_and_stops_nobody(tmp_path: Path) -> None:
    """The operation goes on; the program's log has the entry."""
    audit = Audit(tmp_path / "not-there" / "audit.jsonl", ManualClock())
    with capture_logs() as logged:
        audit.operated("on-call", "Drain", "here", "done")
    assert [line["event"] for line in logged] == ["audit.entry", "audit.unwritten"]
    assert audit.unwritten == 1
