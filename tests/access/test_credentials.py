"""What a client shows, and the options that say so."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import StringIO
from pathlib import Path

import pytest
from aiohttp import web
from click.testing import CliRunner

from tailsampler.access.credentials import Credentials, read_token
from tailsampler.access.serving import server_context
from tailsampler.cli import main
from tailsampler.cli.access import credentials
from tailsampler.errors import ControlError
from tailsampler.explain import ask, explain
from tailsampler.telemetry.listener import listening
from tailsampler.telemetry.sockets import address, bind
from tests.access.files import Files

TOKEN = "token-of-the-reader"


@pytest.mark.parametrize("content", [TOKEN, f"{TOKEN}\n", f" {TOKEN} \r\n"])
def test_a_token_is_read_without_what_is_around_it(tmp_path: Path, content: str) -> None:
    """Editors add line ends."""
    path = tmp_path / "token"
    path.write_text(content)
    assert read_token(path) == TOKEN


@pytest.mark.parametrize("content", [b"", b"\n", b"a\nb", b"\xff\xfe", b"a" * 5000])
def test_what_is_no_token_is_not_shown_to_anybody(tmp_path: Path, content: bytes) -> None:
    """As where a key was named instead; the message names the file and not what is in it."""
    path = tmp_path / "token"
    path.write_bytes(content)
    with pytest.raises(ControlError, match="holds no token") as caught:
        read_token(path)
    assert "aaaa" not in caught.value.render()


def test_a_token_is_no_option() -> None:
    """Every user of a machine sees what stands on the command line of every program."""
    found = CliRunner().invoke(main, ["explain", "01", "--token", TOKEN])
    assert found.exit_code == 2
    assert "No such option" in found.output


def test_a_token_comes_from_a_file_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file that is named says more than a variable that was set some time ago."""
    path = tmp_path / "token"
    path.write_text("token-in-a-file")
    files = {"ca_file": None, "cert_file": None, "key_file": None}
    monkeypatch.setenv("TAILSAMPLER_TOKEN", TOKEN)
    assert credentials(token_file=None, tls=False, **files).token == TOKEN
    assert credentials(token_file=path, tls=False, **files).token == "token-in-a-file"


def test_credentials_print_no_token() -> None:
    """A traceback may hold them."""
    assert TOKEN not in repr(Credentials(token=TOKEN))


def test_half_a_pair_is_refused() -> None:
    """A certificate without its key is a mistake, not plain text."""
    with pytest.raises(ControlError, match="--key-file"):
        Credentials(cert_file=Path("a"))


@pytest.mark.parametrize("option", ["--token-file", "--ca-file"])
@pytest.mark.parametrize(
    "command", [["top", "--once", "--endpoint=127.0.0.1:1"], ["explain", "01", "--tls"]]
)
def test_a_file_that_is_not_there_is_named(command: list[str], option: str) -> None:
    """The command ends in words, before anything is asked."""
    found = CliRunner().invoke(main, [*command, option, "/nowhere/file"])
    assert found.exit_code == 2
    assert "/nowhere/file" in found.output
    assert "Traceback" not in found.output


@asynccontextmanager
async def asked(files: Files, seen: list[str | None]) -> AsyncIterator[str]:
    async def answer(request: web.Request) -> web.Response:
        seen.append(request.headers.get("authorization"))
        if request.path == "/elsewhere":
            raise web.HTTPFound("/api/v1/decisions/00")
        if seen[-1] != f"Bearer {TOKEN}":
            return web.json_response({"code": "unauthenticated", "say": "no"}, status=401)
        return web.json_response({"code": "unknown_trace", "say": "not here"}, status=404)

    app = web.Application()
    app.router.add_get("/{rest:.*}", answer)
    bound = bind("127.0.0.1", 0, "admin")
    async with listening(app, bound, server_context(files.tls(ask_clients=True), "admin")):
        yield address(bound)


async def test_explain_shows_token_and_certificate(tmp_path: Path) -> None:
    """Also where the address says http: whoever names certificates means TLS."""
    files, seen = Files.made(tmp_path), list[str | None]()
    shown = Credentials(
        token=TOKEN, ca_file=files.ca, cert_file=files.cert("client"), key_file=files.key("client")
    )
    async with asked(files, seen) as where:
        for scheme in ("http", "https"):
            status = await asyncio.to_thread(
                explain, "00", endpoint=f"{scheme}://{where}", out=StringIO(), credentials=shown
            )
            assert status == 1
        without = Credentials(
            ca_file=files.ca, cert_file=files.cert("client"), key_file=files.key("client")
        )
        with pytest.raises(ControlError, match="--token-file"):
            await asyncio.to_thread(ask, f"https://{where}/", without)
        with pytest.raises(ControlError) as caught:
            await asyncio.to_thread(ask, f"https://{where}/", Credentials(ca_file=files.ca))
        assert caught.value.code == "unreachable"
    assert seen == [f"Bearer {TOKEN}", f"Bearer {TOKEN}", None]


async def test_a_token_follows_no_redirect(tmp_path: Path) -> None:
    """Something else on the port must not send it on."""
    files, seen = Files.made(tmp_path), list[str | None]()
    shown = Credentials(
        token=TOKEN, ca_file=files.ca, cert_file=files.cert("client"), key_file=files.key("client")
    )
    async with asked(files, seen) as where:
        with pytest.raises(ControlError):
            await asyncio.to_thread(ask, f"https://{where}/elsewhere", shown)
    assert len(seen) == 1
