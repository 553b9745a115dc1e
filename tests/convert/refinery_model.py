"""What Refinery's rules keep, as its documents say, for rules that keep all or nothing."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.contrib.generate import Sending

Event = dict[str, Any]
Rule = dict[str, Any]


def kept(rules: list[Rule], sendings: list[Sending]) -> dict[bytes, bool]:
    """The first rule that matches; without one a trace is kept."""
    traces: dict[bytes, list[Event]] = defaultdict(list)
    for sending in sendings:
        for resource in sending.request.resource_spans:
            for scope in resource.scope_spans:
                for span in scope.spans:
                    traces[span.trace_id].append(event(resource.resource, span))
    return {trace_id: decided(rules, events) for trace_id, events in traces.items()}


def event(resource: Resource, span: Span) -> Event:
    """A span as Refinery sees it: flat."""
    flat = {**plain(resource.attributes), **plain(span.attributes)}
    flat["duration_ms"] = (span.end_time_unix_nano - span.start_time_unix_nano) / 1e6
    flat["status_code"] = int(span.status.code)
    if span.status.code == Status.STATUS_CODE_ERROR:
        flat["error"] = True
    if span.parent_span_id:
        flat["trace.parent_id"] = span.parent_span_id.hex()
    return flat


def plain(attributes: Iterable[KeyValue]) -> Event:
    return {one.key: value(one.value) for one in attributes}


def value(any_value: AnyValue) -> Any:
    kind = any_value.WhichOneof("value")
    return None if kind is None else getattr(any_value, kind)


def decided(rules: list[Rule], events: list[Event]) -> bool:
    for rule in rules:
        if matches(rule, events):
            return not rule.get("Drop", False) and rule.get("SampleRate", 0) > 0
    return True


def matches(rule: Rule, events: list[Event]) -> bool:
    conditions = rule.get("Conditions", [])
    roots = [one for one in events if "trace.parent_id" not in one]
    if not conditions:
        return True
    if rule.get("Scope") == "span":
        return any(all(holds(one, each, roots) for one in conditions) for each in events)
    return all(
        bool(roots) == one["Value"]
        if one["Operator"] == "has-root-span"
        else any(holds(one, each, roots) for each in events)
        for one in conditions
    )


def holds(condition: Event, span: Event, roots: list[Event]) -> bool:
    found, exists = None, False
    for field in condition.get("Fields") or [condition.get("Field", "")]:
        where = span
        if field.startswith("root."):
            if not roots:
                continue
            where = roots[-1]
        if field.removeprefix("root.") in where:
            found, exists = where[field.removeprefix("root.")], True
            break
    return compared(condition, found, exists=exists)


def compared(condition: Event, found: Any, *, exists: bool) -> bool:
    operator, wanted = str(condition["Operator"]), condition.get("Value", ())
    if operator in {"exists", "not-exists"}:
        return exists == (operator == "exists")
    if operator == "starts-with":
        return str(found).startswith(str(wanted))
    if operator == "in":
        return str(found) in map(str, wanted)
    if not exists:
        return False
    if condition.get("Datatype") == "int":
        found = whole(found)
    return ordered(operator, found, wanted)


def whole(found: Any) -> int | None:
    if isinstance(found, str) and re.fullmatch(r"-?\d+", found):
        return int(found)
    number = isinstance(found, int | float) and not isinstance(found, bool)
    return int(found) if number else None


def ordered(operator: str, found: Any, wanted: Any) -> bool:
    """Only what is of one kind can be compared."""
    kinds: tuple[type | tuple[type, ...], ...] = (bool, str, (int, float))
    for kind in kinds:
        if isinstance(found, kind) != isinstance(wanted, kind):
            return False
    if not isinstance(found, bool | str | int | float):
        return False
    compare: dict[str, Callable[[Any, Any], bool]] = {
        "=": eq, "!=": ne, ">": gt, ">=": ge, "<": lt, "<=": le,
    }  # fmt: skip
    return compare[operator](found, wanted)
