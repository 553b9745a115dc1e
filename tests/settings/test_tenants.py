"""Tenants: who they are, by which token, and what the door is told."""

import hashlib
import json

import pytest

from tailsampler.errors import SettingsError
from tailsampler.settings.core_options import listen_options
from tailsampler.settings.effective import effective_yaml, lines
from tailsampler.settings.load import parse
from tailsampler.settings.root import Settings
from tailsampler.settings.tenants import Tenant, numbered, rates

TOKEN = "Zq3.token-of-the-shop"
TEXT = """
receive:
  tenant_header: X-Scope-OrgID
  tenants:
    - {name: search, rate_limit_spans_per_second: 5000}
    - name: default
    - {name: shop, tokens: ["${env:SHOP}", another-token-of-the-shop]}
"""


def settings(text: str = TEXT) -> Settings:
    return parse(text, environ={"SHOP": TOKEN})


def test_rates_stand_by_number() -> None:
    """Those who name none are number 0, whether they have a limit of their own or not."""
    tenants = (
        Tenant(name="shop", rate_limit_spans_per_second=10_000),
        Tenant(name="search"),
        Tenant(name="default", rate_limit_spans_per_second=500),
    )
    assert numbered(tenants) == ("default", "shop", "search")
    assert rates(tenants) == (500, 10_000, None)
    assert rates(()) == ()


def test_the_door_is_told_numbers_and_digests() -> None:
    """``default`` is 0 wherever it stands; a token crosses as its digest."""
    told = listen_options(settings())
    tenants = json.loads(told)["tenants"]
    assert tenants["names"] == ["default", "search", "shop"]
    assert tenants["header"] == "x-scope-orgid"
    assert [token["tenant"] for token in tenants["tokens"]] == [2, 2]
    assert tenants["tokens"][0]["sha256"] == hashlib.sha256(TOKEN.encode()).hexdigest()
    assert TOKEN not in told


@pytest.mark.parametrize(
    ("text", "required"),
    [
        (TEXT, True),
        (TEXT + "  require_tenant: false\n", False),
        ("receive: {tenant_header: x-team, tenants: [{name: shop}]}", False),
        ("receive: {tenant_header: x-team, require_tenant: true}", True),
    ],
)
def test_a_tenant_is_required_where_one_has_tokens(text: str, *, required: bool) -> None:
    """Tokens that nobody needs would protect nothing, so that must be written."""
    assert json.loads(listen_options(settings(text)))["tenants"]["required"] is required


def test_without_tenants_the_door_looks_at_nothing() -> None:
    """The default costs a request nothing."""
    assert json.loads(listen_options(Settings()))["tenants"] is None


def test_tokens_are_never_shown() -> None:
    """Neither by the configuration as a file, nor on the settings page, nor by ``repr``."""
    shown = [effective_yaml(settings()), repr(settings()), repr(lines(settings()))]
    assert all(TOKEN not in text and "another-token" not in text for text in shown)
    assert effective_yaml(settings()).count("(secret)") == 2


@pytest.mark.parametrize(
    ("tenants", "code", "key"),
    [
        ("[{name: a}, {name: a}]", "duplicate_tenant", "receive.tenants[1].name"),
        ("[{name: a b}]", "bad_tenant_name", "receive.tenants[0].name"),
        ("[{name: a, tokens: [short]}]", "short_token", "receive.tenants[0].tokens[0]"),
        ("[{name: a, tokens: ['']}]", "bad_token", "receive.tenants[0].tokens[0]"),
        ("[{name: a, tokens: [two words of a token]}]", "bad_token", "receive.tenants[0].tokens"),
        ("[{name: a, token: abc}]", "key_not_supported", "receive.tenants[0].token"),
        (
            "[{name: a, tokens: [0123456789abcdef0]}, {name: b, tokens: [0123456789abcdef0]}]",
            "duplicate_token",
            "receive.tenants[1].tokens[0]",
        ),
        (f"[{', '.join(f'{{name: t{n}}}' for n in range(1001))}]", "too_many_tenants", "receive"),
    ],
)
def test_mistakes_say_where_they_are(tenants: str, code: str, key: str) -> None:
    """Each names its key, and none repeats a token."""
    with pytest.raises(SettingsError) as caught:
        settings(f"receive: {{tenants: {tenants}}}")
    rendered = caught.value.render()
    assert caught.value.code == code
    assert key in rendered
    assert "0123456789abcdef0" not in rendered
    assert "two words" not in rendered


def test_a_tenant_that_nobody_can_be() -> None:
    """Required, and there is no way to be one."""
    with pytest.raises(SettingsError, match="tenant_header") as caught:
        settings("receive: {require_tenant: true, tenants: [{name: shop}]}")
    assert caught.value.code == "no_way_in"
