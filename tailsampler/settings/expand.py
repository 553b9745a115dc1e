"""``${env:VAR}``, ``${env:VAR:-default}``, ``${file:path}`` and ``$$``, as in the Collector.

Unlike there, a variable that is not set and has no default is an error: an empty value in its
place would be found much later, or never.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

_REFERENCE = re.compile(r"\$\$|\$\{([^{}]*)\}|\$\{")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Expanded(str):
    """Text that came from outside the file. ``source`` is what stood in the file."""

    __slots__ = ("source",)
    source: str

    @classmethod
    def of(cls, text: str, source: str) -> Self:
        """``text`` for ``source``."""
        value = cls(text)
        value.source = source
        return value


class ExpandError(ValueError):
    """A reference cannot be replaced. ``code``: a slug; the text says what to write instead."""

    def __init__(self, code: str, say: str) -> None:
        """As in ``tailsampler.errors``."""
        super().__init__(say)
        self.code = code


def read_file(path: str) -> str:
    """The content of a file without its last line end.

    Raises:
        OSError, UnicodeDecodeError: it cannot be read as UTF-8 text.
    """
    return Path(path).read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")


def expand(
    text: str, environ: Mapping[str, str], read: Callable[[str], str] = read_file
) -> str | Expanded:
    """Replace every reference in ``text``; text without any comes back as it is.

    Raises:
        ExpandError: for the first reference that cannot be replaced.
    """
    outside = False

    def replace(match: re.Match[str]) -> str:
        nonlocal outside
        if match[0] == "$$":
            return "$"
        if match[1] is None:
            raise ExpandError(
                "reference_not_closed",
                "${ has no closing brace; write ${env:NAME}, or $${ for the two characters",
            )
        outside = True
        return _lookup(match[1], environ, read)

    result = _REFERENCE.sub(replace, text)
    return Expanded.of(result, text) if outside else result


def _lookup(reference: str, environ: Mapping[str, str], read: Callable[[str], str]) -> str:
    scheme, colon, rest = reference.partition(":")
    if scheme == "file" and colon:
        try:
            return read(rest)
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise ExpandError(
                "file_unreadable",
                f"${{file:{rest}}} cannot be read ({why}); name a text file this user may read",
            ) from error
    if scheme == "env" and colon:
        name, has_default, default = rest.partition(":-")
    elif not colon or rest.startswith("-"):
        name, has_default, default = reference.partition(":-")
    else:
        raise ExpandError(
            "unknown_reference",
            f"${{{scheme}:...}} is not known; write ${{env:NAME}} or ${{file:path}}, "
            "or $$ for a dollar sign",
        )
    if not _NAME.fullmatch(name):
        raise ExpandError(
            "bad_variable_name",
            f"{name!r} is not a name of an environment variable; write letters, digits and _",
        )
    if name in environ:
        return environ[name]
    if has_default:
        return default
    raise ExpandError(
        "variable_not_set",
        f"the environment variable {name} is not set; set it, or write ${{env:{name}:-default}}",
    )
