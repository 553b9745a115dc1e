"""Who may call the control service, over TLS and without."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import grpc
import pytest

from tailsampler.access.audit import Audit
from tailsampler.access.certificates import Certificates
from tailsampler.access.credentials import NONE, Credentials
from tailsampler.access.operators import OPEN, Access
from tailsampler.control.client import ControlClient
from tailsampler.control.guarding import READING
from tailsampler.control.service import controlling
from tailsampler.control.v1 import control_pb2 as pb
from tailsampler.errors import ControlError, StartError
from tailsampler.settings.auth import Auth
from tailsampler.settings.tls import ServerTls
from tailsampler.testing.clock import ManualClock
from tests.access.files import Files
from tests.control.test_service import FakeFlush
from tests.telemetry.fakes import FakeCore, status

READER, ON_CALL = "token-of-the-reader", "token-of-the-operator"
ACCESS = Access(
    Auth.model_validate(
        {
            "tokens": [
                {"name": "grafana", "token": READER},
                {"name": "on-call", "token": ON_CALL, "role": "operate"},
            ]
        }
    )
)


@asynccontextmanager
async def served(
    access: Access = ACCESS,
    audit: Audit | None = None,
    tls: ServerTls | None = None,
    certificates: Certificates | None = None,
) -> AsyncIterator[str]:
    core = FakeCore()
    async with controlling(
        core,
        FakeFlush(core),
        "127.0.0.1:0",
        status(),
        {},
        access=access,
        audit=audit,
        tls=tls,
        certificates=certificates,
    ) as endpoint:
        yield endpoint


async def call(endpoint: str, credentials: Credentials, name: str = "ledger", *args: Any) -> Any:
    client = ControlClient.connect(endpoint, credentials)
    try:
        found = await asyncio.to_thread(getattr(client, name), *args)
        return await asyncio.to_thread(list, found) if name == "decisions" else found
    finally:
        client.close()


def entries(audit: Audit) -> list[dict[str, Any]]:
    return [json.loads(line) for line in audit.path.read_text().splitlines()]


@pytest.mark.parametrize("token", [None, "token-of-nobody-here", ""])
@pytest.mark.parametrize(
    ("name", "args"), [("ledger", ()), ("decisions", ([bytes(16)],)), ("drain", (1.0,))]
)
async def test_without_a_token_nothing_is_answered(
    token: str | None, name: str, args: tuple[Any, ...]
) -> None:
    """Neither one answer nor a stream of them; the words say what to do."""
    async with served() as endpoint:
        with pytest.raises(ControlError, match="--token-file") as caught:
            await call(endpoint, Credentials(token=token), name, *args)
    assert caught.value.code == "refused"


async def test_a_reader_reads_and_does_not_drain(tmp_path: Path) -> None:
    """Get, List and Watch are open to it."""
    audit = Audit(tmp_path / "audit.jsonl", ManualClock())
    async with served(audit=audit) as endpoint:
        reader = Credentials(token=READER)
        assert (await call(endpoint, reader)).balanced
        assert len(await call(endpoint, reader, "decisions", [bytes(16)])) == 1
        with pytest.raises(ControlError, match="role is operate"):
            await call(endpoint, reader, "drain", 1.0)
    [entry] = entries(audit)
    assert (entry["who"], entry["what"], entry["why"]) == ("grafana", "Drain", "needs role operate")
    assert entry["where"].startswith("ipv4:127.0.0.1:")


async def test_a_drain_is_written_down(tmp_path: Path) -> None:
    """By whom, from where, and that it was done."""
    audit = Audit(tmp_path / "audit.jsonl", ManualClock())
    async with served(audit=audit) as endpoint:
        await call(endpoint, Credentials(token=ON_CALL), "drain", 1.0)
    async with served(OPEN, audit) as endpoint:
        await call(endpoint, NONE, "drain", 1.0)
    assert [(one["who"], one["what"], one["outcome"]) for one in entries(audit)] == [
        ("on-call", "Drain", "done"),
        ("anybody", "Drain", "done"),
    ]


def test_every_method_that_changes_something_can_be_written_down() -> None:
    """It answers once: a stream has no single outcome."""
    [service] = pb.DESCRIPTOR.services_by_name.values()
    for method in service.methods:
        assert method.name.startswith(READING) or not method.server_streaming


async def test_tls_is_verified_both_ways(tmp_path: Path) -> None:
    """Who shows no certificate, or trusts another authority, is not answered."""
    files, others = Files.made(tmp_path / "ours"), Files.made(tmp_path / "theirs")
    ours = Credentials(
        token=READER,
        ca_file=files.ca,
        cert_file=files.cert("client"),
        key_file=files.key("client"),
    )
    strangers = Credentials(
        ca_file=files.ca, cert_file=others.cert("client"), key_file=others.key("client")
    )
    async with served(tls=files.tls(ask_clients=True)) as endpoint:
        assert (await call(endpoint, ours)).balanced
        for wrong in (Credentials(ca_file=files.ca), strangers, Credentials(token=READER)):
            with pytest.raises(ControlError) as caught:
                await call(endpoint, wrong)
            assert caught.value.code == "unreachable"


async def test_a_new_certificate_is_served_without_a_restart(tmp_path: Path) -> None:
    """A new connection sees it; a broken file leaves the one before."""
    files, clock = Files.made(tmp_path), ManualClock()
    certificates = Certificates(clock)
    async with served(OPEN, tls=files.tls(), certificates=certificates) as endpoint:
        credentials = Credentials(ca_file=files.ca)
        assert (await call(endpoint, credentials)).balanced
        files.issue("server", "somewhere.else")
        clock.now_s += 60
        await certificates.look()
        with pytest.raises(ControlError) as caught:
            await call(endpoint, credentials)
        assert caught.value.code == "unreachable"
        files.issue("server", "127.0.0.1")
        clock.now_s += 60
        await certificates.look()
        assert (await call(endpoint, credentials)).balanced
        files.cert().write_text("no certificate")
        clock.now_s += 60
        await certificates.look()
        assert (await call(endpoint, credentials)).balanced
    state = certificates.states["control"]
    assert (state.reloads, state.failures) == (2, 1)


async def test_a_file_that_cannot_be_used_stops_the_start(tmp_path: Path) -> None:
    """In words, with the file and the key."""
    files = Files.made(tmp_path)
    files.key().write_bytes(files.key("client").read_bytes())
    with pytest.raises(StartError, match=r"server\.key.*mismatch"):
        async with served(tls=files.tls()):
            pass


async def test_a_call_nobody_knows_needs_no_token() -> None:
    """UNIMPLEMENTED tells nothing that the repository does not."""
    async with served() as endpoint:

        def ask() -> grpc.StatusCode:
            with grpc.insecure_channel(endpoint) as channel:
                unknown: grpc.UnaryUnaryMultiCallable[bytes, bytes]
                unknown = channel.unary_unary("/tailsampler.v1.Control/Nothing")
                try:
                    unknown(b"")
                except grpc.RpcError as error:
                    return cast("grpc.Call", error).code()
                return grpc.StatusCode.OK

        assert await asyncio.to_thread(ask) is grpc.StatusCode.UNIMPLEMENTED
