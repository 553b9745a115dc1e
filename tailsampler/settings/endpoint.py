"""Addresses to listen on and to send to: ``host:port``."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, NamedTuple

from pydantic import PlainSerializer, PlainValidator

from tailsampler.settings.base import BadValueError
from tailsampler.settings.values import parse_text, shown

_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?")
_HIGHEST_PORT = 65535


class Endpoint(NamedTuple):
    """A host (name or IP address, IPv6 without brackets) and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        """``host:port``, IPv6 in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return ipaddress.ip_address(self.host).is_loopback


def parse_endpoint(value: object) -> Endpoint:
    """``host:port``."""
    if isinstance(value, Endpoint):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        raise BadValueError(
            "endpoint_without_host", f"{value} has no host; write 127.0.0.1:{value}"
        )
    text = parse_text(value)
    if "://" in text:
        rest = shown(value) if shown(value) != text else text.partition("://")[2].rstrip("/")
        say = f"{shown(value)} has a scheme; write {rest} alone, and tls: {{insecure: true}} "
        raise BadValueError("endpoint_with_scheme", say + "if it is http")
    host, colon, port = text.rpartition(":")
    if not colon or (":" in host and not host.startswith("[")):
        raise BadValueError("endpoint_without_port", f"{shown(value)} has no port; write host:port")
    if not (port.isascii() and port.isdigit() and int(port) <= _HIGHEST_PORT):
        say = f"{shown(value)} has no port from 0 to 65535; write host:port, e.g. 127.0.0.1:4317"
        raise BadValueError("bad_port", say)
    if not host:
        say = (
            f"{shown(value)} has no host; write 127.0.0.1:{int(port)} for this machine alone, "
            f"or 0.0.0.0:{int(port)} for every interface"
        )
        raise BadValueError("endpoint_without_host", say)
    if host.startswith("["):
        return Endpoint(_ipv6(host, value), int(port))
    if not _HOST.fullmatch(host):
        raise BadValueError(
            "bad_host", f"{shown(value)} has no host name or IP address; write host:port"
        )
    return Endpoint(host, int(port))


def _ipv6(host: str, value: object) -> str:
    try:
        return str(ipaddress.IPv6Address(host.removeprefix("[").removesuffix("]")))
    except ValueError:
        raise BadValueError(
            "bad_host", f"{shown(value)} has no IPv6 address; write [::1]:port"
        ) from None


def parse_listen(value: object) -> Endpoint:
    """An IP address of this machine and a port, 0 for any free one; ``localhost`` is 127.0.0.1."""
    endpoint = parse_endpoint(value)
    if endpoint.host == "localhost":
        return endpoint._replace(host="127.0.0.1")
    try:
        ipaddress.ip_address(endpoint.host)
    except ValueError:
        say = (
            f"{shown(value)} is a name, and a listener needs an IP address; write 127.0.0.1:"
            f"{endpoint.port}, or 0.0.0.0:{endpoint.port} for every interface"
        )
        raise BadValueError("listen_on_a_name", say) from None
    return endpoint


def parse_target(value: object) -> Endpoint:
    """Where to send to: a name or an address, and a port that is not 0."""
    endpoint = parse_endpoint(value)
    if endpoint.port == 0:
        raise BadValueError(
            "bad_port", f"{shown(value)} has port 0; write the backend's port, e.g. 4317"
        )
    return endpoint


_TEXT = PlainSerializer(str, return_type=str)
ListenEndpoint = Annotated[Endpoint, PlainValidator(parse_listen), _TEXT]
TargetEndpoint = Annotated[Endpoint, PlainValidator(parse_target), _TEXT]
