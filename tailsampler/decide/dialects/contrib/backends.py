"""OTLP/gRPC exporters of a Collector as our ``export`` section."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from pydantic import ValidationError

from tailsampler.decide.dialects.contrib.components import Left, Severity
from tailsampler.decide.dialects.contrib.doors import Tree, tree
from tailsampler.settings.base import Loc
from tailsampler.settings.expand import Expanded
from tailsampler.settings.export import OtlpGrpcExporter
from tailsampler.settings.values import shown

_TLS: Final = (
    "insecure",
    "ca_file",
    "cert_file",
    "key_file",
    "reload_interval",
    "server_name_override",
)
_COMPRESSION: Final = ("none", "gzip", "deflate")
_RETRY: Final = ("initial_interval", "max_interval")
_KEPT: Final = {"endpoint", "tls", "headers", "timeout", "compression", "retry_on_failure"}
_MEANS: Final[dict[str, tuple[Severity, str]]] = {
    "sending_queue": ("harmless", "the outbox on disk is the queue; see outbox.max_bytes"),
    "batcher": ("harmless", "batches are put together here, too; see max_batch_bytes"),
    "auth": ("changes data", "requests would go without its credentials; write headers"),
    "balancer_name": ("harmless", "one connection is used for all requests"),
    "keepalive": ("harmless", "the defaults of this gateway hold"),
    "read_buffer_size": ("harmless", "the default of this gateway holds"),
    "write_buffer_size": ("harmless", "the default of this gateway holds"),
    "wait_for_ready": ("harmless", "what cannot be sent waits in the outbox"),
    "authority": ("changes data", "the backend would see its own address as the authority"),
}
_OTHER: Final[tuple[Severity, str]] = ("changes data", "it has no place here and no effect")
_GIVES_UP: Final = "kept traces wait in the outbox and are not given up after a time"


def backend(name: str, at: Loc, written: Tree) -> tuple[dict[str, Any] | None, list[Left]]:
    """One entry of ``export`` in our spelling, or None, and what has no place in it."""
    missing = list(_settings(name, at, written))
    entry: dict[str, Any] = {"type": "otlp_grpc", "name": name.lower().replace(" ", "")}
    entry["endpoint"], tls = _address(written.get("endpoint"), tree(written.get("tls")))
    for key in ("headers", "timeout", "compression"):
        if written.get(key) not in (None, "", {}):
            entry[key] = written[key]
    if entry.get("compression", "none") not in _COMPRESSION:
        say = f"{shown(entry.pop('compression'))} is not spoken here; requests would go without"
        missing.append(Left("setting", f"{name} compression", "harmless", say, at))
    if tls:
        entry["tls"] = tls
    retry = tree(written.get("retry_on_failure"))
    pauses = {key: retry[key] for key in _RETRY if retry.get(key) is not None}
    if pauses:
        entry["retry_on_failure"] = pauses
    try:
        OtlpGrpcExporter.model_validate(entry)
    except ValidationError as failed:
        why = "; ".join(
            f"{'.'.join(map(str, error['loc']))}: {error['msg']}"
            for error in failed.errors(include_url=False, include_input=False)
        )
        say = f"kept traces would not go there ({why})"
        return None, [Left("exporter", name, "changes data", say, at)]
    return entry, missing


def _address(endpoint: object, tls: Tree) -> tuple[object, dict[str, Any]]:
    """Without the scheme, which says whether TLS is spoken."""
    carried = {key: tls[key] for key in _TLS if tls.get(key) is not None}
    if not isinstance(endpoint, str) or "://" not in endpoint:
        return endpoint, carried
    scheme, _, rest = endpoint.partition("://")
    if scheme == "http":
        carried = {"insecure": True}
    elif scheme == "https":
        carried.pop("insecure", None)
    else:
        return endpoint, carried
    address = rest.strip("/")
    # What came from outside is not repeated in messages.
    if isinstance(endpoint, Expanded):
        address = Expanded.of(address, endpoint.source)
    return address, carried


def _settings(name: str, at: Loc, written: Tree) -> Iterator[Left]:
    for key, value in written.items():
        if key in _KEPT or value is None:
            continue
        severity, say = _MEANS.get(key, _OTHER)
        yield Left("setting", f"{name} {key}", severity, say, (*at, key))
    for key in [key for key in tree(written.get("tls")) if key not in _TLS]:
        skips = key == "insecure_skip_verify"
        if skips and tree(written.get("tls")).get(key) is not True:
            continue
        say = "certificates are always verified here, so the connection would fail; write ca_file"
        say = say if skips else "only TLS 1.2 and 1.3 with certificates from files are spoken here"
        severity = "changes data" if skips else "protects"
        yield Left("setting", f"{name} tls.{key}", severity, say, (*at, "tls", key))
    retry = tree(written.get("retry_on_failure"))
    if retry.get("enabled") is False or "max_elapsed_time" in retry:
        yield Left(
            "setting", f"{name} retry_on_failure", "harmless", _GIVES_UP, (*at, "retry_on_failure")
        )
