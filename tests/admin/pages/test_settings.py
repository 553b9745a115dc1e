"""What is in force, for people."""

import re

from ruamel.yaml import YAML

from tailsampler.settings.load import parse
from tests.admin.pages.asking import served, text

PLANTED = "planted-secret-5d1c"
SETTINGS = parse(
    """
sampling:
  decision_wait: 2s
  policies:
    - {name: "<script>alert(1)</script>", duration_threshold_ms: 250, sample_rate: 0.1}
    - {name: default, sample_rate: 0.01}
export:
  - type: otlp_grpc
    endpoint: tempo:4317
    headers: {authorization: "Bearer ${env:TOKEN}", x-scope-orgid: shop}
""",
    environ={"TOKEN": PLANTED},
)


def rows(html: str) -> dict[str, tuple[str, str, str]]:
    """Class, value and default by the last part of the setting's name."""
    found = re.findall(
        r'<tr class="(\w+)">\s*<th[^>]*><bdi>(.*?)</bdi></th>\s*<td>(.*?)</td>\s*<td>(.*?)</td>',
        html,
    )
    plain = [tuple(re.sub(r"<[^>]+>", "", part) for part in row) for row in found]
    return {row[1]: (row[0], row[2], row[3]) for row in plain}


async def test_it_says_what_the_start_found() -> None:
    """Whoever comes after a restart sees that all came back."""
    async with served() as (client, _):
        html = await text(client, "/settings")
    assert "At the start of this process 10 held spans came back from 7 requests" in html


async def test_what_differs_is_marked_with_the_default_beside_it() -> None:
    """What is as it comes is there too, and not marked."""
    async with served(settings=SETTINGS) as (client, _):
        found = rows(await text(client, "/settings"))
    assert found["decision_wait"] == ("differs", "2s", "10s")
    assert found["annotate"] == ("same", "true", "")


async def test_only_differences_leaves_out_the_rest() -> None:
    """What is listed is what somebody wrote, under its headings."""
    async with served(settings=SETTINGS) as (client, _):
        found = rows(await text(client, "/settings?only=differences"))
    assert {kind for kind, _, _ in found.values()} == {"differs", "section"}
    assert "decision_wait" in found
    assert "buffer" not in found


async def test_no_secret_is_anywhere() -> None:
    """Not in the page, not in the YAML, not in the JSON."""
    async with served(settings=SETTINGS) as (client, _):
        for path in ("/settings", "/settings?only=differences", "/settings.yaml", "/", "/explain"):
            async with client.get(path) as answer:
                assert answer.status == 200
                assert PLANTED not in await answer.text()
        async with client.get("/api/v1/settings") as answer:
            body = await answer.text()
    assert PLANTED not in body
    assert "(secret)" in body


async def test_the_chain_is_told_in_sentences() -> None:
    """In its order, each with what it keeps; names are escaped."""
    async with served(settings=SETTINGS) as (client, _):
        html = await text(client, "/settings")
    chain = html[html.index('id="chain"') : html.index("</ol>")]
    assert chain.count("<li>") == 2
    assert "250 ms" in chain
    assert "1 in 100 kept" in chain
    assert "<script>alert" not in html


async def test_defaults_have_nothing_that_differs() -> None:
    """Without a file, the list of differences is empty and says so."""
    async with served() as (client, _):
        html = await text(client, "/settings?only=differences")
        async with client.get("/api/v1/settings") as answer:
            assert (await answer.json())["differences"] == []
    assert "Nothing: everything is as it comes." in html


async def test_the_file_is_named() -> None:
    """So that its reader knows what to edit."""
    async with served(settings=SETTINGS, config_file="/etc/tailsampler.yaml") as (client, _):
        assert "/etc/tailsampler.yaml" in await text(client, "/settings")


async def test_the_yaml_says_the_same() -> None:
    """It can be copied into a file, once the secrets are put in."""
    async with served(settings=SETTINGS) as (client, _), client.get("/settings.yaml") as answer:
        data = YAML(typ="safe").load(await answer.text())
    assert data["sampling"]["decision_wait"] == "2s"
    assert data["export"][0]["endpoint"] == "tempo:4317"


async def test_differences_as_json() -> None:
    """By the setting's whole name, with both values."""
    async with (
        served(settings=SETTINGS) as (client, _),
        client.get("/api/v1/settings") as answer,
    ):
        differences = (await answer.json())["differences"]
    assert {"key": "sampling.decision_wait", "value": "2s", "default": "10s"} in differences
    assert "export.0.headers" in [one["key"] for one in differences]
