"""TLS, with the Collector's names."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, ClassVar

from pydantic import Field
from pydantic_core import InitErrorDetails

from tailsampler.settings.base import Section, found
from tailsampler.settings.units import Duration, lasting
from tailsampler.settings.values import FilePath, Flag, Text

_VERSION = "TLS 1.2 and 1.3 are spoken, and nothing older; leave this out"


class ServerTls(Section):
    """TLS of a listener."""

    HINTS: ClassVar = {
        "min_version": _VERSION,
        "max_version": _VERSION,
        "ca_file": "that is for clients; write client_ca_file to ask clients for certificates",
        "key_pem": "put the key into a file and write key_file",
        "cert_pem": "put the certificate into a file and write cert_file",
    }

    cert_file: FilePath = Field(
        description="Certificate chain, PEM.", examples=["/etc/tailsampler/tls.crt"]
    )
    key_file: FilePath = Field(
        description="Private key of the certificate, PEM.", examples=["/etc/tailsampler/tls.key"]
    )
    client_ca_file: FilePath | None = Field(
        default=None,
        description="Authorities, PEM: clients must show a certificate of one of them. "
        "Default: clients need none.",
    )
    reload_interval: Annotated[Duration, lasting("1s", "24h")] = Field(
        default=timedelta(minutes=1),
        description="How often the files are looked at; new connections get what has changed. "
        "Files that cannot be used leave what was. Default: 1m.",
    )


class ClientTls(Section):
    """TLS of an exporter."""

    HINTS: ClassVar = {
        "min_version": _VERSION,
        "max_version": _VERSION,
        "ca_pem": "put the authorities into a file and write ca_file",
        "cert_pem": "put the certificate into a file and write cert_file",
        "key_pem": "put the key into a file and write key_file",
        "server_name": "write server_name_override",
    }

    insecure: Flag = Field(
        default=False,
        description="Send without TLS. Default: false, because traces hold data about people.",
    )
    ca_file: FilePath | None = Field(
        default=None,
        description="Authorities to trust, PEM. Default: those that come with grpcio.",
    )
    cert_file: FilePath | None = Field(
        default=None, description="Certificate to show to the backend, PEM. Default: none."
    )
    key_file: FilePath | None = Field(
        default=None, description="Private key of that certificate, PEM. Default: none."
    )
    reload_interval: Annotated[Duration, lasting("1s", "24h")] = Field(
        default=timedelta(minutes=1),
        description="How often the files are looked at; what has changed makes a new connection. "
        "Files that cannot be used leave what was. Default: 1m.",
    )
    server_name_override: Text | None = Field(
        default=None,
        description="Name expected in the backend's certificate. Default: the endpoint's host.",
    )
    insecure_skip_verify: Flag = Field(
        default=False,
        description="Only false is possible: grpcio always verifies the backend's certificate.",
    )

    def contradictions(self) -> Iterator[InitErrorDetails]:
        """Half a key pair, or files for a connection that does not use them."""
        if self.insecure_skip_verify:
            say = (
                "grpcio cannot skip the verification of certificates; write ca_file with the "
                "authority (or the certificate itself) that the backend uses"
            )
            yield found("cannot_skip_verify", say, ("insecure_skip_verify",))
        if (self.cert_file is None) != (self.key_file is None):
            there, other = (
                ("cert_file", "key_file") if self.cert_file else ("key_file", "cert_file")
            )
            say = f"{there} needs {other}; write both, or neither"
            yield found("half_a_key_pair", say, (there,))
        if self.insecure:
            for name in ("ca_file", "cert_file", "key_file", "server_name_override"):
                if getattr(self, name) is not None:
                    say = f"{name} has no use with insecure: true; remove one of the two"
                    yield found("tls_files_unused", say, (name,))
