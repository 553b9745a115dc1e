"""Numbers and foreign text as pages show them."""

from datetime import UTC, datetime
from typing import Final

from markupsafe import Markup

_SI: Final = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_IEC: Final = ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


def short(text: object, most: int = 120) -> str:
    """At most ``most`` characters; what is cut off is replaced by an ellipsis."""
    whole = str(text)
    return whole if len(whole) <= most else f"{whole[: most - 1]}\u2026"


def bdi(text: object, most: int = 120) -> Markup:
    """Text from outside: escaped, bounded, and unable to turn around what stands beside it."""
    return Markup("<bdi>{}</bdi>").format(short(text, most))


def number(value: float) -> str:
    """``1,204``."""
    return f"{value:,.0f}"


def compact(value: float) -> str:
    """``1.2 M``: three digits or so, for where there is little room."""
    for bound, letter in _SI:
        if abs(value) >= bound * 0.9995:
            return f"{value / bound:.3g} {letter}"
    return f"{value:.3g}"


def rate(per_s: float) -> str:
    """``0``, ``0.25``, ``3.4``, ``1,204``: something a second, the unit left to the reader."""
    if per_s >= 100 or per_s == 0:
        return f"{per_s:,.0f}"
    return f"{per_s:.1f}" if per_s >= 1 else f"{per_s:.2g}"


def size(octets: float) -> str:
    """``12.5 MiB``."""
    for bound, unit in _IEC:
        if abs(octets) >= bound:
            return f"{octets / bound:,.1f} {unit}"
    return f"{octets:,.0f} B"


def percent(share: float) -> str:
    """``3.2 %``; shares that are small but not zero do not read as zero."""
    value = share * 100
    if 0 < value < 0.01:
        return "< 0.01 %"
    if 99.9 < value < 100:
        return "> 99.9 %"
    return f"{value:.3g} %"


def lasting(seconds: float) -> str:
    """``850 us``, ``12.3 ms``, ``1.25 s``, ``4 min 3 s``, ``2 h 5 min``, ``3 d 1 h``."""
    if seconds <= 0:
        return "0 s"
    if seconds < 1e-3:
        return f"{seconds * 1e6:.3g} \u00b5s"
    if seconds < 0.9995:
        return f"{seconds * 1e3:.3g} ms"
    if seconds < 60:
        return f"{seconds:.3g} s"
    for unit, name, part, part_name in (
        (86_400, "d", 3_600, "h"),
        (3_600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if seconds >= unit:
            whole, rest = divmod(int(seconds), unit)
            return f"{whole} {name} {rest // part} {part_name}"
    raise AssertionError(seconds)


def duration_ns(nanoseconds: float) -> str:
    """As ``lasting``, from nanoseconds."""
    return lasting(nanoseconds / 1e9)


def moment(wall_ns: int) -> str:
    """``2026-11-23 21:30:05 UTC``."""
    return f"{datetime.fromtimestamp(wall_ns / 1e9, tz=UTC):%Y-%m-%d %H:%M:%S} UTC"


FILTERS: Final = {
    each.__name__: each
    for each in (short, bdi, number, compact, rate, size, percent, lasting, duration_ns, moment)
}
