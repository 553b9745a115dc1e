"""Values as text, the way ``IsMatch``, ``Concat`` and ``String`` write them."""

from __future__ import annotations

import base64
import json
from decimal import Decimal
from math import isfinite

from tests.contrib.model.ottl.values import (
    Duration,
    OttlError,
    SpanId,
    TraceId,
    Value,
    text_of,
)


def as_text(value: Value) -> str | None:
    """A value as text; nil stays nil.

    Raises:
        OttlError: for a whole object or a point in time, and for a double without a JSON form.
    """
    match value:
        case None | str():
            return value
        case bytes():
            return value.hex()
        case TraceId() | SpanId():
            return value.raw.hex()
        case Duration():
            return str(value.ns)
        case _:
            return _json(value)


def double_text(value: float) -> str:
    """A double as Go's JSON writes it: without a point if whole, with an exponent if extreme."""
    if not isfinite(value):
        raise OttlError(f"{value} has no JSON form")
    if value == 0:
        return "-0" if str(value).startswith("-") else "0"
    digits = Decimal(repr(value))
    if 1e-6 <= abs(value) < 1e21:
        plain = f"{digits:f}"
        return plain.rstrip("0").rstrip(".") if "." in plain else plain
    sign, figures, exponent = digits.normalize().as_tuple()
    head, *tail = map(str, figures)
    power = int(exponent) + len(tail)
    mantissa = "-" * sign + head + "." * bool(tail) + "".join(tail)
    return f"{mantissa}e{'-' if power < 0 else '+'}{abs(power):02d}".replace("e-0", "e-")


def _json(value: Value) -> str:  # noqa: PLR0911 - one for each kind
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return double_text(value)
        case str():
            return json.dumps(value, ensure_ascii=False)
        case bytes():
            return f'"{text_of(base64.b64encode(value))}"'
        case list():
            return f"[{','.join(map(_json, value))}]"
        case dict():
            pairs = (f"{_json(key)}:{_json(value[key])}" for key in sorted(value))
            return f"{{{','.join(pairs)}}}"
        case _:
            raise OttlError(f"{type(value).__name__} has no text form")
