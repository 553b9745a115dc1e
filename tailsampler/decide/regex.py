r"""Go's regular expressions, written so that the core's engine means the same by them.

The core runs the Rust crate ``regex``, whose syntax is close to Go's. What differs: ``\d \w \s \b``
are ASCII in Go; a bracket, ``&&``, ``--`` and ``~~`` inside of a class are plain characters there;
octal escapes, ``\Q...\E``, and ``{`` that begins no repetition exist there alone; names of groups
may stand twice, and ``\p{^Greek}`` is a negation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_PIECE: Final = re.compile(
    r"""
      \\Q(?P<quoted>.*?)(?:\\E|\Z)
    | \\(?P<octal>[0-7]{1,3})
    | \\x\{(?P<long>[0-9A-Fa-f]+)\} | \\x(?P<hex>[0-9A-Fa-f]{2})
    | \\(?P<property>[pP](?:\{[^}]*\}|.))
    | \\(?P<escape>.)
    | (?P<group>\(\?P?<[^>=!]*>)
    | (?P<repeat>\{[0-9]+(?:,[0-9]*)?\})
    | (?P<class>\[\^?)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_IN_CLASS: Final = re.compile(
    r"""
      \\(?P<octal>[0-7]{1,3})
    | \\x\{(?P<long>[0-9A-Fa-f]+)\} | \\x(?P<hex>[0-9A-Fa-f]{2})
    | \\(?P<property>[pP](?:\{[^}]*\}|.))
    | (?P<posix>\[:\^?\w+:\])
    | \\(?P<escape>.)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_PERL: Final = {"d": "0-9", "w": "0-9A-Za-z_", "s": r"\t\n\f\r "}
_PERL_CLASSES: Final = {
    **{letter: f"[{members}]" for letter, members in _PERL.items()},
    **{letter.upper(): f"[^{members}]" for letter, members in _PERL.items()},
}
_AS_IN_RUST: Final = {
    **_PERL_CLASSES,
    "b": r"(?-u:\b)",
    "B": r"(?-u:\B)",
    "A": r"\A",
    "z": r"\z",
}
_CONTROL: Final = {"a": 0x07, "f": 0x0C, "n": 0x0A, "r": 0x0D, "t": 0x09, "v": 0x0B}


def for_the_core(pattern: str) -> str:
    """The same expression in the core's syntax.

    ``pattern``: one that Go takes; what becomes of others is not said.
    """
    return "".join(_pieces(pattern))


def _pieces(pattern: str) -> Iterator[str]:
    at = 0
    while match := _PIECE.match(pattern, at):
        at = match.end()
        kind, text = match.lastgroup, match[match.lastgroup or 0]
        match kind:
            case "quoted":
                yield "".join(_character(ord(letter)) for letter in text)
            case "octal" | "long" | "hex":
                yield _character(_number(kind, text))
            case "property":
                yield _property(text)
            case "escape":
                yield _AS_IN_RUST.get(text) or _character(_CONTROL.get(text, ord(text)))
            case "group":
                yield "("
            case "class":
                members, at = _class(pattern, at)
                yield f"{text}{members}]"
            case _ if text in "{}":
                yield _character(ord(text))
            case _:
                yield text


def _class(pattern: str, at: int) -> tuple[str, int]:
    """The members of a class whose bracket, and perhaps circumflex, ends at ``at``; its end."""
    members: list[str] = []
    first = True
    while match := _IN_CLASS.match(pattern, at):
        at = match.end()
        if match["other"] == "]" and not first:
            break
        first = False
        low = _member(match)
        # A dash makes a range of the characters on its sides, unless it ends the class.
        after = _IN_CLASS.match(pattern, at + 1)
        ranges = pattern.startswith("-", at) and after is not None and after["other"] != "]"
        if ranges and after is not None and not _is_set(match):
            members.append(f"{low}-{_member(after)}")
            at = after.end()
        else:
            members.append(low)
    return "".join(members), at


def _is_set(match: re.Match[str]) -> bool:
    """Whether a member stands for several characters."""
    return match.lastgroup in {"property", "posix"} or match["escape"] in _PERL_CLASSES


def _member(match: re.Match[str]) -> str:
    kind, text = match.lastgroup, match[match.lastgroup or 0]
    match kind:
        case "octal" | "long" | "hex":
            return _character(_number(kind, text))
        case "property":
            return _property(text)
        case "posix":
            return text
        case "escape" if text in _PERL_CLASSES:
            return _PERL_CLASSES[text]
        case "escape":
            return _character(_CONTROL.get(text, ord(text)))
        case _:
            return _character(ord(text))


def _number(kind: str, digits: str) -> int:
    return int(digits, 8 if kind == "octal" else 16)


def _property(text: str) -> str:
    letter, name = text[0], text[1:].strip("{}")
    if name.startswith("^"):
        letter, name = letter.swapcase(), name[1:]
    return rf"\{letter}{{{name}}}"


def _character(code: int) -> str:
    return chr(code) if chr(code).isascii() and chr(code).isalnum() else f"\\x{{{code:x}}}"
