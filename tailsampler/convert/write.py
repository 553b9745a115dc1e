"""YAML with a comment above each policy."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedSeq
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from tailsampler.convert.notes import Piece

_WIDTH: Final = 100
_ENDLESS: Final = 1 << 20
"""Conditions and expressions stay on their lines, as people read them."""


def render(
    head: Sequence[str],
    before: Mapping[str, Any],
    chain: tuple[str, Mapping[str, Any], Sequence[Piece]],
    after: Mapping[str, Any],
) -> str:
    """A whole file. ``chain``: the key of the sampler's section, its options, its policies."""
    key, options, policies = chain
    lines = [line for sentence in head for line in comment(sentence, "")]
    lines += _section(before)
    lines += ["", f"{key}:", *(_block(options, "  ") if options else ())]
    lines.append("  policies:" if policies else "  policies: []")
    for policy in policies:
        lines += [line for words in policy.remarks for line in comment(words, "    ")]
        # Ours are short, and what they ask for is read best side by side.
        lines += _item(policy.data, flow="type" not in policy.data)
    lines += _section(after)
    return "\n".join(lines) + "\n"


def _section(data: Mapping[str, Any]) -> Iterator[str]:
    if data:
        yield ""
        yield from _block(data, "")


def comment(text: str, indent: str) -> Iterator[str]:
    """Lines of a comment; what came from a file cannot end it."""
    plain = "".join(each if each.isprintable() else " " for each in text)
    lead = f"{indent}# "
    yield from textwrap.wrap(
        plain, _WIDTH, initial_indent=lead, subsequent_indent=lead, break_on_hyphens=False
    )


def _item(data: Mapping[str, Any], *, flow: bool) -> Iterator[str]:
    for number, line in enumerate(_dumped(data, flow=flow)):
        yield f"    {'  ' if number else '- '}{line}"


def _block(data: Mapping[str, Any], indent: str) -> Iterator[str]:
    for line in _dumped(data, flow=False):
        yield f"{indent}{line}"


def _dumped(data: Mapping[str, Any], *, flow: bool) -> list[str]:
    yaml = YAML()
    yaml.width = _WIDTH - 12 if flow else _ENDLESS
    yaml.default_flow_style = flow
    yaml.indent(mapping=2, sequence=4, offset=2)
    out = io.StringIO()
    yaml.dump(_safe(data), out)
    return out.getvalue().removesuffix("\n").split("\n")


def _safe(value: Any) -> Any:
    """Short lists on one line, and texts with unusual characters in double quotes."""
    if isinstance(value, Mapping):
        return {_safe(key): _safe(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        listed = CommentedSeq(_safe(one) for one in value)
        if not any(isinstance(one, Mapping | list | tuple) for one in value):
            listed.fa.set_flow_style()
        return listed
    plain = not isinstance(value, str) or value.isprintable()
    return value if plain else DoubleQuotedScalarString(value)
