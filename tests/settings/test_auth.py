"""Who may read and operate, as the configuration says it."""

import pytest

from tailsampler.errors import SettingsError
from tailsampler.settings.effective import effective_yaml
from tailsampler.settings.load import parse
from tailsampler.settings.report import report

TOKENS = "tokens: [{name: grafana, token: 0123456789abcdef0}]"
TLS = "tls: {cert_file: c, key_file: k, client_ca_file: ca}"


@pytest.mark.parametrize(
    "text",
    [
        f"admin: {{endpoint: '0.0.0.0:7317', auth: {{{TOKENS}}}}}",
        f"admin: {{endpoint: '0.0.0.0:7317', {TLS}}}",
        f"admin: {{auth: {{{TOKENS}}}}}\ncontrol: {{endpoint: '0.0.0.0:7318'}}",
        f"control: {{endpoint: '0.0.0.0:7318', {TLS}}}",
        "admin: {enabled: false, endpoint: '0.0.0.0:7317'}",
    ],
)
def test_a_public_address_where_somebody_is_asked(text: str) -> None:
    """By tokens, of both listeners, or by a client's certificate."""
    parse(text, environ={})


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("admin: {endpoint: '0.0.0.0:7317'}", "admin.endpoint"),
        ("admin: {endpoint: '0.0.0.0:7317', auth: {tokens: []}}", "admin.endpoint"),
        (
            "admin: {endpoint: '0.0.0.0:7317', tls: {cert_file: c, key_file: k}}",
            "admin.endpoint",
        ),
        (f"admin: {{{TLS}}}\ncontrol: {{endpoint: '[::]:7318'}}", "control.endpoint"),
    ],
)
def test_a_public_address_where_nobody_is_asked(text: str, key: str) -> None:
    """TLS alone asks nobody; the message names the key and the ways out."""
    with pytest.raises(SettingsError, match=r"admin\.auth\.tokens.*client_ca_file") as caught:
        parse(text, environ={})
    assert caught.value.code == "listener_without_authentication"
    assert key in caught.value.render()


@pytest.mark.parametrize(
    ("tokens", "code"),
    [
        ("{name: a, token: short}", "short_token"),
        ("{name: a, token: 0123456789abcdef0, role: admin}", "unknown_word"),
        ("{token: 0123456789abcdef0}", "missing_key"),
        ("{name: a, token: 0123456789abcdef0}, {name: a, token: 0123456789abcdef1}", "duplicate"),
        ("{name: a, token: 0123456789abcdef0}, {name: b, token: 0123456789abcdef0}", "duplicate"),
    ],
)
def test_mistakes_are_named_without_the_token(tokens: str, code: str) -> None:
    """Too short, a role that there is not, somebody without a name, twice the same."""
    with pytest.raises(SettingsError) as caught:
        parse(f"admin: {{auth: {{tokens: [{tokens}]}}}}", environ={})
    assert caught.value.code.startswith(code)
    assert "0123456789" not in caught.value.render()


def test_tokens_are_not_printed() -> None:
    """``tailsampler check`` and the settings page show that there is one."""
    settings = parse(f"admin: {{auth: {{{TOKENS}}}}}", environ={})
    assert "0123456789" not in effective_yaml(settings) + repr(settings)
    assert "token: (secret)" in effective_yaml(settings)


def test_tokens_in_plain_text_are_warned_of() -> None:
    """Where others may be on the way, and only there."""
    text = f"""
receive:
  otlp_grpc: {{endpoint: 0.0.0.0:4317}}
  tenants: [{{name: shop, tokens: [abcdef0123456789]}}]
admin: {{endpoint: 0.0.0.0:7317, auth: {{{TOKENS}}}}}
control: {{endpoint: 0.0.0.0:7318, tls: {{cert_file: c, key_file: k}}}}
"""
    warnings = report(parse(text, environ={})).warnings
    plain = [one.partition(":")[0] for one in warnings if "tokens come to" in one]
    assert plain == ["receive.otlp_grpc", "admin"]
