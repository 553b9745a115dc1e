"""References in values, as in the Collector."""

from pathlib import Path

import pytest

from tailsampler.settings.expand import Expanded, ExpandError, expand, read_file

ENVIRON = {"HOST": "tempo", "EMPTY": "", "DOLLARS": "${env:HOST}$$"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("${env:HOST}:4317", "tempo:4317"),
        ("${HOST}", "tempo"),
        ("${env:NOT_THERE:-a:b}", "a:b"),
        ("${NOT_THERE:-x}", "x"),
        ("${env:EMPTY:-x}", ""),
        ("${env:NOT_THERE:-}", ""),
        ("$$", "$"),
        ("$${env:HOST}", "${env:HOST}"),
        ("100$", "100$"),
        ("$HOST", "$HOST"),
        ("${env:DOLLARS}", "${env:HOST}$$"),
        ("${file:a/b}", "content of a/b"),
    ],
)
def test_references_are_replaced_once(text: str, value: str) -> None:
    """What a reference stands for is text, and is not looked into again."""
    assert expand(text, ENVIRON, lambda path: f"content of {path}") == value


def test_replaced_text_remembers_what_stood_in_the_file() -> None:
    """Messages repeat the reference, and not what it stands for."""
    value = expand("a ${env:HOST}", ENVIRON)
    assert isinstance(value, Expanded)
    assert value.source == "a ${env:HOST}"
    assert not isinstance(expand("a $$", ENVIRON), Expanded)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("${env:NOT_THERE}", "variable_not_set"),
        ("${env:A B}", "bad_variable_name"),
        ("${env:}", "bad_variable_name"),
        ("${http://x}", "unknown_reference"),
        ("${env:HOST", "reference_not_closed"),
        ("${env:A${env:B}}", "reference_not_closed"),
    ],
)
def test_what_cannot_be_replaced_is_an_error(text: str, code: str) -> None:
    """Nothing silently becomes empty."""
    with pytest.raises(ExpandError) as caught:
        expand(text, ENVIRON)
    assert caught.value.code == code


def test_a_file_gives_its_text_without_the_last_line_end(tmp_path: Path) -> None:
    """A token written with an editor works."""
    (tmp_path / "token").write_text("secret\n")
    assert expand(f"Bearer ${{file:{tmp_path}/token}}", {}, read_file) == "Bearer secret"


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """Missing, and not text."""
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    for name in ("missing", "binary"):
        with pytest.raises(ExpandError) as caught:
            expand(f"${{file:{tmp_path}/{name}}}", {})
        assert caught.value.code == "file_unreadable"
