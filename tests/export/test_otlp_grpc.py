"""The transport against a real grpc server on loopback."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Literal

import grpc
import pytest
import trustme
from grpc import StatusCode

from tailsampler.export.otlp_grpc import OtlpGrpc, Tls
from tailsampler.export.retry import Accepted, Failed, Meaning, meaning
from tailsampler.testing.backend import Answer, CapturingBackend, Script
from tests.export.fakes import payload

Compression = Literal["none", "gzip", "deflate"]


@asynccontextmanager
async def connected(
    backend: CapturingBackend,
    *,
    tls: Tls | None = None,
    headers: tuple[tuple[str, str], ...] = (),
    compression: Compression = "none",
    timeout_s: float = 30.0,
) -> AsyncIterator[OtlpGrpc]:
    transport = OtlpGrpc(
        endpoint=backend.endpoint,
        tls=tls,
        headers=headers,
        compression=compression,
        timeout_s=timeout_s,
    )
    try:
        yield transport
    finally:
        await transport.close()


async def answer_to(script: Script) -> Accepted | Failed:
    with CapturingBackend(script) as backend:
        async with connected(backend) as transport:
            return await transport.send(payload(1, 2))


@pytest.mark.parametrize("compression", ["none", "gzip", "deflate"])
async def test_the_bytes_arrive_as_they_are(compression: Compression) -> None:
    """No span is parsed or rewritten on the way out; headers go along."""
    sent = payload(1, 2, 3)
    with CapturingBackend() as backend:
        async with connected(
            backend, compression=compression, headers=(("x-scope-orgid", "shop"),)
        ) as transport:
            assert await transport.send(sent) == Accepted()
        [request] = backend.requests
    assert request.payload == sent
    assert request.headers["x-scope-orgid"] == "shop"
    assert backend.span_ids() == {number.to_bytes(8, "big") for number in (1, 2, 3)}


@pytest.mark.parametrize(
    ("headers", "tenant", "says"),
    [
        ((), "shop", "shop"),
        ((), "default", "default"),
        ((("x-scope-orgid", "nobody"),), "default", "nobody"),
        ((("x-scope-orgid", "nobody"),), "shop", "shop"),
        ((("x-scope-orgid", "all"),), None, "all"),
    ],
)
async def test_a_request_names_its_tenant(
    headers: tuple[tuple[str, str], ...], tenant: str | None, says: str
) -> None:
    """Once, whatever stands in headers, which is for those of no tenant."""
    with CapturingBackend() as backend:
        async with connected(backend, headers=headers) as transport:
            transport.tenant_header = "x-scope-orgid"
            assert await transport.send(payload(1), tenant) == Accepted()
        [request] = backend.requests
    assert request.headers["x-scope-orgid"] == says


@pytest.mark.parametrize("code", set(StatusCode) - {StatusCode.OK}, ids=lambda code: code.name)
async def test_every_status_comes_back_as_a_value(code: StatusCode) -> None:
    """A failure is an answer like another: nothing a backend says raises."""
    assert await answer_to([Answer(code, "no")]) == Failed(code, "no")


@pytest.mark.parametrize("delay_s", [0.0, 2.5, 300.0])
async def test_retry_info_is_read(delay_s: float) -> None:
    """The delay comes from the status details, of the answer."""
    answer = await answer_to([Answer(StatusCode.RESOURCE_EXHAUSTED, "busy", delay_s)])
    assert answer == Failed(StatusCode.RESOURCE_EXHAUSTED, "busy", delay_s)


async def test_partial_success_is_read() -> None:
    """How many spans were rejected, and why."""
    assert await answer_to([Answer(rejected=2, message="no name")]) == Accepted(2, "no name")
    assert await answer_to([Answer(message="deprecated")]) == Accepted(0, "deprecated")


async def test_a_servers_own_size_limit_is_too_large() -> None:
    """What grpc itself says about a large message is understood as such."""
    with CapturingBackend(max_recv_bytes=1_000) as backend:
        async with connected(backend) as transport:
            answer = await transport.send(payload(*range(100)))
    assert isinstance(answer, Failed)
    assert meaning(answer) is Meaning.TOO_LARGE


async def test_a_backend_that_never_answers_is_given_up_on() -> None:
    """An attempt ends at its deadline and may be repeated."""
    with CapturingBackend([Answer(after=threading.Event())]) as backend:
        async with connected(backend, timeout_s=0.05) as transport:
            answer = await transport.send(payload(1))
    assert isinstance(answer, Failed)
    assert answer.code is StatusCode.DEADLINE_EXCEEDED


async def test_a_backend_that_is_not_there_is_unavailable() -> None:
    """No connection is an answer as well."""
    with CapturingBackend() as backend:
        endpoint = backend.endpoint
    transport = OtlpGrpc(endpoint=endpoint, tls=None)
    answer = await transport.send(payload(1))
    await transport.close()
    assert isinstance(answer, Failed)
    assert answer.code is StatusCode.UNAVAILABLE


async def test_cancelling_an_attempt_cancels_it() -> None:
    """Shutting down does not wait for a backend that hangs."""
    with CapturingBackend([Answer(after=threading.Event())]) as backend:
        async with connected(backend) as transport:
            sending = asyncio.create_task(transport.send(payload(1)))
            await asyncio.to_thread(backend.wait_for_requests, 1)
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending


async def test_tls_is_verified_both_ways() -> None:
    """The backend's certificate is checked against the given roots, and ours is shown to it."""
    authority = trustme.CA()
    server, client = authority.issue_cert("tempo.example"), authority.issue_cert("gateway")
    roots = authority.cert_pem.bytes()
    credentials = grpc.ssl_server_credentials(
        [(server.private_key_pem.bytes(), server.cert_chain_pems[0].bytes())],
        root_certificates=roots,
        require_client_auth=True,
    )
    ours = Tls(
        ca=roots,
        key=client.private_key_pem.bytes(),
        cert=client.cert_chain_pems[0].bytes(),
        server_name="tempo.example",
    )
    with CapturingBackend(credentials=credentials) as backend:
        async with connected(backend, tls=ours) as transport:
            assert await transport.send(payload(1)) == Accepted()
        async with connected(backend, tls=Tls(ca=roots)) as nameless:
            refused = await nameless.send(payload(1))
    assert isinstance(refused, Failed)
    assert refused.code is StatusCode.UNAVAILABLE


async def test_a_new_certificate_makes_a_new_connection() -> None:
    """What is under way ends on the old one; a pair that does not fit changes nothing."""
    authority, other = trustme.CA(), trustme.CA()
    server = authority.issue_cert("tempo.example")
    credentials = grpc.ssl_server_credentials(
        [(server.private_key_pem.bytes(), server.cert_chain_pems[0].bytes())],
        root_certificates=authority.cert_pem.bytes(),
        require_client_auth=True,
    )

    def shown(ours: trustme.LeafCert) -> Tls:
        return Tls(
            ca=authority.cert_pem.bytes(),
            key=ours.private_key_pem.bytes(),
            cert=ours.cert_chain_pems[0].bytes(),
            server_name="tempo.example",
        )

    answered = threading.Event()
    script = [Answer(), Answer(after=answered)]
    with CapturingBackend(script, credentials=credentials) as backend:
        async with connected(backend, tls=shown(other.issue_cert("gateway"))) as transport:
            assert isinstance(await transport.send(payload(1)), Failed)
            good = shown(authority.issue_cert("gateway"))
            mixed = replace(good, key=other.issue_cert("gateway").private_key_pem.bytes())
            with pytest.raises(OSError, match="mismatch"):
                await transport.renew(mixed)
            assert isinstance(await transport.send(payload(1)), Failed)
            await transport.renew(good)
            assert await transport.send(payload(1)) == Accepted()
            before = asyncio.create_task(transport.send(payload(2)))
            await asyncio.to_thread(backend.wait_for_requests, 2)
            renewing = asyncio.create_task(transport.renew(shown(authority.issue_cert("gateway"))))
            await asyncio.to_thread(lambda: None)  # lets it begin
            assert await transport.send(payload(3)) == Accepted()
            answered.set()
            assert await before == Accepted()
            await renewing
    assert len(backend.requests) == 3


def test_secrets_are_not_printed() -> None:
    """A token in a header does not reach a log by way of ``repr``."""
    transport = OtlpGrpc(
        endpoint="tempo:4317", tls=None, headers=(("authorization", "Bearer s3cret"),)
    )
    assert "s3cret" not in repr(transport)
