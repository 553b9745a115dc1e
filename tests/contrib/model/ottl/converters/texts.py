"""Converters of text. Positions and lengths count bytes."""

from __future__ import annotations

from collections.abc import Mapping

from tests.contrib.model.ottl.converters.arguments import (
    Argument,
    Converter,
    simple,
    text,
    texts,
    whole,
)
from tests.contrib.model.ottl.paths import Context
from tests.contrib.model.ottl.text import as_text
from tests.contrib.model.ottl.values import OttlError, StringList, Value, raw_text, text_of
from tests.contrib.model.regex import BadRegexError, Regex, compiled


def matches(_: Context, target: str | None, pattern: str) -> bool:
    """Whether the pattern occurs in the text; nil matches nothing, not even an empty pattern."""
    regex = check_pattern(None, pattern)
    return target is not None and regex is not None and regex.matches(target)


def check_pattern(_: Value, pattern: str | None) -> Regex | None:
    """The compiled pattern, or None if it is not known before there is traffic."""
    try:
        return None if pattern is None else compiled(pattern)
    except BadRegexError as error:
        raise OttlError(str(error)) from error


def substring(target: str, start: int, length: int) -> str:
    """``length`` bytes from ``start``; all of them must exist."""
    raw = raw_text(target)
    if start < 0 or length <= 0 or start + length > len(raw):
        raise OttlError(f"invalid range for substring: {start}, {length}")
    return text_of(raw[start : start + length])


def split(target: str, delimiter: str) -> StringList:
    """The parts of a text; an empty delimiter takes it apart by characters."""
    return StringList(target.split(delimiter) if delimiter else list(target))


def trim(target: str, characters: str) -> str:
    """The text without these characters at both ends."""
    return target.strip(characters) if characters else target


def each(target: str, case: str) -> str:
    """Another case for every character by itself; one that would become several stays."""
    changed = ((char, getattr(char, case)()) for char in target)
    return "".join(new if len(new) == 1 else _SINGLE.get(char, char) for char, new in changed)


_SINGLE = {"\u0130": "i"}  # dotted capital I
_TARGET = Argument("target", text)

CONVERTERS: Mapping[str, Converter] = {
    "Concat": simple(
        lambda values, delimiter: delimiter.join(values),
        Argument("values", texts),
        Argument("delimiter", text),
    ),
    "HasPrefix": simple(str.startswith, _TARGET, Argument("prefix", text)),
    "HasSuffix": simple(str.endswith, _TARGET, Argument("suffix", text)),
    "IsMatch": Converter(
        (Argument("target", as_text), Argument("pattern", text)), matches, check_pattern
    ),
    "Split": simple(split, _TARGET, Argument("delimiter", text)),
    "Substring": simple(substring, _TARGET, Argument("start", whole), Argument("length", whole)),
    "ToLowerCase": simple(lambda target: each(target, "lower"), _TARGET),
    "ToUpperCase": simple(lambda target: each(target, "upper"), _TARGET),
    "Trim": simple(trim, _TARGET, Argument("replacement", text, optional=True, default=" ")),
    "TrimPrefix": simple(str.removeprefix, _TARGET, Argument("prefix", text)),
    "TrimSuffix": simple(str.removesuffix, _TARGET, Argument("suffix", text)),
}
