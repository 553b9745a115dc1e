"""From a header to a name and what its holder may do."""

import base64
import hmac

import pytest

from tailsampler.access.operators import OPEN, Access, Operator
from tailsampler.settings.auth import Auth

READER, OPERATOR = "token-of-the-reader", "token-of-the-operator"
AUTH = Auth.model_validate(
    {
        "tokens": [
            {"name": "grafana", "token": READER},
            {"name": "on-call", "token": OPERATOR, "role": "operate"},
        ]
    }
)


def basic(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


@pytest.mark.parametrize(
    ("header", "operator"),
    [
        (f"Bearer {READER}", Operator("grafana", may_operate=False, may_share=False)),
        (f"bearer  {OPERATOR} ", Operator("on-call", may_operate=True)),
        (basic("whoever", OPERATOR), Operator("on-call", may_operate=True)),
        (basic("", READER), Operator("grafana", may_operate=False, may_share=False)),
    ],
)
def test_a_token_is_somebody(header: str, operator: Operator) -> None:
    """By either scheme; the name of a browser's user does not matter."""
    assert Access(AUTH).who(header) == operator


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        READER,
        f"Bearer {READER[:-1]}",
        f"Bearer {READER}x",
        f"Token {READER}",
        basic(READER, ""),
        "Basic !!!",
        f"Basic {base64.b64encode(bytes([255, 254])).decode()}",
        "Bearer " + "x" * 1_000_000,
        f"Bearer {READER}\u00e4",
    ],
)
def test_anything_else_is_nobody(header: str | None) -> None:
    """No header, half a token, a token in the wrong place, or nonsense."""
    assert Access(AUTH).who(header) is None


def test_without_tokens_everybody_may_do_everything() -> None:
    """The default, on loopback alone."""
    somebody = OPEN.who(None)
    assert somebody is not None
    assert somebody.may_operate


def test_every_token_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also after one matched: the time tells neither which nor how many."""
    compared: list[tuple[bytes, bytes]] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return one == other

    access = Access(AUTH)
    monkeypatch.setattr(hmac, "compare_digest", compare)
    access.who(f"Bearer {READER}")
    assert len(compared) == 2
    assert {len(digest) for pair in compared for digest in pair} == {32}
