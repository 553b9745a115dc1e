"""``tailsampler convert``: what it prints, what it writes, and with which status it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tailsampler.cli import main
from tailsampler.settings.load import load
from tests.convert.ways import block
from tests.meta.source import name
from tests.meta.test_imports import imported, part, product
from tests.needs import ROOT

SLOW = {"name": "slow", "type": "latency", "latency": {"threshold_ms": 100}}
FLAGS = {"name": "flags", "type": "trace_flags"}


def call(*args: str | Path) -> Result:
    return CliRunner().invoke(main, ["convert", *map(str, args)])


@pytest.fixture
def exact(tmp_path: Path) -> Path:
    path = tmp_path / "exact.yaml"
    path.write_text(block(policies=[SLOW]))
    return path


@pytest.fixture
def inexact(tmp_path: Path) -> Path:
    path = tmp_path / "inexact.yaml"
    path.write_text(block(policies=[SLOW, FLAGS]))
    return path


def test_the_configuration_goes_to_stdout_and_the_list_to_stderr(inexact: Path) -> None:
    """So that the one can be kept and the other be read; status 1, since something differs."""
    done = call(inexact)
    assert done.exit_code == 1
    assert done.stdout.startswith("# Converted from")
    assert "carried: slow" in done.stderr
    assert "left out: flags" in done.stderr
    assert "[keeps less]" in done.stderr


def test_status_0_says_that_all_is_the_same(exact: Path) -> None:
    """Nothing is changed or left out."""
    done = call(exact)
    assert done.exit_code == 0
    assert "nothing is changed or left out" in done.stdout


def test_what_comes_out_can_be_checked_and_run(exact: Path, tmp_path: Path) -> None:
    """By the command that reads it."""
    out = tmp_path / "out.yaml"
    assert call(exact, "--output", out).exit_code == 0
    assert load(out).sampling.policies[0].duration_threshold_ms == 101
    assert CliRunner().invoke(main, ["check", str(out)]).exit_code == 0


def test_a_file_that_is_there_stays(exact: Path, tmp_path: Path) -> None:
    """Unless ``--force`` says that it is meant."""
    out = tmp_path / "out.yaml"
    out.write_text("mine")
    done = call(exact, "--output", out)
    assert (done.exit_code, out.read_text()) == (2, "mine")
    assert "--force" in done.stderr
    assert call(exact, "--output", out, "--force").exit_code == 0
    assert out.read_text().startswith("# Converted")


def test_json_has_the_configuration_and_the_three_lists(inexact: Path) -> None:
    """For programs; the status is the same."""
    done = call(inexact, "--json")
    body = json.loads(done.stdout)
    assert done.exit_code == 1
    assert set(body) == {"config", "carried", "changed", "left_out"}
    assert body["left_out"][0]["name"] == "flags"
    assert body["left_out"][0]["at"]["file"] == str(inexact)


def test_json_tells_what_is_wrong(tmp_path: Path) -> None:
    """As ``check --json`` does."""
    path = tmp_path / "wrong.yaml"
    path.write_text("tail_sampling: {policies: {}}")
    done = call(path, "--json")
    assert done.exit_code == 2
    assert json.loads(done.stdout)["errors"][0]["code"] == "not_a_list"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read"),
        (b"\xff\xfe", "not UTF-8"),
        (b"", "is empty"),
        (b"a: 1\n", "neither a Collector"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, content: bytes | None, words: str) -> None:
    """With status 2, and nothing on stdout."""
    path = tmp_path / "file.yaml"
    if content is not None:
        path.write_bytes(content)
    done = call(path)
    assert (done.exit_code, done.stdout) == (2, "")
    assert words in done.stderr


def test_an_output_that_cannot_be_written_is_told(exact: Path, tmp_path: Path) -> None:
    """With status 2."""
    done = call(exact, "--output", tmp_path / "none" / "out.yaml")
    assert done.exit_code == 2
    assert "cannot be written" in done.stderr


def test_the_version_of_contrib_is_an_option(exact: Path) -> None:
    """And one that is none is a mistake in the command."""
    assert "duration_threshold_ms: 100," in call(exact, "--compat", "0.155").stdout
    assert 'compat: "0.155"' in call(
        exact, "--compat", "0.155", "--to", "tail_sampling"
    ).stdout.replace("'", '"')
    done = call(exact, "--compat", "new")
    assert done.exit_code == 2
    assert "--compat" in done.stderr


def test_a_source_can_be_named(exact: Path) -> None:
    """Where what it is cannot be told, or is told wrongly."""
    done = call(exact, "--from", "refinery")
    assert done.exit_code == 2
    assert "RulesVersion" in done.stderr
    assert call(exact, "--from", "contrib").exit_code == 0


def test_control_characters_of_a_file_do_not_reach_a_terminal(tmp_path: Path) -> None:
    """Names are data, in the list as well."""
    path = tmp_path / "file.yaml"
    path.write_text(json.dumps({"tail_sampling": {"policies": [{**SLOW, "name": "a\x1b[2Jb"}]}}))
    done = call(path)
    assert "\x1b" not in done.stderr + done.stdout


def test_nothing_but_the_command_line_imports_it() -> None:
    """It can break without a span being lost, or a setting being read differently."""
    wrong = {
        name(path)
        for path in product()
        if any(part(dotted) == "convert" for dotted in imported(path))
        and path.relative_to(ROOT / "tailsampler").parts[0] not in {"cli", "convert"}
    }
    assert wrong == set()
