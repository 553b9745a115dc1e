"""``${env:...}`` and ``${file:...}`` while a configuration is converted.

They are written out as they stood, so what is behind them matters only where it must be known. A
variable need not be set on the machine that converts, and no file of secrets is opened: something
stands in for them, and they are named in the end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from tailsampler.settings.base import Loc
from tailsampler.settings.expand import Expanded, expand

STAND_IN: Final = "localhost:4317"
"""Reads as text, as a path and as an address, which is all that must be read without a value."""

# Without a default: those with one have a value everywhere.
_BARE: Final = re.compile(r"\$\$|\$\{(?:env:)?([A-Za-z_][A-Za-z0-9_]*)\}")


class Environment:
    """Variables that are set, and something for all the others."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """``environ``: those that are set."""
        self.known = dict(environ)
        """What ``${env:...}`` sees."""
        self.unset: dict[str, None] = {}
        """References that were met and have no value here."""

    def expand(self, text: str) -> str | Expanded:
        """Replace references; raises ``ExpandError`` for those that are none."""
        for match in _BARE.finditer(text):
            if match[1] is not None and match[1] not in self.known:
                self.unset[f"${{env:{match[1]}}}"] = None
                self.known[match[1]] = STAND_IN
        return expand(text, self.known, self.read)

    def read(self, path: str) -> str:
        """For ``${file:...}``: what stands in for every file."""
        self.unset[f"${{file:{path}}}"] = None
        return STAND_IN

    def without_value(self, value: object) -> str | None:
        """A reference in this value that has none here."""
        source = value.source.replace("${env:", "${") if isinstance(value, Expanded) else ""
        return next((each for each in self.unset if each.replace("${env:", "${") in source), None)


def written(value: Any) -> Any:
    """Plain data as it stands in a file: references as they were, and dollar signs doubled."""
    if isinstance(value, Expanded):
        return value.source
    if isinstance(value, str):
        return escaped(value)
    if isinstance(value, Mapping):
        return {str(key): written(one) for key, one in value.items()}
    return [written(one) for one in value] if isinstance(value, list | tuple) else value


def escaped(text: str) -> str:
    """Text that is read back as it is, whatever dollar signs are in it."""
    return text.replace("$", "$$") if "$$" in text or "${" in text else text


def taken_apart(value: Any, environment: Environment) -> bool:
    """Whether a reference in it stands for more than what is needed of it."""
    if isinstance(value, Expanded):
        return str(environment.expand(value.source)) != str(value)
    if isinstance(value, Mapping):
        return any(taken_apart(one, environment) for one in value.values())
    return isinstance(value, list | tuple) and any(taken_apart(one, environment) for one in value)


def halves(value: Any, loc: Loc = ()) -> Iterator[Loc]:
    """Where a text holds half of a character, which can be escaped and never be written."""
    if isinstance(value, str) and any("\ud800" <= each <= "\udfff" for each in value):
        yield loc
    items: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, Mapping):
        items = value.items()
    elif isinstance(value, list | tuple):
        items = enumerate(value)
    for key, one in items:
        yield from halves(one, (*loc, key))
