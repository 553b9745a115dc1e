"""The file that says where the gateway listens."""

import json
import stat
from pathlib import Path

import pytest

from tailsampler.errors import StartError
from tailsampler.telemetry.addresses import FILE_NAME, addresses_file


def test_it_is_there_only_while_we_listen(tmp_path: Path) -> None:
    """A file left behind by a killed process never passes for ours."""
    path = tmp_path / FILE_NAME
    path.write_text("{}")
    with addresses_file(tmp_path) as write:
        assert not path.exists()
        write({"admin": "127.0.0.1:7317"})
        assert json.loads(path.read_text()) == {"admin": "127.0.0.1:7317"}
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not path.exists()


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """The start ends in a sentence with the path, not in a traceback."""
    with addresses_file(tmp_path) as write:
        (tmp_path / "addresses.new").mkdir()
        with pytest.raises(StartError, match=r"addresses\.json could not be written"):
            write({})
