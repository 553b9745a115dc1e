"""Certificates on the disk, made by an authority of the test's own."""

import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme

from tailsampler.settings.tls import ServerTls


@dataclass(frozen=True)
class Files:
    """A directory with a server's and a client's certificate, and the authority's."""

    directory: Path
    authority: trustme.CA

    @classmethod
    def made(cls, directory: Path) -> "Files":
        directory.mkdir(exist_ok=True)
        files = cls(directory, trustme.CA())
        files.authority.cert_pem.write_to_path(str(files.ca))
        files.issue("server", "127.0.0.1", "localhost")
        files.issue("client", "client.test")
        return files

    @property
    def ca(self) -> Path:
        return self.directory / "ca.crt"

    def cert(self, name: str = "server") -> Path:
        return self.directory / f"{name}.crt"

    def key(self, name: str = "server") -> Path:
        return self.directory / f"{name}.key"

    def issue(self, name: str, *hosts: str) -> None:
        """Make or replace a certificate and its key."""
        made = self.authority.issue_cert(*hosts)
        made.cert_chain_pems[0].write_to_path(str(self.cert(name)))
        made.private_key_pem.write_to_path(str(self.key(name)))

    def tls(self, *, ask_clients: bool = False) -> ServerTls:
        """A listener's settings."""
        return ServerTls(
            cert_file=self.cert(),
            key_file=self.key(),
            client_ca_file=self.ca if ask_clients else None,
        )

    def client(self, *, with_certificate: bool = False) -> ssl.SSLContext:
        """What a client that trusts the authority uses."""
        context = ssl.create_default_context(cafile=self.ca)
        if with_certificate:
            context.load_cert_chain(self.cert("client"), self.key("client"))
        return context
