"""A condition with its patterns in the core's syntax."""

from __future__ import annotations

from typing import Any

from tailsampler.decide.ottl.expression import Condition
from tailsampler.decide.regex import for_the_core


def for_core(condition: Condition) -> Condition:
    """The same condition; what ``IsMatch`` looks for is Go's before, and the core's after."""
    return Condition.model_validate(_translated(condition.model_dump(mode="json")))


def _translated(node: Any) -> Any:
    if isinstance(node, list):
        return [_translated(one) for one in node]
    if not isinstance(node, dict):
        return node
    translated = {key: _translated(value) for key, value in node.items()}
    if node.get("kind") == "call" and node.get("function") == "IsMatch":
        value, pattern = translated["arguments"]
        found = for_the_core(pattern["value"])
        translated["arguments"] = [value, {**pattern, "value": found}]
    return translated
