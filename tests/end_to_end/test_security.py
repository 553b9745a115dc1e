"""The whole program with everything switched on: certificates, tokens, tenants, the audit log."""

from __future__ import annotations

import json
import os
import socket
import ssl
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tailsampler.access.credentials import Credentials
from tailsampler.control.client import ControlClient
from tailsampler.testing.backend import Answer, CapturingBackend, Request
from tests.access.files import Files
from tests.end_to_end.process import GatewayProcess, Json

CANARY = "canary-Zq7x"
SHOP, READER, ON_CALL = "token-of-the-shop-Zq", "token-of-the-reader", "token-of-the-operator"
EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


@dataclass
class Secured:
    """A gateway, its certificates, and its backend."""

    gateway: GatewayProcess
    files: Files
    backend: CapturingBackend

    def credentials(self, token: str | None) -> Credentials:
        return Credentials(
            token=token,
            ca_file=self.files.ca,
            cert_file=self.files.cert("client"),
            key_file=self.files.key("client"),
        )

    def send_grpc(self, body: bytes, token: str | None) -> grpc.StatusCode:
        metadata = () if token is None else (("authorization", f"Bearer {token}"),)
        pair = (self.files.key("client").read_bytes(), self.files.cert("client").read_bytes())
        tls = grpc.ssl_channel_credentials(self.files.ca.read_bytes(), *pair)
        with grpc.secure_channel(self.gateway.addresses["otlp_grpc"], tls) as channel:
            call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(EXPORT)
            try:
                call(body, metadata=metadata, timeout=30)
            except grpc.RpcError as error:
                return cast("grpc.Call", error).code()
            return grpc.StatusCode.OK

    def send_http(self, body: bytes, token: str | None, path: str = "/v1/traces") -> int:
        headers = {"content-type": "application/json", "x-canary": CANARY}
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        return self.ask("otlp_http", path, headers, body)

    def ask(self, listener: str, path: str, headers: dict[str, str], body: bytes | None) -> int:
        url = f"https://{self.gateway.addresses[listener]}{path}"
        request = urllib.request.Request(url, body, headers)
        context = self.files.client(with_certificate=True)
        try:
            with urllib.request.urlopen(  # noqa: S310 - the test wrote the address
                request, timeout=30, context=context
            ) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code


def refusing(request: Request) -> Answer | None:
    """A backend that takes nothing of one trace, and repeats no content."""
    if any(span.span.trace_id[0] == 9 for span in request.spans):
        return Answer(grpc.StatusCode.INVALID_ARGUMENT, "no")
    return None


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """Certificates on every listener and for the exporter, clients' certificates where asked."""
    directory = tmp_path_factory.mktemp("secured")
    files = Files.made(directory / "tls")
    tls: Json = {
        "cert_file": str(files.cert()),
        "key_file": str(files.key()),
        "reload_interval": "1s",
    }
    mutual = tls | {"client_ca_file": str(files.ca)}
    client: Json = {
        "ca_file": str(files.ca),
        "cert_file": str(files.cert("client")),
        "key_file": str(files.key("client")),
        "reload_interval": "1s",
    }
    credentials = grpc.ssl_server_credentials(
        [(files.key().read_bytes(), files.cert().read_bytes())],
        files.ca.read_bytes(),
        require_client_auth=True,
    )
    everywhere = "0.0.0.0:0"
    with CapturingBackend(refusing, credentials=credentials) as backend:
        config: Json = {
            "receive": {
                "otlp_grpc": {"endpoint": "127.0.0.1:0", "tls": mutual},
                "otlp_http": {"endpoint": "127.0.0.1:0", "tls": mutual},
                "tenants": [{"name": "shop", "tokens": [SHOP]}],
            },
            "sampling": {
                "decision_wait": "1s",
                "policies": [{"name": "all", "sample_rate": 1.0}],
            },
            "export": [
                {"type": "local"},
                {"type": "file"},
                {
                    "type": "otlp_grpc",
                    "endpoint": backend.endpoint,
                    "tls": client,
                    "tenant_header": "X-Scope-OrgID",
                },
            ],
            "admin": {
                "endpoint": everywhere,
                "tls": mutual,
                "auth": {
                    "tokens": [
                        {"name": "grafana", "token": READER},
                        {"name": "on-call", "token": ON_CALL, "role": "operate"},
                    ]
                },
            },
            "control": {"endpoint": everywhere, "tls": mutual},
            "telemetry": {
                "endpoint": "127.0.0.1:0",
                "tls": tls,
                "logs": {"level": "debug", "encoding": "json"},
            },
        }
        gateway = GatewayProcess(directory, config)
        try:
            gateway.start()
            for name in ("admin", "control"):
                port = gateway.addresses[name].rpartition(":")[2]
                gateway.addresses[name] = f"127.0.0.1:{port}"
            yield Secured(gateway, files, backend)
        finally:
            gateway.clean_up()


def request(first: int, *, trace_bytes: int = 16) -> bytes:
    """One span with the canary wherever text may stand."""
    span = Span(
        trace_id=bytes([first]) * trace_bytes,
        span_id=bytes([first]) * 8,
        name=CANARY,
        trace_state=f"{CANARY.lower()}=1",
        start_time_unix_nano=1,
        end_time_unix_nano=2,
        attributes=[KeyValue(key=CANARY, value=AnyValue(string_value=CANARY))],
    )
    span.status.message = CANARY
    span.events.add(name=CANARY, attributes=span.attributes)
    message = ExportTraceServiceRequest()
    group = message.resource_spans.add(schema_url=CANARY)
    group.resource.attributes.add(key="service.name", value=AnyValue(string_value=CANARY))
    scope = group.scope_spans.add()
    scope.scope.name = CANARY
    scope.spans.append(span)
    return message.SerializeToString()


def test_a_day_in_its_life(secured: Secured) -> None:
    """Spans go through; strangers do not; no file is open to others; no log holds content."""
    # One test, because what is looked for at the end is what all of it left behind.
    _spans_go_through(secured)
    _strangers_do_not(secured)
    _bad_requests_are_refused(secured)
    _people_look(secured)
    _new_certificates_are_taken_up(secured)
    assert secured.gateway.terminate() == 0
    _files_are_their_owners_alone(secured.gateway.data)
    _no_log_holds_content(secured)


def _spans_go_through(secured: Secured) -> None:
    for first in (1, 2, 9):
        assert secured.send_grpc(request(first), SHOP) is grpc.StatusCode.OK
    secured.backend.wait_for_spans(2, within_s=60)
    assert {one.headers["x-scope-orgid"] for one in secured.backend.requests} == {"shop"}
    with ControlClientOf(secured, ON_CALL) as client:
        assert client.drain(30.0).empty


def _strangers_do_not(secured: Secured) -> None:
    for token in (None, f"{CANARY}-is-no-token"):
        assert secured.send_grpc(request(3), token) is grpc.StatusCode.UNAUTHENTICATED
        assert secured.send_http(b"{}", token) == 401
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        assert secured.ask("admin", "/api/v1/ledger", headers, None) == 401
    with ControlClientOf(secured, READER) as client, pytest.raises(Exception, match="operate"):
        client.drain(1.0)


def _bad_requests_are_refused(secured: Secured) -> None:
    whole = request(4)
    assert secured.send_grpc(whole[:-3], SHOP) is grpc.StatusCode.INVALID_ARGUMENT
    assert secured.send_grpc(CANARY.encode() * 9, SHOP) is grpc.StatusCode.INVALID_ARGUMENT
    assert secured.send_grpc(request(4, trace_bytes=3), SHOP) is grpc.StatusCode.OK
    for text in (CANARY, f'{{"{CANARY}": 1', f'{{"resourceSpans": "{CANARY}"}}'):
        assert secured.send_http(text.encode(), SHOP) == 400
    assert secured.send_http(b"{}", SHOP, f"/{CANARY}") == 404
    bearer = {"authorization": f"Bearer {READER}"}
    # Not in the path: whoever is refused there is named in the audit log with what they asked.
    assert secured.ask("admin", f"/api/search?q={{{CANARY}", bearer, None) == 400
    assert secured.ask("admin", f"/api/v1/decisions/{CANARY}", bearer, None) == 400


def _people_look(secured: Secured) -> None:
    shown = [
        f"--{name}-file={path}"
        for name, path in (
            ("ca", secured.files.ca),
            ("cert", secured.files.cert("client")),
            ("key", secured.files.key("client")),
        )
    ]
    token_file = secured.files.directory / "reader"
    token_file.write_text(f"{READER}\n")
    admin, control = secured.gateway.addresses["admin"], secured.gateway.addresses["control"]
    for arguments, environment in (
        (["explain", "01" * 16, f"--endpoint=https://{admin}"], {"TAILSAMPLER_TOKEN": READER}),
        (["top", "--once", f"--endpoint={control}", f"--token-file={token_file}"], {}),
    ):
        found = subprocess.run(
            [sys.executable, "-m", "tailsampler", *arguments, *shown],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert found.returncode == 0, found.stderr
    url = f"https://{secured.gateway.addresses['telemetry']}/metrics"
    with urllib.request.urlopen(url, timeout=30, context=secured.files.client()) as answer:
        metrics = answer.read().decode()
    for user in ("otlp_grpc", "otlp_http", "admin", "control", "telemetry", "exporter otlp_grpc"):
        assert f'tailsampler_certificate_not_after_seconds{{user="{user}"}}' in metrics
    for protocol in ("grpc", "http"):
        labels = f'{{outcome="unauthenticated",protocol="{protocol}"}}'
        assert f"tailsampler_door_requests_total{labels} 2.0" in metrics
    assert CANARY not in metrics


def _new_certificates_are_taken_up(secured: Secured) -> None:
    names = ("otlp_grpc", "otlp_http", "admin", "control", "telemetry")

    def served(name: str) -> str:
        host, _, port = secured.gateway.addresses[name].rpartition(":")
        context = secured.files.client(with_certificate=True)
        context.set_alpn_protocols(["h2", "http/1.1"])
        with (
            socket.create_connection((host, int(port)), timeout=30) as plain,
            context.wrap_socket(plain, server_hostname=host) as stream,
        ):
            found = stream.getpeercert(binary_form=True)
        assert found is not None
        return ssl.DER_cert_to_PEM_cert(found).strip()

    secured.files.issue("server", "127.0.0.1")
    secured.files.issue("client", "client.test")
    new = secured.files.cert().read_text().strip()
    waiting = set(names)

    def all_renewed() -> bool:
        waiting.difference_update([name for name in waiting if served(name) == new])
        return not waiting

    secured.gateway.until(all_renewed, "served with the new certificate everywhere")
    before = len(secured.backend.spans)
    assert secured.send_grpc(request(5), SHOP) is grpc.StatusCode.OK
    secured.backend.wait_for_spans(before + 1, within_s=60)


def _files_are_their_owners_alone(directory: Path) -> None:
    found = {path for path in directory.rglob("*") if path.is_file()}
    assert {path.name for path in found} >= {"audit.jsonl", "traces.sqlite", "kept-traces.jsonl"}
    modes = {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in found}
    assert set(modes.values()) == {"0o600"}, modes


def _no_log_holds_content(secured: Secured) -> None:
    log = secured.gateway.log.read_text()
    audit = (secured.gateway.data / "audit.jsonl").read_text()
    for secret in (CANARY, CANARY.lower(), SHOP, READER, ON_CALL):
        assert secret not in log
        assert secret not in audit
    entries = [json.loads(line) for line in audit.splitlines()]
    assert [(entry["who"], entry["what"], entry["outcome"]) for entry in entries] == [
        ("on-call", "Drain", "done"),
        (None, "GET /api/v1/ledger", "refused"),
        (None, "GET /api/v1/ledger", "refused"),
        ("grafana", "Drain", "refused"),
    ]


class ControlClientOf:
    """A client that shows a token and a certificate."""

    def __init__(self, secured: Secured, token: str) -> None:
        endpoint = secured.gateway.addresses["control"]
        self.client = ControlClient.connect(endpoint, secured.credentials(token))

    def __enter__(self) -> ControlClient:
        return self.client

    def __exit__(self, *_: object) -> None:
        self.client.close()
