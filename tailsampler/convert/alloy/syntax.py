"""Alloy's syntax, read into blocks and attributes; expressions stay trees until they are wanted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final, TypeAlias, TypeGuard

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedInput, UnexpectedToken

from tailsampler.errors import Place, Problem, SettingsError

Node: TypeAlias = Tree[Token] | Token
DEEPEST: Final = 64
"""Levels of nesting; whoever reads the tree recurses."""

_ESCAPE: Final = re.compile(
    r"\\(?:([abfnrtv\\\"])|([0-7]{3})|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.?))",
    re.DOTALL,
)
_SIMPLE: Final = {
    "a": b"\a", "b": b"\b", "f": b"\f", "n": b"\n", "r": b"\r", "t": b"\t", "v": b"\v",
    "\\": b"\\", '"': b'"',
}  # fmt: skip
_SURROGATES: Final = range(0xD800, 0xE000)
_MOST: Final = 0x10FFFF
_SHOWN: Final = 48


@dataclass(frozen=True, slots=True)
class Attribute:
    """``name = value``."""

    name: str
    value: Node
    at: Place


@dataclass(frozen=True, slots=True)
class Block:
    """``name "label" { ... }``; the name may have dots."""

    name: str
    label: str
    attributes: tuple[Attribute, ...]
    blocks: tuple[Block, ...]
    at: Place

    def named(self, name: str) -> Iterator[Block]:
        """Blocks in it with this name."""
        return (block for block in self.blocks if block.name == name)

    def value(self, name: str) -> Attribute | None:
        """The attribute with this name."""
        return next((one for one in self.attributes if one.name == name), None)


@cache
def _parser() -> Lark:
    """Made when the first file of Alloy comes."""
    return Lark(
        (files("tailsampler.convert.alloy") / "grammar.lark").read_text(encoding="utf-8"),
        parser="lalr",
        lexer="basic",
        maybe_placeholders=False,
        propagate_positions=True,
    )


def is_tree(node: object) -> TypeGuard[Tree[Token]]:
    """Whether it is more than a token."""
    return isinstance(node, Tree)


def parse(text: str, file: str) -> Block:
    """The whole file as one block without a name.

    Raises:
        SettingsError: it is not Alloy's syntax, with the place.
    """
    try:
        tree = _parser().parse(text)
    except UnexpectedInput as error:
        raise _explained(error, text, file) from None
    _check_depth(tree, file)
    return _Reader(file).block("", "", tree.children[0], Place(file, 1, 1))


def _check_depth(tree: Tree[Token], file: str) -> None:
    waiting: list[tuple[Node, int]] = [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        if depth > DEEPEST:
            say = f"the file nests over {DEEPEST} levels deep; name the configuration alone"
            raise SettingsError([Problem("too_deep", spot(node, file), say)])
        if is_tree(node):
            waiting += [(child, depth + 1) for child in node.children]


def _explained(error: UnexpectedInput, text: str, file: str) -> SettingsError:
    if (isinstance(error, UnexpectedToken) and error.token.type == "$END") or error.line < 1:
        line = text.count("\n") + 1
        say = "the file ends too early; close what is open: a brace, a bracket, a text"
        return SettingsError([Problem("not_alloy", Place(file, line, 1), say)])
    lines = text.split("\n")
    found = str(error.token) if isinstance(error, UnexpectedToken) else ""
    rest = lines[error.line - 1][error.column - 1 :] if error.line <= len(lines) else ""
    say = f"{shown(found or rest[:1])} is not expected here; write name = value, or name {{ ... }}"
    if rest.startswith("'"):
        say = 'a text stands in double quotes; write "..."'
    elif rest.startswith(('"', "`")):
        say = "a text is not closed; end it with the quote that it begins with"
    elif rest.startswith("/*"):
        say = "a comment is not closed; end it with */"
    return SettingsError([Problem("not_alloy", Place(file, error.line, error.column), say)])


def spot(node: Node, file: str) -> Place:
    """Where it begins."""
    if isinstance(node, Token):
        return Place(file, node.line, node.column)
    return Place(file) if node.meta.empty else Place(file, node.meta.line, node.meta.column)


def shown(text: str) -> str:
    """A short form of it, on one line."""
    flat = " ".join(text.split())
    return flat if len(flat) <= _SHOWN else f"{flat[: _SHOWN - 3]}..."


class _Reader:
    def __init__(self, file: str) -> None:
        self._file = file

    def block(self, name: str, label: str, body: Node, at: Place) -> Block:
        attributes, blocks = [], []
        seen: set[str] = set()
        for child in body.children if is_tree(body) else ():
            if not is_tree(child):
                continue
            here = spot(child, self._file)
            if child.data == "attribute":
                key, value = str(child.children[0]), child.children[1]
                if key in seen:
                    say = f"{key} stands here a second time; keep one of them"
                    raise SettingsError([Problem("duplicate_key", here, say)])
                seen.add(key)
                attributes.append(Attribute(key, value, here))
                continue
            *words, inner = child.children
            names = [str(word) for word in words if isinstance(word, Token) and word.type == "NAME"]
            labels = [word for word in words if isinstance(word, Token) and word.type == "STRING"]
            label_here = unquoted(labels[0], self._file) if labels else ""
            blocks.append(self.block(".".join(names), label_here, inner, here))
        return Block(name, label, tuple(attributes), tuple(blocks), at)


def unquoted(token: Token, file: str) -> str:
    """What stands between double quotes, with Go's escapes read.

    Raises:
        SettingsError: an escape is none, or bytes that it writes are not UTF-8.
    """
    at = spot(token, file)
    text = str(token)[1:-1]
    if "\\" not in text:
        return text
    parts, end = [], 0
    for found in _ESCAPE.finditer(text):
        parts += [text[end : found.start()].encode(errors="surrogatepass"), _escaped(found, at)]
        end = found.end()
    try:
        return b"".join([*parts, text[end:].encode(errors="surrogatepass")]).decode()
    except UnicodeDecodeError:
        say = "the bytes that its escapes write are not UTF-8; write the characters"
        raise SettingsError([Problem("bad_escape", at, say)]) from None


def _escaped(found: re.Match[str], at: Place) -> bytes:
    simple, octal, byte, short, long, other = found.groups()
    if simple:
        return _SIMPLE[simple]
    number = int(octal, 8) if octal else int(byte or short or long or "0", 16)
    if (octal and number < 256) or byte:
        return bytes([number])
    if other is not None or octal or number > _MOST or number in _SURROGATES:
        say = f"{shown(found[0])} is no escape; write \\\\ for a backslash, or use ` for the quotes"
        raise SettingsError([Problem("bad_escape", at, say)])
    return chr(number).encode()
