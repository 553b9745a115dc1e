"""Sockets first, applications later."""

import asyncio
import socket

import aiohttp
import pytest
from aiohttp import web

from tailsampler.errors import StartError
from tailsampler.telemetry.listener import listening
from tailsampler.telemetry.sockets import address, bind


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
