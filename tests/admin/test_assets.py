"""The files that pages load."""

import re
from pathlib import Path

import pytest

from tailsampler.admin.assets import Assets
from tests.admin.test_app import asked


async def test_a_page_loads_only_what_is_there() -> None:
    """Every address in the frame's head is answered with its own type, and may be kept."""
    async with asked() as client:
        async with client.get("/") as answer:
            addresses = re.findall(r'(?:href|src)="(/static/[^"]+)"', await answer.text())
        assert {address.rpartition(".")[2] for address in addresses} == {"css", "js", "svg"}
        for address in addresses:
            async with client.get(address) as answer:
                assert answer.status == 200
                assert "immutable" in answer.headers["Cache-Control"]


async def test_an_old_page_gets_todays_files_and_does_not_keep_them() -> None:
    """A page that was open while the program was replaced goes on working."""
    async with asked() as client, client.get("/static/old/style.css") as answer:
        assert answer.status == 200
        assert answer.content_type == "text/css"
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("name", ["..%2fapp.py", "%2fetc%2fpasswd", "app.py", "style.css%00", ""])
async def test_nothing_else_is_served(name: str) -> None:
    """Names are looked up, never opened."""
    async with asked() as client, client.get(f"/static/x/{name}") as answer:
        assert answer.status == 404


def test_the_address_changes_with_the_contents(tmp_path: Path) -> None:
    """A change of any file changes the address of all, as they import one another."""
    (tmp_path / "a.js").write_text("1")
    (tmp_path / "b.js").write_text("2")
    before = Assets.load(tmp_path).url("a.js")
    (tmp_path / "b.js").write_text("3")
    assert Assets.load(tmp_path).url("a.js") != before
