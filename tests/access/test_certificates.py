"""Files that change are taken up; files that cannot be used are said, and change nothing."""

import datetime as dt
import os
from pathlib import Path

import pytest
from cryptography import x509
from structlog.testing import capture_logs

from tailsampler.access.certificates import Certificates, not_after
from tailsampler.access.serving import server_context
from tailsampler.errors import StartError
from tailsampler.testing.clock import ManualClock
from tests.access.files import Files


class Watched:
    """A user that takes what it is given, or cannot."""

    def __init__(self, files: Files) -> None:
        self.files = files
        self.clock = ManualClock()
        self.certificates = Certificates(self.clock)
        self.renewed = 0
        paths = (files.cert(), files.key())
        self.certificates.watch("admin", paths, files.cert(), 60.0, self.renew)

    async def renew(self) -> None:
        server_context(self.files.tls(), "admin")
        self.renewed += 1

    async def a_minute_later(self) -> None:
        self.clock.now_s += 60
        await self.certificates.look()


async def test_changed_files_are_taken_up_once(tmp_path: Path) -> None:
    """Not before their time, and not again while they stay as they are."""
    watched = Watched(Files.made(tmp_path))
    await watched.a_minute_later()
    assert watched.renewed == 0
    watched.files.issue("server", "localhost")
    watched.clock.now_s += 59
    await watched.certificates.look()
    assert watched.renewed == 0
    with capture_logs() as logged:
        await watched.a_minute_later()
        await watched.a_minute_later()
    assert watched.renewed == 1
    assert [line["event"] for line in logged] == ["certificate.reloaded"]
    assert watched.certificates.states["admin"].reloads == 1


@pytest.mark.parametrize("broken", ["", "-----BEGIN CERTIFICATE-----\nAAAA\n"])
async def test_files_that_cannot_be_used_leave_what_was(tmp_path: Path, broken: str) -> None:
    """Each attempt is counted, the reason is said once, and the next good pair is taken."""
    watched = Watched(Files.made(tmp_path))
    good = watched.files.cert().read_text()
    watched.files.cert().write_text(broken)
    with capture_logs() as logged:
        await watched.a_minute_later()
        await watched.a_minute_later()
    state = watched.certificates.states["admin"]
    assert (watched.renewed, state.failures, state.reloads) == (0, 2, 0)
    assert [line["event"] for line in logged] == ["certificate.not_reloaded"]
    assert str(watched.files.cert()) in logged[0]["error"]
    watched.files.cert().write_text(good)
    await watched.a_minute_later()
    assert (watched.renewed, state.failures, state.reloads) == (1, 2, 1)


async def test_half_a_new_pair_waits_for_the_other_half(tmp_path: Path) -> None:
    """A certificate whose key is still the old one is not served."""
    watched = Watched(Files.made(tmp_path))
    old_key = watched.files.key().read_bytes()
    watched.files.issue("server", "localhost")
    new_key = watched.files.key().read_bytes()
    watched.files.key().write_bytes(old_key)
    await watched.a_minute_later()
    assert watched.renewed == 0
    watched.files.key().write_bytes(new_key)
    await watched.a_minute_later()
    assert watched.renewed == 1


async def test_a_link_that_is_swapped_is_a_change(tmp_path: Path) -> None:
    """As Kubernetes does with mounted secrets, also where times and sizes are the same."""
    one, other = Files.made(tmp_path / "one"), Files.made(tmp_path / "other")
    for path in (one.cert(), one.key(), other.cert(), other.key()):
        os.utime(path, ns=(1, 1))
    link = tmp_path / "now"
    link.symlink_to(one.directory)
    watched = Watched(Files(link, one.authority))
    link.unlink()
    link.symlink_to(other.directory)
    await watched.a_minute_later()
    assert watched.renewed == 1


async def test_files_that_are_gone_leave_what_was(tmp_path: Path) -> None:
    """As while somebody replaces them."""
    watched = Watched(Files.made(tmp_path))
    watched.files.cert().unlink()
    await watched.a_minute_later()
    assert watched.certificates.states["admin"].failures == 1


def test_the_end_of_a_certificate_is_read(tmp_path: Path) -> None:
    """As another reader of certificates reads it; beyond 2049, too, where the form differs."""
    files = Files.made(tmp_path)
    far = files.authority.issue_cert(
        "far.test", not_after=dt.datetime(2051, 2, 3, 4, 5, 6, tzinfo=dt.UTC)
    )
    for pem in (files.cert().read_bytes(), far.cert_chain_pems[0].bytes()):
        ends = x509.load_pem_x509_certificate(pem).not_valid_after_utc
        assert not_after(pem) == ends.timestamp()


@pytest.mark.parametrize(
    "pem",
    [
        b"",
        b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----",
        b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        b"-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----",
    ],
)
def test_what_is_no_certificate_has_no_end(pem: bytes) -> None:
    """It is an error of one kind, whatever is wrong."""
    with pytest.raises(ValueError, match=r".+"):
        not_after(pem)


def test_a_key_with_a_password_is_refused_without_asking_anybody(tmp_path: Path) -> None:
    """OpenSSL would read a password from the terminal, and the start would stand still."""
    files = Files.made(tmp_path)
    files.key().write_text(
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"
    )
    with pytest.raises(StartError, match=r"server\.key.*PEM without a password") as caught:
        server_context(files.tls(), "admin")
    assert caught.value.at.key == "admin.tls"
