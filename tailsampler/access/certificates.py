"""Certificates that change while the gateway runs: their files are looked at from time to time."""

import asyncio
import base64
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import structlog

from tailsampler.clock import Clock
from tailsampler.errors import TailsamplerError
from tailsampler.settings.tls import ServerTls

log = structlog.get_logger("tailsampler.certificates")

TICK_S: Final = 1.0
_PEM: Final = re.compile(rb"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)
_SEQUENCE, _UTC_TIME, _GENERALIZED_TIME = 0x30, 0x17, 0x18
_VERSION: Final = 0xA0

Renew = Callable[[], Awaitable[None]]
"""Takes the files up; raises ``OSError``, ``ValueError`` or ``TailsamplerError`` if it cannot."""
Signature = tuple[tuple[int, int, int] | None, ...]


@dataclass(slots=True)
class CertificateState:
    """What is known of one user's certificate, for metrics."""

    not_after_s: float | None = None
    """When it ends, seconds since 1970; None: it has none, or it could not be read."""
    reloads: int = 0
    failures: int = 0


@dataclass(slots=True)
class _Watched:
    files: Sequence[Path]
    cert_file: Path | None
    interval_s: float
    renew: Renew
    state: CertificateState
    due_s: float
    taken: Signature
    complained: Signature | None = None


@dataclass(slots=True)
class Certificates:
    """Everything here that has certificate files, by its name in metrics and logs."""

    clock: Clock
    _watched: dict[str, _Watched] = field(default_factory=dict)
    states: dict[str, CertificateState] = field(default_factory=dict)
    """For ``Status``."""

    def watch(
        self,
        user: str,
        files: Sequence[Path | None],
        cert_file: Path | None,
        interval_s: float,
        renew: Renew,
    ) -> None:
        """Call ``renew`` when one of ``files`` is no longer what it is now.

        ``interval_s``: how often they are looked at. Without files there is nothing to watch.
        """
        there = [path for path in files if path is not None]
        if not there:
            return
        state = self.states.setdefault(user, CertificateState())
        state.not_after_s = _not_after_of(cert_file)
        due_s = self.clock.monotonic_s() + interval_s
        self._watched[user] = _Watched(
            there, cert_file, interval_s, renew, state, due_s, _signature(there)
        )

    async def run(self) -> None:
        """Look at the files for as long as the gateway lives."""
        while True:
            await self.clock.sleep(TICK_S)
            await self.look()

    async def look(self) -> None:
        """Look at those files whose time has come."""
        now_s = self.clock.monotonic_s()
        for user, one in list(self._watched.items()):
            if one.due_s <= now_s:
                one.due_s = now_s + one.interval_s
                await self._look_at(user, one)

    async def _look_at(self, user: str, one: _Watched) -> None:
        # In a thread: these may be on a file system that hangs.
        seen = await asyncio.to_thread(_signature, one.files)
        if seen == one.taken:
            return
        try:
            await one.renew()
        except (OSError, ValueError, TailsamplerError) as error:
            one.state.failures += 1
            # Once for each state of the files: a pair may be written one file after the other.
            if seen != one.complained:
                one.complained = seen
                log.warning(
                    "certificate.not_reloaded",
                    user=user,
                    error=str(error),
                    message="The certificate that was in use stays so.",
                )
            return
        # Of what was looked at before it was read: a change in between is seen the next time.
        one.taken, one.complained = seen, None
        one.state.reloads += 1
        one.state.not_after_s = await asyncio.to_thread(_not_after_of, one.cert_file)
        log.info("certificate.reloaded", user=user, not_after=_shown(one.state.not_after_s))


def watch_listener(certificates: Certificates, user: str, tls: ServerTls, renew: Renew) -> None:
    """Watch all files of a listener. Call it before they are read, so that no change is missed."""
    files = (tls.cert_file, tls.key_file, tls.client_ca_file)
    interval_s = tls.reload_interval.total_seconds()
    certificates.watch(user, files, tls.cert_file, interval_s, renew)


def not_after(pem: bytes) -> float:
    """When the first certificate in ``pem`` ends, in seconds since 1970.

    Raises ``ValueError`` for what is no certificate.
    """
    found = _PEM.search(pem)
    if found is None:
        raise ValueError("no PEM block CERTIFICATE")
    try:
        return _not_after(base64.b64decode(found[1]))
    except (IndexError, UnicodeDecodeError) as error:
        raise ValueError("the certificate cannot be read") from error


def _not_after(der: bytes) -> float:
    # Certificate { TBSCertificate { [0] version, serial, algorithm, issuer, Validity { ... } } }
    at, _ = _enter(der, 0, _SEQUENCE)
    at, _ = _enter(der, at, _SEQUENCE)
    if der[at] == _VERSION:
        at = _skip(der, at)
    for _ in ("serial", "algorithm", "issuer"):
        at = _skip(der, at)
    at, _ = _enter(der, at, _SEQUENCE)
    at = _skip(der, at)  # not before
    kind = der[at]
    start, end = _content(der, at)
    text = der[start:end].decode("ascii")
    if kind == _UTC_TIME:
        text = ("19" if text >= "50" else "20") + text  # RFC 5280, 4.1.2.5.1
    elif kind != _GENERALIZED_TIME:
        raise ValueError("the certificate has no end")
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp()


def _content(der: bytes, at: int) -> tuple[int, int]:
    """Where the content of the element at ``at`` begins and ends."""
    length, start = der[at + 1], at + 2
    if length & 0x80:
        count = length & 0x7F
        length, start = int.from_bytes(der[start : start + count]), start + count
    return start, start + length


def _enter(der: bytes, at: int, kind: int) -> tuple[int, int]:
    if der[at] != kind:
        raise ValueError("the certificate cannot be read")
    return _content(der, at)


def _skip(der: bytes, at: int) -> int:
    return _content(der, at)[1]


def _not_after_of(path: Path | None) -> float | None:
    try:
        return None if path is None else not_after(path.read_bytes())
    except (OSError, ValueError):
        return None  # whoever uses it complains; a metric need not


def _signature(files: Sequence[Path]) -> Signature:
    """What changes when a file does: Kubernetes swaps links, others write or rename."""
    found: list[tuple[int, int, int] | None] = []
    for path in files:
        try:
            stat = path.stat()
        except OSError:
            found.append(None)
        else:
            found.append((stat.st_mtime_ns, stat.st_size, stat.st_ino))
    return tuple(found)


def _shown(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()
