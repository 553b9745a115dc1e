"""Conditions as tokens: the first pattern that fits takes the text."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.contrib.model.ottl.values import SyntaxFault, text_of

# In the order in which they are tried: a sign directly before a digit belongs to the number.
PATTERNS = {
    "bytes": r"0x[a-fA-F0-9]+",
    "float": r"[-+]?\d*\.\d+(?:[eE][-+]?\d+)?",
    "int": r"[-+]?\d+",
    "string": r'"(?:\\.|[^\\"])*"',
    "comparison": r"==|!=|>=|<=|>|<",
    "sum": r"[+-]",
    "product": r"[*/]",
    "equal": r"=",
    "punctuation": r"[(){}\[\],.:]",
    "word": r"[A-Z]\w*|(?:not|or|and|true|false)(?!\w)|[a-z][a-z0-9_]*",
    "space": r"\s+",
}
KEYWORDS = {"not": "not", "or": "or", "and": "and", "true": "bool", "false": "bool"}
_TOKEN = re.compile(
    "|".join(f"(?P<{kind}>{pattern})" for kind, pattern in PATTERNS.items()), re.ASCII
)
_ESCAPE = re.compile(
    r'\\(?:(?P<plain>[abfnrtv\\"])|x(?P<hex>[0-9a-fA-F]{2})|(?P<octal>[0-7]{3})'
    r"|u(?P<four>[0-9a-fA-F]{4})|U(?P<eight>[0-9a-fA-F]{8}))"
)
_PLAIN = {"a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11, "\\": 92, '"': 34}


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a condition: its kind, and the text as written."""

    kind: str
    text: str


def tokens(condition: str) -> list[Token]:
    """The tokens of a condition, ended by one of kind ``end``.

    Raises:
        SyntaxFault: where no pattern fits.
    """
    found = []
    at = 0
    while at < len(condition):
        match = _TOKEN.match(condition, at)
        if match is None:
            raise SyntaxFault(f"invalid input text {condition[at:]!r}")
        at = match.end()
        kind, text = str(match.lastgroup), match.group()
        if kind == "word":
            kind = KEYWORDS.get(text) or ("upper" if text[0].isupper() else "lower")
        if kind != "space":
            found.append(Token(kind, text))
    return [*found, Token("end", "")]


def unquoted(literal: str) -> str:
    """The text of a string literal, by Go's rules for escapes.

    Raises:
        SyntaxFault: for an unknown escape (a regular expression doubles its backslashes) and for a
            line break.
    """
    raw = b""
    body = literal[1:-1]
    at = 0
    while at < len(body):
        if body[at] == "\n":
            raise SyntaxFault(f"invalid quoted string {literal}")
        if body[at] != "\\":
            raw += body[at].encode()
            at += 1
            continue
        match = _ESCAPE.match(body, at)
        if match is None:
            raise SyntaxFault(f"invalid quoted string {literal}: unknown escape at {body[at:]!r}")
        raw += _escaped(match, literal)
        at = match.end()
    return text_of(raw)


def _escaped(match: re.Match[str], literal: str) -> bytes:
    kind = str(match.lastgroup)
    digits = match[kind]
    if kind == "plain":
        return bytes([_PLAIN[digits]])
    number = int(digits, 8 if kind == "octal" else 16)
    if kind in {"hex", "octal"}:
        if number > 255:
            raise SyntaxFault(f"invalid quoted string {literal}")
        return bytes([number])
    if number > 0x10FFFF or 0xD800 <= number < 0xE000:
        raise SyntaxFault(f"invalid quoted string {literal}")
    return chr(number).encode()
