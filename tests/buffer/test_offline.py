"""A data directory that no gateway works in: what it says of a real one, whole and damaged."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tailsampler import _core
from tailsampler.cli import main

WRITTEN = Path(__file__).resolve().parents[2] / "crates/core/tests/formats/2"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """What a gateway left behind."""
    return Path(shutil.copytree(WRITTEN, tmp_path / "data"))


def call(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["buffer", *map(str, arguments)])


def segment(data: Path, log: str = "buffer") -> Path:
    return min((data / log).glob("*.log"))


def flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 0x10
    path.write_bytes(content)


def everything(data: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in data.rglob("*") if path.is_file()}


def exported(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def spans(requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        span
        for request in requests
        for resource in request["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]


def test_what_a_process_left_is_sound(data: Path) -> None:
    """A directory of a process that died is in good order, and says what is in it."""
    result = call("inspect", data)
    assert result.exit_code == 0, result.output
    assert "sound: every record is as it was written" in result.output
    survey = json.loads(call("inspect", "--json", data).stdout)
    assert survey["logs"]["buffer"]["kinds"]["request"]["entries"] > 0
    assert survey["missing"] == {"spans": 0, "bytes": 0}


@pytest.mark.parametrize("command", ["inspect", "verify"])
def test_looking_writes_nothing(data: Path, command: str) -> None:
    """Who only looks changes no byte."""
    flip(segment(data), 70)
    before = everything(data)
    assert call(command, data).exit_code == 1
    assert {path: b for path, b in everything(data).items() if path.name != "lock"} == before


def test_damage_is_named_with_its_place(data: Path) -> None:
    """A flipped bit is told with its file and position, and what was lost with it."""
    flip(segment(data), 70)
    result = call("verify", data)
    assert result.exit_code == 1
    position = int(segment(data).stem, 16)
    assert f"{segment(data)}: position {position:,}:" in result.stdout
    assert "spans were accepted, and stand in no record any more" in result.stdout
    assert json.loads(call("verify", "--json", data).stdout)["damage"][0]["position"] == position


def test_a_repair_says_what_it_did_and_leaves_nothing_to_do(data: Path) -> None:
    """Damage is made harmless once, after it was said what would be done."""
    flip(segment(data), 70)
    before = everything(data)
    assert "would be skipped" in call("repair", "--dry-run", data).stdout
    assert {path: b for path, b in everything(data).items() if path.name != "lock"} == before
    result = call("repair", data)
    assert result.exit_code == 0, result.output
    assert "are skipped from now on" in result.stdout
    assert json.loads((data / "repairs.jsonl").read_text())["offset"] == 0
    assert call("repair", data).stdout == "nothing to repair\n"
    assert json.loads(call("inspect", "--json", data).stdout)["logs"]["buffer"]["damage"] == []


def test_one_whole_copy_of_a_small_file_is_enough(data: Path) -> None:
    """A damaged copy comes back from the other; without one, a repair says so."""
    whole = (data / "checkpoint.json").read_bytes()
    flip(data / "checkpoint.copy.json", 30)
    assert "one copy damaged" in call("verify", data).stdout
    assert call("repair", data).exit_code == 0
    assert (data / "checkpoint.copy.json").read_bytes() == whole
    flip(data / "checkpoint.json", 30)
    flip(data / "checkpoint.copy.json", 30)
    result = call("repair", data)
    assert result.exit_code == 1
    assert "cannot be repaired: no whole copy of it is left" in result.stdout


@pytest.mark.parametrize("log", ["buffer", "outbox"])
def test_spans_come_out_as_otlp_json(data: Path, log: str, tmp_path: Path) -> None:
    """Requests and kept traces can be had without a gateway."""
    result = call("export", data, "--from", log)
    assert result.exit_code == 0, result.output
    assert spans(exported(result))
    assert f"from the {log} log" in result.stderr
    call("export", data, "--from", log, "--to", tmp_path / "spans.jsonl")
    assert (tmp_path / "spans.jsonl").read_text() == result.stdout


def test_one_trace_comes_out_alone(data: Path) -> None:
    """One trace can be asked for; a wrong id is a mistake, an absent one a finding."""
    all_spans = spans(exported(call("export", data)))
    wanted = all_spans[0]["traceId"]
    result = call("export", data, "--trace-id", wanted.upper())
    found = spans(exported(result))
    assert found == [span for span in all_spans if span["traceId"] == wanted]
    assert call("export", data, "--trace-id", "f" * 32).exit_code == 1
    assert call("export", data, "--trace-id", "f" * 31).exit_code == 2


def test_nobody_else_may_work_in_it(data: Path) -> None:
    """A directory in use is refused in words, and free again afterwards."""
    held = _core.DataDirectory(str(data))
    result = call("verify", data)
    assert result.exit_code == 2
    assert "is in use by another process; stop it first" in result.stderr
    del held
    assert call("verify", data).exit_code == 0


def test_another_directory_is_refused_in_words(tmp_path: Path) -> None:
    """What is no data directory is not touched."""
    result = call("inspect", tmp_path)
    assert result.exit_code == 2
    assert "is no data directory" in result.stderr
    assert call("inspect", tmp_path / "nowhere").exit_code == 2


def test_whoever_watches_can_end_it(data: Path) -> None:
    """An exception of the progress callback, as Ctrl-C is one, ends the reading."""

    class EnoughError(Exception):
        pass

    def enough(done: int, total: int) -> None:
        raise EnoughError(done, total)

    with pytest.raises(EnoughError):
        _core.DataDirectory(str(data)).survey(enough)
