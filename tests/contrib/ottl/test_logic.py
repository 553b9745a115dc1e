"""``and``, ``or``, ``not``, and what is decided before there is a span."""

from __future__ import annotations

import pytest

from tests.contrib.model.ottl.lexer import unquoted
from tests.contrib.model.ottl.values import SyntaxFault
from tests.contrib.ottl.ask import ERROR, START, ask, value

FAIL = "Len(nil) == 1"
YES = 'name == "GET /a"'
NO = 'name == "x"'

CASES = [
    ("true", True),
    ("false", False),
    ("not true", False),
    (f"{YES} and {NO}", False),
    (f"{YES} or {NO}", True),
    (f"{NO} and {FAIL}", False),
    (f"{YES} or {FAIL}", True),
    (f"{FAIL} and {NO}", ERROR),
    (f"{FAIL} or {YES}", ERROR),
    (f"{FAIL} and false", False),
    (f"{FAIL} or true", True),
    (f"{FAIL} and 1 == 2", False),
    (f'{FAIL} or "a" < "b"', True),
    (f"{FAIL} and {YES} and false and {YES}", False),
    (f"{FAIL} or {NO} or not false", True),
    (f"{FAIL} and ({FAIL} and false)", False),
    (f"{FAIL} or (1 + 1 == 2 and true)", True),
    (f"({FAIL} and false) or {YES}", True),
    (f"{FAIL} and true", ERROR),
    (f"{FAIL} or false", ERROR),
    (f"not ({FAIL} and false)", True),
    (f"not {FAIL}", ERROR),
    (f"not {YES}", False),
    (f"not {NO} and {YES}", True),
    (f"not ({NO} or {YES})", False),
    (f"{YES} or {NO} and {NO}", True),
    (f"({YES} or {NO}) and {NO}", False),
    (f"{NO} and {NO} or {YES}", True),
    ("not IsRootSpan()", True),
    (f"(({YES}))", True),
    (f"({value('number')} + 1) * 2 == 1008", True),
    (f"(({value('number')})) == 503", True),
    ("IsRootSpan() == false", True),
    ("true == true", True),
    (f"not not {YES}", START),
    (f"not (not {YES})", True),
    (f"{YES} {YES}", START),
    (f"({YES}", START),
    (f"{YES})", START),
    (f"{YES} and", START),
    ("and", START),
    ("", START),
    ("name", START),
    ("nil", START),
    ("1", START),
    ("name == ", START),
    ("name = 1", START),
    ("name === 1", START),
    ("1 == 1 == 1", START),
    ('"a" + "b" == "ab"', START),
    ("nil + 1 == 1", START),
    ("name == 'x'", START),
    ('name == "x', START),
    ("name == 99999999999999999999", START),
    ("name == 0x123", START),
    ("Nonsense(name)", START),
    ("Len()", START),
    ("Len(name, name) == 1", START),
    ("HasPrefix(name) == true", START),
    ('HasPrefix(name, prefix="GET")', True),
    ('HasPrefix(prefix="GET", target=name)', True),
    ('HasPrefix(target=name, "GET")', START),
    ('HasPrefix(name, suffix="GET")', START),
    ("order == 1", START),
]


@pytest.mark.parametrize(("condition", "expected"), CASES)
def test_conditions(condition: str, expected: bool | str) -> None:
    """Left to right with short circuit, but a literal that decides does so wherever it stands."""
    assert ask(condition) == expected


def test_a_sign_before_a_digit_belongs_to_the_number() -> None:
    """So a difference needs a blank after its minus."""
    assert ask(f"{value('number')} - 3 == 500") is True
    assert ask(f"{value('number')} -3 == 500") == START
    assert ask(f"{value('number')} == +503") is True
    assert ask(f"{value('half')} == .5") is True
    assert ask(f"{value('half')} == 5.0e-1") is True


@pytest.mark.parametrize(
    ("literal", "text"),
    [
        (r'"a\"b"', 'a"b'),
        (r'"\\d"', r"\d"),
        (r'"\n\t\x41\101\u00e9\U0001F600"', "\n\tAA\u00e9\U0001f600"),
        (r'"\xff"', "\udcff"),
    ],
)
def test_escapes_are_gos(literal: str, text: str) -> None:
    """A byte that is no UTF-8 stays a byte."""
    assert unquoted(literal) == text


@pytest.mark.parametrize("literal", [r'"\d"', r'"\x4"', r'"\400"', r'"\ud800"', '"a\nb"', r'"\'"'])
def test_other_escapes_do_not_start(literal: str) -> None:
    """A regular expression doubles its backslashes."""
    with pytest.raises(SyntaxFault):
        unquoted(literal)
