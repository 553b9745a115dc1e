"""Numbers as a person reads them."""

from __future__ import annotations

from typing import Final

_UNITS: Final = ("B", "kB", "MB", "GB", "TB", "PB")


def bytes_text(value: float) -> str:
    """In the largest decimal unit that leaves a number of 1 or more: ``27 MB``, ``1.6 GB``."""
    at = 0
    while value >= 999.5 and at < len(_UNITS) - 1:
        value, at = value / 1000, at + 1
    return f"{_short(value)} {_UNITS[at]}"


def count_text(value: float) -> str:
    """To three digits: ``200,000``, ``1,080,000``, ``0.5``."""
    return f"{float(f'{value:.3g}'):,.0f}" if value >= 100 else f"{value:.3g}"


def cores_text(value: float) -> str:
    """Two digits, where they are more than nothing."""
    return "under 0.01" if 0 < value < 0.01 else f"{value:.2f}"


def seconds_text(value: float) -> str:
    """``0.39 s``, ``2.1 s``, ``10 s``."""
    return f"{_short(value)} s"


def percent_text(share: float) -> str:
    """``50 %``, ``0.1 %``."""
    return f"{share * 100:.3g} %"


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 9.95 or value == int(value) else f"{value:.2g}"
