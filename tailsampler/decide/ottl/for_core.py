"""A condition with its patterns in the core's syntax."""

from __future__ import annotations

from typing import Any

from tailsampler.decide.ottl.expression import Condition
from tailsampler.decide.regex import for_the_core


def for_core(condition: Condition, *, lenient_int: bool = True) -> Condition:
    """The same condition; what ``IsMatch`` looks for is Go's before, and the core's after.

    ``lenient_int``: ``Int`` of a text that is no number is nil, and not an error.
    """
    translated = _translated(condition.model_dump(mode="json"), lenient_int=lenient_int)
    return Condition.model_validate(translated)


def _translated(node: Any, *, lenient_int: bool) -> Any:
    if isinstance(node, list):
        return [_translated(one, lenient_int=lenient_int) for one in node]
    if not isinstance(node, dict):
        return node
    translated = {key: _translated(value, lenient_int=lenient_int) for key, value in node.items()}
    match node:
        case {"kind": "call", "function": "IsMatch"}:
            value, pattern = translated["arguments"]
            found = for_the_core(pattern["value"])
            translated["arguments"] = [value, {**pattern, "value": found}]
        case {"kind": "call", "function": "Int"} if not lenient_int:
            translated["function"] = "StrictInt"
    return translated
