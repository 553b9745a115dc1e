"""Numbers and foreign strings, short enough for a column."""

from collections.abc import Sequence
from typing import Final

_BARS: Final = "\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588"
_LONGEST: Final = 200


def sparkline(values: Sequence[float], width: int) -> str:
    """The newest ``width`` values as bars, the highest one full; no bar for nothing."""
    shown = list(values)[-width:] if width > 0 else []
    most = max(shown, default=0.0)
    if most <= 0:
        return ""
    steps = len(_BARS) - 1
    return "".join(" " if value <= 0 else _BARS[round(value / most * steps)] for value in shown)


def per_second(value: float | None) -> str:
    """``12.3/s``; a dash while there is no rate yet."""
    if value is None:
        return "-"
    return f"{value:,.0f}/s" if value >= 100 or value == 0 else f"{value:,.1f}/s"


def age(value_s: float) -> str:
    """``4.2 s``, ``3 m 20 s``, ``2 h 5 m``, ``3 d 4 h``."""
    whole = int(value_s)
    if whole < 60:
        return f"{value_s:.1f} s"
    for unit, size, next_unit, next_size in (("m", 60, "s", 1), ("h", 3600, "m", 60)):
        if whole < size * (60 if unit == "m" else 24):
            return f"{whole // size} {unit} {whole % size // next_size} {next_unit}"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def plain(text: str) -> str:
    """A string of a backend's or an operator's, without what could steer a terminal."""
    shown = "".join(char if char.isprintable() else " " for char in text[:_LONGEST])
    return shown + ("..." if len(text) > _LONGEST else "")
