"""OTLP receivers of a Collector as our ``receive`` section."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import ValidationError

from tailsampler.decide.dialects.contrib.components import Left, Severity
from tailsampler.settings.base import Loc, Section
from tailsampler.settings.receive import OtlpGrpc, OtlpHttp

Tree = Mapping[str, Any]

_DOORS: Final[dict[str, tuple[str, int, type[Section]]]] = {
    "grpc": ("otlp_grpc", 4317, OtlpGrpc),
    "http": ("otlp_http", 4318, OtlpHttp),
}
_TLS: Final = ("cert_file", "key_file", "client_ca_file", "reload_interval")
_KEPT: Final = {
    "grpc": ("endpoint", "tls", "max_recv_msg_size_mib"),
    "http": ("endpoint", "tls", "max_request_body_size"),
}
_MEANS: Final[dict[str, tuple[Severity, str]]] = {
    "auth": ("protects", "senders would not be asked who they are; write receive.tenants"),
    "cors": ("changes data", "browsers could not send; let a Collector take their spans"),
    "include_metadata": ("harmless", "nothing here looks at it; see receive.tenant_header"),
    "keepalive": ("harmless", "connections are kept and closed by the defaults of this gateway"),
    "traces_url_path": ("changes data", "traces are taken on /v1/traces only"),
    "transport": ("changes data", "only TCP is listened on"),
    "max_concurrent_streams": ("harmless", "the default of this gateway holds"),
    "read_buffer_size": ("harmless", "the default of this gateway holds"),
    "write_buffer_size": ("harmless", "the default of this gateway holds"),
    "compression_algorithms": ("harmless", "gzip, deflate and plain requests are taken"),
    "response_headers": ("harmless", "they would be missing in answers"),
    "logs_url_path": ("harmless", "logs are taken on /v1/logs only"),
    "metrics_url_path": ("harmless", "metrics are taken on /v1/metrics only"),
}
_OTHER: Final[tuple[Severity, str]] = ("protects", "it has no place here and would have no effect")
_EVERYWHERE: Final = re.compile(r":\d+")


def tree(value: object) -> Tree:
    """A mapping, or an empty one for everything else."""
    return value if isinstance(value, Mapping) else {}


def doors(receivers: Mapping[str, tuple[Loc, Tree]]) -> tuple[dict[str, Any], list[Left]]:
    """``receive`` in our spelling, and what of these OTLP receivers has no place in it.

    ``receivers``: by name, with the place where each is defined.
    """
    receive: dict[str, Any] = {}
    missing: list[Left] = []
    for name, (loc, receiver) in receivers.items():
        protocols = tree(receiver.get("protocols"))
        for protocol, (section, port, _) in _DOORS.items():
            if protocol not in protocols:
                continue
            at = (*loc, "protocols", protocol)
            if section in receive:
                say = "there is one door of a kind; let its senders use the first one"
                missing.append(Left("receiver", f"{name} {protocol}", "changes data", say, at))
                continue
            door, gone = _door(protocol, name, at, tree(protocols[protocol]), port)
            if door is not None:
                receive[section] = door
            missing += gone
    for section, _, _ in _DOORS.values() if receive else ():
        receive.setdefault(section, {"enabled": False})
    return receive, missing


def _door(
    protocol: str, name: str, at: Loc, written: Tree, port: int
) -> tuple[dict[str, Any] | None, list[Left]]:
    """The door, or None if it would be open without the TLS that the file asks for."""
    missing = list(_unknown(protocol, name, at, written))
    door = {key: written[key] for key in _KEPT[protocol] if written.get(key) is not None}
    door["endpoint"] = _listen(door.get("endpoint", f"localhost:{port}"))
    if "tls" in door:
        tls = tree(door.pop("tls"))
        door["tls"] = {key: tls[key] for key in _TLS if tls.get(key) is not None}
        for key in tls.keys() - set(_TLS):
            say = "only TLS 1.2 and 1.3 with certificates from files are spoken here"
            missing.append(
                Left("setting", f"{name} {protocol}.tls.{key}", "protects", say, (*at, "tls", key))
            )
    model = _DOORS[protocol][2]
    try:
        model.model_validate(door)
    except ValidationError as failed:
        for error in failed.errors(include_url=False, include_input=False):
            key = str(error["loc"][0]) if error["loc"] else "endpoint"
            if key == "tls":
                say = f"its door would stay closed, since its TLS cannot be read ({error['msg']})"
                return None, [Left("receiver", f"{name} {protocol}", "changes data", say, at)]
            say = f"{error['msg']}; the default of this gateway would hold"
            what = f"{name} {protocol}.{key}"
            missing.append(Left("setting", what, "changes data", say, (*at, key)))
            door.pop(key, None)
    return door, missing


def _unknown(protocol: str, name: str, at: Loc, written: Tree) -> Iterator[Left]:
    for key, value in written.items():
        if key in _KEPT[protocol] or value is None:
            continue
        severity, say = _MEANS.get(key, _OTHER)
        yield Left("setting", f"{name} {protocol}.{key}", severity, say, (*at, key))


def _listen(endpoint: object) -> object:
    """``:4317`` is every interface to Go."""
    if not isinstance(endpoint, str) or not _EVERYWHERE.fullmatch(endpoint):
        return endpoint
    return f"0.0.0.0{endpoint}"  # noqa: S104 - the file says so
