"""Sockets first, applications later."""

import asyncio
import socket
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from tailsampler.access.serving import server_context
from tailsampler.errors import StartError
from tailsampler.telemetry.listener import listening
from tailsampler.telemetry.sockets import address, bind
from tests.access.files import Files


async def test_who_connects_early_is_answered_later() -> None:
    """Between binding and serving, connections wait; none is refused."""
    bound = bind("127.0.0.1", 0, "telemetry")
    url = f"http://{address(bound)}/"
    async with aiohttp.ClientSession() as session:
        early = asyncio.create_task(session.get(url))
        async with listening(web.Application(), bound):
            answer = await early
            assert answer.status == 404
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
            answer.release()


def test_an_address_that_is_taken_is_an_error_in_words() -> None:
    """It names the address and the setting to change."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(StartError, match=rf"127\.0\.0\.1:{port}.*set admin\.endpoint"):
            bind("127.0.0.1", port, "admin")


def test_ipv6_addresses_are_written_in_brackets() -> None:
    """``[::1]:port`` can be pasted into a browser."""
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    try:
        bound = bind("::1", 0, "admin")
    except StartError:
        pytest.skip("this machine has no IPv6 loopback")
    with bound:
        assert address(bound).startswith("[::1]:")


async def test_a_new_certificate_is_served_without_a_restart(tmp_path: Path) -> None:
    """New connections get it; one that is open goes on with what it began with."""
    files = Files.made(tmp_path)
    bound = bind("127.0.0.1", 0, "admin")
    url, trusting = f"https://{address(bound)}/", files.client()
    async with (
        listening(web.Application(), bound, server_context(files.tls(), "admin")) as renew,
        aiohttp.ClientSession() as open_one,
    ):
        async with open_one.get(url, ssl=trusting) as answer:
            assert answer.status == 404
        files.issue("server", "somewhere.else")
        await renew(server_context(files.tls(), "admin"))
        async with open_one.get(url, ssl=trusting) as answer:
            assert answer.status == 404
        async with aiohttp.ClientSession() as new_one:
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                await new_one.get(url, ssl=files.client())
        files.issue("server", "127.0.0.1")
        await renew(server_context(files.tls(), "admin"))
        async with (
            aiohttp.ClientSession() as new_one,
            new_one.get(url, ssl=files.client()) as answer,
        ):
            assert answer.status == 404


async def test_clients_show_their_certificate(tmp_path: Path) -> None:
    """Where an authority is given, nobody is answered without; plain text never is."""
    files = Files.made(tmp_path)
    bound = bind("127.0.0.1", 0, "admin")
    context = server_context(files.tls(ask_clients=True), "admin")
    async with (
        listening(web.Application(), bound, context),
        aiohttp.ClientSession() as session,
    ):
        url = f"https://{address(bound)}/"
        async with session.get(url, ssl=files.client(with_certificate=True)) as answer:
            assert answer.status == 404
    bound = bind("127.0.0.1", 0, "admin")
    async with listening(web.Application(), bound, context):
        for scheme in ("https", "http"):
            async with aiohttp.ClientSession() as session:
                with pytest.raises(aiohttp.ClientError):
                    await session.get(f"{scheme}://{address(bound)}/", ssl=files.client())


async def test_a_renewal_leaves_nothing_behind(tmp_path: Path) -> None:
    """What served the certificate before is closed, or it would go on to accept, too."""
    files = Files.made(tmp_path)
    bound = bind("127.0.0.1", 0, "admin")

    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    async with listening(web.Application(), bound, server_context(files.tls(), "admin")) as renew:
        before = descriptors()
        for _ in range(5):
            await renew(server_context(files.tls(), "admin"))
        await asyncio.to_thread(lambda: None)  # asyncio closes a server's socket a moment later
        assert descriptors() == before
