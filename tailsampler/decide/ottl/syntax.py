"""From text to a tree, or to a message that says where and what to write."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Final, TypeAlias, TypeGuard

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedInput, UnexpectedToken

from tailsampler.decide.ottl.errors import OttlError

Node: TypeAlias = Tree[Token] | Token

MAX_BYTES: Final = 16 * 1024
DEEPEST: Final = 64
"""Levels of nesting; whoever evaluates a condition may recurse."""

_KEYWORDS: Final = frozenset({"and", "or", "not", "nil", "true", "false"})
_LAST_WORD: Final = re.compile(r"[A-Za-z0-9_]+$")
_COMPARISONS: Final = ("==", "!=", "<=", ">=", "<", ">")
_OPENING: Final = (*_COMPARISONS, "(", "[", ",")
_STARTS: Final = {
    "=": "= is for named arguments; write == to compare",
    "'": 'texts stand in double quotes; write "GET"',
    '"': 'a text is not closed; end it with ", and write \\" for a quote inside',
}
_OTHERS: Final = {
    "&&": "and",
    "||": "or",
    "!": "not (...), or != for unequal",
    "=~": 'IsMatch(path, "pattern")',
    "~": 'IsMatch(path, "pattern")',
    "%": "whole division and *; there is no remainder",
}


@cache
def _parser() -> Lark:
    """Made when the first condition comes: most configurations have none."""
    return Lark(
        (files("tailsampler.decide.ottl") / "grammar.lark").read_text(encoding="utf-8"),
        parser="lalr",
        lexer="basic",  # so that and, or, not are reserved everywhere, and named in messages
        maybe_placeholders=False,
        propagate_positions=True,
    )


def is_tree(node: Node) -> TypeGuard[Tree[Token]]:
    """Whether it is more than a token."""
    return isinstance(node, Tree)


def place(node: Node) -> tuple[int, int]:
    """Line and column at which it begins, from 1."""
    if isinstance(node, Token):
        return node.line or 1, node.column or 1
    return (1, 1) if node.meta.empty else (node.meta.line, node.meta.column)


def source(node: Node, text: str) -> str:
    """Its text as written, shortened for a message."""
    if isinstance(node, Token):
        return shown(str(node))
    if node.meta.empty:
        return ""
    return shown(text[node.meta.start_pos : node.meta.end_pos])


def shown(text: str) -> str:
    """At most 48 characters of it, on one line."""
    flat = " ".join(text.split())
    return flat if len(flat) <= 48 else f"{flat[:45]}..."


def tree_of(text: str) -> Node:
    """What the text is made of; ``OttlError`` if it is no condition at all."""
    if not text.strip():
        say = 'the condition is empty; write e.g. attributes["http.route"] == "/pay"'
        raise OttlError("ottl_syntax", say, text)
    if len(text.encode(errors="replace")) > MAX_BYTES:
        say = f"the condition is longer than {MAX_BYTES:,} bytes; write several shorter ones"
        raise OttlError("ottl_too_large", say, text)
    if (odd := next((at for at, each in enumerate(text) if "\ud800" <= each <= "\udfff"), -1)) >= 0:
        line = text.count("\n", 0, odd) + 1
        column = odd - text.rfind("\n", 0, odd)
        say = "half of a character stands here; write the whole one, or leave it out"
        raise OttlError("ottl_syntax", say, text, line, column)
    try:
        tree = _parser().parse(text)
    except UnexpectedInput as error:
        raise _explained(error, text) from None
    _check_depth(tree, text)
    return tree.children[0]


def _check_depth(tree: Tree[Token], text: str) -> None:
    waiting: list[tuple[Node, int]] = [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        if depth > DEEPEST:
            line, column = place(node)
            say = f"the condition nests over {DEEPEST} levels deep; leave out parentheses"
            raise OttlError("ottl_too_large", say, text, line, column)
        if is_tree(node):
            waiting += [(child, depth + 1) for child in node.children]


def _explained(error: UnexpectedInput, text: str) -> OttlError:
    lines = text.split("\n")
    if (isinstance(error, UnexpectedToken) and error.token.type == "$END") or error.line < 1:
        say = "the condition ends too early; close what is open, or finish the comparison"
        return OttlError("ottl_syntax", say, text, len(lines), len(lines[-1]) + 1)
    at = sum(len(line) + 1 for line in lines[: error.line - 1]) + error.column - 1
    found = str(error.token) if isinstance(error, UnexpectedToken) else text[at : at + 1]
    say = _advice(found, text, at)
    return OttlError("ottl_syntax", say, text, error.line, error.column)


def _advice(found: str, text: str, at: int) -> str:
    before, after = text[:at].rstrip(), text[at:]
    said = _about_words(found, before) or _about_operators(found, before, after)
    return said or (
        f"{shown(found)} is not expected here; conditions are joined with and and or, "
        "and members of lists and arguments with a comma"
    )


def _about_words(found: str, before: str) -> str | None:
    last = _LAST_WORD.search(before)
    if found == "not" and last and last[0] == "not":
        return "not cannot stand twice; write the condition itself, or not (not ...)"
    if said := keyword_meant(found) or (last and keyword_meant(last[0])):
        return said
    if last and last[0] in {"and", "or", "not"}:
        return f"a condition is missing between {last[0]} and {shown(found)}"
    return None


def keyword_meant(word: str) -> str | None:
    """What to write if the word is a keyword as other languages spell it."""
    if word.lower() in _KEYWORDS and word not in _KEYWORDS:
        return f"write {word.lower()} in small letters"
    return "write nil for a missing value" if word.lower() in {"null", "none"} else None


def _about_operators(found: str, before: str, after: str) -> str | None:
    if found in _COMPARISONS:
        missing = f"a value is missing before {found}" if before.endswith(_OPENING) else None
        twice = f"{found} cannot follow here; compare two values at a time, and join with and"
        return missing or twice
    for wrong, right in _OTHERS.items():
        if after.startswith(wrong):
            return f"OTTL has no {wrong}; write {right}"
    if found[:1] in {"e", "E"} and before[-1:].isdigit():
        return "an exponent needs a point; write 1.0e5"
    if before.endswith(_COMPARISONS) and found not in _STARTS:
        return f"a value is missing before {shown(found)}"
    return _STARTS.get(found)
