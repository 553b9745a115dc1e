"""The generated code is what the proto file says."""

import os
import sys
from pathlib import Path

import pytest

from tailsampler.control.generate import GENERATED, ROOT, generate


@pytest.mark.skipif(not (ROOT / "proto").is_dir(), reason="the proto files are not installed")
def test_generated_code_is_fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever changes control.proto also runs ``python -m tailsampler.control.generate``."""
    pytest.importorskip("mypy_protobuf", reason="mypy-protobuf is in the dev extra")
    # The plug-ins of protoc are programs beside the interpreter.
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    generate(tmp_path)
    for written in sorted((tmp_path / GENERATED).iterdir()):
        assert (ROOT / GENERATED / written.name).read_text() == written.read_text(), written.name
