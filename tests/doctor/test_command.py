"""``tailsampler doctor`` on the command line, without a gateway."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tailsampler.cli import main

BAD = "{buffer: {fsync: never}, data_directory: data, admin: {endpoint: '127.0.0.1:1'}}\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a configuration that will hurt, whose gateway does not run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TAILSAMPLER_CONFIG", raising=False)
    (tmp_path / "bad.yaml").write_text(BAD)
    return tmp_path


def call(*args: str) -> Result:
    return CliRunner().invoke(main, ["doctor", *args])


def test_a_file_alone_is_judged(here: Path) -> None:
    """The findings of its text are told, and that no gateway was asked."""
    result = call("--config", "bad.yaml")
    assert result.exit_code == 1, result.output
    assert "long-loss-window" in result.output
    assert "none answers at http://127.0.0.1:1, so its counters were not looked at" in result.output


def test_json_for_programs(here: Path) -> None:
    """The same, with the checks that were made and those that were not."""
    body = json.loads(call("--config", "bad.yaml", "--json").output)
    assert "long-loss-window" in {finding["id"] for finding in body["findings"]}
    assert (body["config"], body["gateway"], body["well"]) == ("bad.yaml", None, False)
    assert "do the books balance" in {one["check"] for one in body["skipped"]}


def test_a_gateway_that_was_named_must_answer(here: Path) -> None:
    """Who asks for live checks must not take their absence for health."""
    result = call("--config", "bad.yaml", "--url", "http://127.0.0.1:1")
    assert result.exit_code == 2
    assert "--url says where to ask" in result.output


@pytest.mark.parametrize(
    "options",
    [
        ("--config", "none.yaml"),
        ("--config", "broken.yaml"),
        ("--config", "bad.yaml", "--collector-config", "none.yaml"),
        ("--config", "bad.yaml", "--collector-config", "broken.yaml"),
    ],
)
def test_a_file_that_cannot_be_used_ends_it(here: Path, options: tuple[str, ...]) -> None:
    """It could not be done: status 2, and the file is named."""
    (here / "broken.yaml").write_text("sampling: {polices: []}\n")
    result = call(*options)
    assert result.exit_code == 2
    assert options[-1] in result.output


def test_an_address_left_behind_is_no_gateway(here: Path) -> None:
    """addresses.json of a process that was killed leads nowhere, and the file is still judged."""
    (here / "data").mkdir()
    (here / "data" / "addresses.json").write_text('{"admin": "127.0.0.1:1"}')
    assert call("--config", "bad.yaml").exit_code == 1
    (here / "data" / "addresses.json").write_text("[]")
    assert call("--config", "bad.yaml").exit_code == 1
