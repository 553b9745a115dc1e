"""Grafana Alloy's ``otelcol.processor.tail_sampling``.

Layout: ``syntax`` (with ``grammar.lark``: the file as blocks), ``values`` (what is known from the
file alone), ``sampler`` (its block, spelled as contrib's), ``around`` (components before and behind
it), ``read``. The grammar is read only where a file of Alloy comes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tailsampler.convert.references import Environment
    from tailsampler.convert.source import Source

_HEAD: Final = re.compile(
    r'^[ \t]*otelcol\.processor\.tail_sampling[ \t]*(?:"\w*"\s*)?\{', re.MULTILINE
)


def is_alloy(text: str) -> bool:
    """Whether a block of Alloy's sampler stands in it."""
    return _HEAD.search(text) is not None


def from_alloy(
    text: str, file: str, environment: Environment, name: str | None, compat: int | None
) -> Source:
    """Read the sampler with the label ``name``, or the only one.

    Raises:
        SettingsError: it is not Alloy's syntax, there is no sampler in it, or Alloy would not
            start with it.
    """
    from tailsampler.convert.alloy.read import read  # noqa: PLC0415 - few files are Alloy's

    return read(text, file, environment, name, compat)
