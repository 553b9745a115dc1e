"""An instant out of a text and a format, for the literal arguments of ``Time``.

The directives of contrib that stand for digits and English names; a time without a zone is in UTC
(contrib takes the zone of the machine). A format must have a year: without one, contrib asks the
clock.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

_MONTHS: Final = (
    *("january", "february", "march", "april", "may", "june", "july", "august", "september"),
    *("october", "november", "december"),
)
_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _names(names: tuple[str, ...], length: int | None = None) -> str:
    return "|".join(name[:length] for name in names)


_SHORTCUTS: Final = {
    "%F": "%Y-%m-%d",
    "%T": "%H:%M:%S",
    "%X": "%H:%M:%S",
    "%R": "%H:%M",
    "%D": "%m/%d/%Y",
    "%x": "%m/%d/%Y",
}
_DIRECTIVES: Final = {
    "%Y": r"(?P<year>[0-9]{4})",
    "%m": r"(?P<month>[0-9]{2})",
    "%q": r"(?P<month>[0-9]{1,2})",
    "%b": rf"(?P<short>{_names(_MONTHS, 3)})",
    "%h": rf"(?P<short>{_names(_MONTHS, 3)})",
    "%B": rf"(?P<long>{_names(_MONTHS)})",
    "%d": r"(?P<day>[0-9]{2})",
    "%e": r" ?(?P<day>[0-9]{1,2})",
    "%g": r"(?P<day>[0-9]{1,2})",
    "%a": rf"(?:{_names(_DAYS, 3)})",
    "%A": rf"(?:{_names(_DAYS)})",
    "%H": r"(?P<hour>[0-9]{1,2})",
    "%M": r"(?P<minute>[0-9]{2})",
    # Go reads a fraction behind the seconds whether the format has one or not.
    "%S": r"(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,9}))?",
    "%z": r"(?P<zone>Z|[+-][0-9]{4})",
    "%j": r"(?P<zone>[+-][0-9]{2}:[0-9]{2})",
    "%i": r"(?P<zone>[+-][0-9]{2})",
    "%n": r"\n",
    "%t": r"\t",
    "%%": "%",
}
_PIECE: Final = re.compile(r"[.,]%[Lfs]|%.|[^%.,]+|.", re.DOTALL)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def instant(text: str, layout: str) -> int:
    """Nanoseconds since 1970; ``ValueError`` if text or format cannot be read."""
    for short, full in _SHORTCUTS.items():
        layout = layout.replace(short, full)
    pattern = "".join(map(_pattern, _PIECE.findall(layout)))
    if "%Y" not in layout:
        raise ValueError(f'the format "{layout}" has no year; write %Y')
    try:
        match = re.fullmatch(pattern, text, re.IGNORECASE)
    except re.error:
        raise ValueError(f'the format "{layout}" has a part of the time twice') from None
    if match is None:
        raise ValueError(f'"{text}" is no time of the format "{layout}"')
    return _instant(match.groupdict(), text)


def _pattern(piece: str) -> str:
    if piece[:1] in {".", ","} and piece[1:] in {"%L", "%f", "%s"}:
        return ""  # the fraction is read with the seconds
    if not piece.startswith("%"):
        return re.escape(piece)
    if piece not in _DIRECTIVES:
        raise ValueError(f"the directive {piece} is not supported; write numbers, as %Y-%m-%d")
    return _DIRECTIVES[piece]


def _instant(parts: dict[str, str | None], text: str) -> int:
    month = int(parts.get("month") or 1)
    if name := parts.get("long") or parts.get("short"):
        month = next(at for at, each in enumerate(_MONTHS, 1) if each.startswith(name.lower()))
    try:
        moment = datetime(
            int(parts["year"] or 0),
            month,
            int(parts.get("day") or 1),
            int(parts.get("hour") or 0),
            int(parts.get("minute") or 0),
            int(parts.get("second") or 0),
            tzinfo=timezone(_offset(parts.get("zone"))),
        )
    except ValueError:
        raise ValueError(f'there is no such time as "{text}"') from None
    whole = (moment - _EPOCH) // timedelta(seconds=1)
    return whole * 1_000_000_000 + int((parts.get("fraction") or "0").ljust(9, "0"))


def _offset(zone: str | None) -> timedelta:
    if zone is None or zone in {"Z", "z"}:
        return timedelta(0)
    digits = zone[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -offset if zone[0] == "-" else offset
