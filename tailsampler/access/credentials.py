"""What a client shows to a gateway: a token, and certificates."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tailsampler.errors import ControlError

_LARGEST_TOKEN_FILE: Final = 4096  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """How to ask a gateway. All of it may be absent."""

    token: str | None = field(default=None, repr=False)
    tls: bool = False
    """Whether to speak TLS where the address does not say so; any file below means it, too."""
    ca_file: Path | None = None
    """Authorities to trust, PEM; None: those that come with the system, or with grpcio."""
    cert_file: Path | None = None
    """Certificate to show, PEM, with ``key_file``."""
    key_file: Path | None = None

    def __post_init__(self) -> None:
        if (self.cert_file is None) != (self.key_file is None):
            say = "a certificate needs its key; give --cert-file and --key-file, or neither"
            raise ControlError("half_a_key_pair", say)

    @property
    def encrypted(self) -> bool:
        """Whether TLS is wanted."""
        return self.tls or self.ca_file is not None or self.cert_file is not None

    @property
    def authorization(self) -> dict[str, str]:
        """The header that shows the token, if there is one."""
        return {} if self.token is None else {"authorization": f"Bearer {self.token}"}

    def ssl_context(self) -> ssl.SSLContext:
        """For https. Raises ``ControlError`` for a file that cannot be used."""
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
            if self.cert_file is not None:
                context.load_cert_chain(self.cert_file, self.key_file)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            files = ", ".join(str(path) for path in self._files())
            say = f"{files} cannot be used ({error}); name PEM files that this user may read"
            raise ControlError("tls_file_unusable", say) from error
        return context

    def pem(self) -> tuple[bytes | None, bytes | None, bytes | None]:
        """Authorities, key and certificate, for grpcio. Raises ``ControlError``."""
        return _read(self.ca_file), _read(self.key_file), _read(self.cert_file)

    def _files(self) -> list[Path]:
        files = (self.ca_file, self.cert_file, self.key_file)
        return [path for path in files if path is not None]


NONE: Final = Credentials()


def read_token(path: Path) -> str:
    """The token in a file, without the line's end. Raises ``ControlError``."""
    content = _read(path) or b""
    token = content.strip()
    if not token or len(token) > _LARGEST_TOKEN_FILE or not token.isascii() or b"\n" in token:
        say = f"{path} holds no token; write the token, and nothing else, on its one line"
        raise ControlError("no_token_there", say)
    return token.decode()


def _read(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        return path.read_bytes()
    except OSError as error:
        say = f"{path} cannot be read ({error.strerror}); name a file that this user may read"
        raise ControlError("file_unreadable", say) from error
