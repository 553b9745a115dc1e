"""Ask over HTTP, those that were named and nobody else, and not for ever."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import aiohttp
from yarl import URL

from tailsampler.access.credentials import Credentials
from tailsampler.clock import Clock
from tailsampler.errors import ControlError

T = TypeVar("T")

AT_ONCE: Final = 4
"""Questions to one address."""
MOST_BYTES: Final = 64 * 2**20
"""Of one answer, decompressed."""
_TIMEOUT: Final = aiohttp.ClientTimeout(total=60, sock_connect=5)
_TRIES: Final = 3
_BUSY: Final = frozenset({429, 502, 504})
"""Statuses of somebody who may answer a little later."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What somebody said."""

    url: str
    status: int
    body: bytes

    def json(self) -> dict[str, Any]:
        """The object in it; ``ControlError`` if there is none."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise ControlError("not_json", f"{self.url} answered with no JSON: {self.words()}")
        return found

    def words(self) -> str:
        """The beginning of it, fit for a terminal."""
        text = self.body[:200].decode(errors="replace")
        return "".join(char if char.isprintable() else " " for char in text).strip() or "nothing"


@dataclass(frozen=True, slots=True)
class Asker:
    """Asks several addresses."""

    clock: Clock
    credentials: Credentials
    trusted: frozenset[str]
    """Origins of the gateways that get the token and the certificate."""
    _session: aiohttp.ClientSession

    async def get(
        self,
        url: URL,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Ask, up to three times while nobody can answer.

        Raises ``ControlError`` for one that is not there, hangs, says too much, or sends elsewhere.
        """
        wait_s = 1.0
        for left in reversed(range(_TRIES)):
            answer = await self._once(url, params, headers)
            if answer.status not in _BUSY or not left:
                break
            await self.clock.sleep(wait_s)
            wait_s *= 2
        return answer

    async def _once(
        self, url: URL, params: Mapping[str, str] | None, headers: Mapping[str, str] | None
    ) -> Answer:
        trusted = str(url.origin()) in self.trusted
        if trusted and self.credentials.encrypted:
            # Whoever names certificates means TLS, whatever the address says.
            url = url.with_scheme("https")
        shown = {**(headers or {}), **(self.credentials.authorization if trusted else {})}
        name = str(url)
        try:
            async with self._session.get(
                url,
                params=params,
                headers=shown,
                allow_redirects=False,
                ssl=self._context(url, trusted=trusted),
            ) as response:
                if 300 <= response.status < 400:
                    say = f"{name} sends to another address, which is not followed; name that one"
                    raise ControlError("redirected", say)
                return Answer(name, response.status, await _body(name, response))
        except TimeoutError as error:
            raise ControlError("unreachable", f"{name} does not answer in time") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            say = f"cannot ask {name} ({str(error) or type(error).__name__}); is it running there?"
            raise ControlError("unreachable", say) from error

    def _context(self, url: URL, *, trusted: bool) -> Any:
        if url.scheme != "https":
            return True
        if trusted:
            return self.credentials.ssl_context()
        # The same authorities, but no certificate of ours for strangers.
        return Credentials(tls=True, ca_file=self.credentials.ca_file).ssl_context()


async def _body(name: str, response: aiohttp.ClientResponse) -> bytes:
    parts, size = [], 0
    async for part in response.content.iter_chunked(1 << 16):
        size += len(part)
        if size > MOST_BYTES:
            say = f"{name} answers with more than {MOST_BYTES >> 20} MiB; ask for less time"
            raise ControlError("answer_too_large", say)
        parts.append(part)
    return b"".join(parts)


async def together(calls: Iterable[Awaitable[T]]) -> list[T]:
    """What a few calls give; the first that fails is raised after all have ended."""
    done = await asyncio.gather(*calls, return_exceptions=True)
    failed = next((one for one in done if isinstance(one, BaseException)), None)
    if failed is not None:
        raise failed
    return [one for one in done if not isinstance(one, BaseException)]


@asynccontextmanager
async def asking(
    clock: Clock, credentials: Credentials, gateways: tuple[str, ...]
) -> AsyncIterator[Asker]:
    """An ``Asker``; ``gateways``: the URLs that get the token."""
    trusted = frozenset(str(address(url).origin()) for url in gateways)
    connector = aiohttp.TCPConnector(limit=16)
    # No proxy of the environment: what is asked stands near, and a token goes along.
    async with aiohttp.ClientSession(
        timeout=_TIMEOUT, connector=connector, trust_env=False
    ) as session:
        yield Asker(clock, credentials, trusted, session)


def address(text: str) -> URL:
    """A URL of http or https; ``ControlError`` says what to write."""
    try:
        url = URL(text)
    except ValueError:
        url = URL()
    if url.scheme not in {"http", "https"} or not url.host:
        raise ControlError("bad_endpoint", f"{text} is no URL; write http://127.0.0.1:7317")
    if url.user or url.password:
        say = "a URL with a password stands in every list of processes; write it without, and "
        raise ControlError("password_in_url", f"{say}name --token-file for a gateway's token")
    return url
