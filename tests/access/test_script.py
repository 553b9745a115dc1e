"""The certificates that ``scripts/certificates`` makes for a trial."""

import shutil
import stat
import subprocess
from pathlib import Path

from tailsampler.access.certificates import not_after
from tailsampler.access.credentials import Credentials
from tailsampler.access.serving import server_context
from tailsampler.settings.load import load
from tests.needs import ROOT, lack


def made(directory: Path, *hosts: str) -> None:
    if shutil.which("openssl") is None:
        lack("openssl is not installed")
    script = str(ROOT / "scripts" / "certificates")
    subprocess.run([script, str(directory), *hosts], check=True, capture_output=True, timeout=60)


def test_they_are_what_the_example_names(tmp_path: Path) -> None:
    """Every listener of config/mtls.yaml can use them, and nobody else may read them."""
    made(tmp_path / "data" / "tls", "gateway.test", "10.0.0.7")
    settings = load(ROOT / "config" / "mtls.yaml", {})
    sections = (settings.receive.otlp_grpc, settings.admin, settings.control, settings.telemetry)
    for section in sections:
        assert section.tls is not None
        names = ("cert_file", "key_file", "client_ca_file")
        files = {name: tmp_path / path for name in names if (path := getattr(section.tls, name))}
        server_context(section.tls.model_copy(update=files), "admin")
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*.*")}
    assert set(modes.values()) == {0o600}


def test_a_second_run_renews_what_the_first_authority_signed(tmp_path: Path) -> None:
    """Clients that trust it go on."""
    made(tmp_path)
    authority, before = (tmp_path / "ca.crt").read_bytes(), (tmp_path / "server.crt").read_bytes()
    made(tmp_path)
    assert (tmp_path / "ca.crt").read_bytes() == authority
    assert (tmp_path / "server.crt").read_bytes() != before
    assert not_after((tmp_path / "server.crt").read_bytes()) < not_after(authority)
    shown = Credentials(
        ca_file=tmp_path / "ca.crt",
        cert_file=tmp_path / "client.crt",
        key_file=tmp_path / "client.key",
    )
    shown.ssl_context()
