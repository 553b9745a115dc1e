"""What one condition of a rule asks for, as criteria of a native policy.

Refinery sees a span as a flat event in which attributes of the resource stand among its own, with
``error``, ``status_code`` and ``duration_ms`` beside them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from operator import eq, ge, gt, le, lt, ne
from typing import Final

from tailsampler.convert.conditions import GRPC, LEAST_CODE, MOST_CODE, OF_SPANS, OTHER_KEY, OUTSIDE
from tailsampler.convert.match import EVERYTHING, LONGEST_MS, Match
from tailsampler.convert.refinery import Condition
from tailsampler.decide.policies.errors import HTTP_STATUS_KEYS
from tailsampler.decide.policies.service import SERVICE_KEYS
from tailsampler.settings.values import shown

_ROOT: Final = "root."
_ERROR: Final = 2
_COMPARE: Final[dict[str, Callable[[float, float], bool]]] = {
    "=": eq, "!=": ne, ">": gt, ">=": ge, "<": lt, "<=": le,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Held:
    """A condition that can be asked. ``loose``: matching traces are of another kind, too."""

    match: Match
    loose: bool = False


def held(condition: Condition, *, of_one_span: bool) -> Held | str:
    """Its criteria, or what it asks for that no native policy can."""
    if condition.operator == "has-root-span":
        return _root_span(condition, of_one_span=of_one_span)
    fields = tuple(field.removeprefix(_ROOT) for field in condition.fields)
    if fields == ("trace.parent_id",) and condition.operator == "not-exists":
        if of_one_span:
            return "asks for the root span itself"
        return Held(EVERYTHING.but("traces without a root span"))
    plain = replace(condition, fields=fields)
    found = _of_any_span(plain)
    if fields == condition.fields or isinstance(found, str):
        return found
    return Held(found.match.but("traces in which a span that is no root has it"), loose=True)


def _of_any_span(condition: Condition) -> Held | str:
    names = set(condition.fields)
    ask = None
    if names <= set(SERVICE_KEYS):
        ask = _service
    elif names <= set(HTTP_STATUS_KEYS):
        ask = _http
    elif condition.fields in {("error",), ("status_code",)}:
        ask = _error
    elif condition.fields == ("duration_ms",):
        ask = _duration
    found = None if ask is None else ask(condition)
    if found is not None:
        return found
    what = " or ".join(shown(field) for field in condition.fields)
    return f"asks {what} {condition.operator} {shown(condition.value)}"


def _root_span(condition: Condition, *, of_one_span: bool) -> Held | str:
    if of_one_span:
        return "asks for has-root-span of one span, which never holds"
    if condition.value in {True, "true"}:
        return Held(EVERYTHING.but("traces without a root span"))
    return "asks for traces without a root span"


def _service(condition: Condition) -> Held | None:
    values = condition.value if isinstance(condition.value, list) else [condition.value]
    if condition.datatype not in {"", "string"} or not values:
        return None
    if condition.operator == "=" and isinstance(condition.value, list):
        return None
    names = [str(value) for value in values if isinstance(value, str) and value.strip()]
    if condition.operator not in {"=", "in"} or len(names) != len(values):
        return None
    texts = tuple(dict.fromkeys(value for value in values if isinstance(value, str)))
    return Held(Match(services=texts, narrower=(OF_SPANS,)))


def _http(condition: Condition) -> Held | None:
    listed = condition.value if isinstance(condition.value, list) else [condition.value]
    numbers = [_number(value) for value in listed]
    if condition.datatype == "bool" or None in numbers or not numbers:
        return None
    if condition.operator == "in":
        wanted = {number for number in numbers if number is not None}
        codes = tuple(code for code in range(LEAST_CODE, MOST_CODE + 1) if code in wanted)
    elif condition.operator in _COMPARE and not isinstance(condition.value, list):
        if condition.datatype == "string" and condition.operator != "=":
            return None
        compare, bound = _COMPARE[condition.operator], numbers[0]
        codes = tuple(
            code
            for code in range(LEAST_CODE, MOST_CODE + 1)
            if bound is not None and compare(code, bound)
        )
    else:
        return None
    if not codes:
        return None
    narrower = () if condition.operator in {"=", "in"} else (OUTSIDE,)
    wider = [] if set(condition.fields) == set(HTTP_STATUS_KEYS) else [OTHER_KEY]
    if not condition.datatype and condition.operator != "in":
        wider.append("traces with the status as text")
    return Held(Match(codes=codes, wider=tuple(wider), narrower=narrower))


def _number(value: object) -> float | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < 1e12 else None


def _error(condition: Condition) -> Held | None:
    of_status = condition.fields == ("status_code",)
    asks = condition.operator == "=" and (
        _number(condition.value) == _ERROR if of_status else condition.value in {True, "true"}
    )
    if not asks and (of_status or condition.operator != "exists"):
        return None
    own = () if of_status else ("traces with an attribute error and no span status ERROR",)
    return Held(Match(status=True, wider=(GRPC,), narrower=own))


def _duration(condition: Condition) -> Held | None:
    least = _number(condition.value)
    if condition.operator not in {">", ">="} or least is None or condition.datatype == "bool":
        return None
    if condition.datatype == "string":
        return None
    ms = min(max(0, math.floor(least)), LONGEST_MS)
    words = "traces that last that long without one span that does"
    return Held(Match(least_ms=ms).but(words), loose=True)
