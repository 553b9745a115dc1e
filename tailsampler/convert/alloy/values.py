"""Expressions of Alloy whose value can be known from the file: literals, and the environment."""

from __future__ import annotations

import re
from typing import Any, Final

from lark import Token

from tailsampler.convert.alloy.syntax import Node, is_tree, shown, spot, unquoted
from tailsampler.convert.references import Environment
from tailsampler.errors import Place

_ENV: Final = ("sys.env", "env")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class UnknownError(Exception):
    """A value that is known only to a running Alloy."""

    def __init__(self, what: str, at: Place) -> None:
        """``what``: the expression, shortened."""
        super().__init__(what)
        self.what = what
        self.at = at


class Values:
    """Reads expressions of one file."""

    def __init__(self, text: str, file: str, environment: Environment) -> None:
        """``text``: the file, of which expressions are shown."""
        self._text = text
        self._file = file
        self._environment = environment

    def of(self, node: Node) -> Any:
        """Plain data; raises ``UnknownError`` for what is no literal."""
        if not is_tree(node):
            return self._token(node)
        children = node.children
        if node.data in {"text", "raw", "number", "yes", "no", "null"}:
            return self._token(children[0])
        if node.data == "array":
            return [self.of(child) for child in children]
        if node.data == "object":
            return {
                self._key(field): self.of(field.children[1]) for field in children if is_tree(field)
            }
        if node.data == "signed" and str(children[0]) == "-":
            value = self.of(children[1])
            if isinstance(value, int | float) and not isinstance(value, bool):
                return -value
        if node.data == "call" and self._source(children[0]) in _ENV and len(children) == 2:
            return self._variable(node, self.of(children[1]))
        raise UnknownError(shown(self._source(node)), spot(node, self._file))

    def source(self, node: Node) -> str:
        """The expression as it is written, without blanks."""
        return "".join(self._source(node).split())

    def _source(self, node: Node) -> str:
        if isinstance(node, Token):
            return str(node)
        return "" if node.meta.empty else self._text[node.meta.start_pos : node.meta.end_pos]

    def _key(self, field: Node) -> str:
        token = field.children[0] if is_tree(field) else field
        return str(self._token(token)) if isinstance(token, Token) else ""

    def _token(self, token: Node) -> Any:
        if not isinstance(token, Token):
            raise UnknownError(shown(self._source(token)), spot(token, self._file))
        text = str(token)
        if token.type == "STRING":
            return unquoted(token, self._file)
        if token.type == "RAW":
            return text[1:-1]
        if token.type == "INT":
            return int(text) if len(text) < 20 else float(text)
        if token.type == "FLOAT":
            return float(text)
        return {"true": True, "false": False, "null": None}.get(text, text)

    def _variable(self, node: Node, name: object) -> Any:
        if not isinstance(name, str) or not _VARIABLE.fullmatch(name):
            raise UnknownError(shown(self._source(node)), spot(node, self._file))
        return self._environment.expand(f"${{env:{name}}}")
