"""The older search, by tags: a part of a value is enough, in any case."""

from collections.abc import Mapping

from tailsampler.traces.model import KINDS, STATUSES, Span, Trace


def has_tags(trace: Trace, tags: Mapping[str, str]) -> bool:
    """Whether every tag stands on some span of the trace, or on its resource."""
    return all(
        any(_has(trace, span, key, wanted.lower()) for span in trace.spans)
        for key, wanted in tags.items()
    )


def _has(trace: Trace, span: Span, key: str, wanted: str) -> bool:
    match key:
        case "name":
            found: object = span.name
        case "root.name":
            found = trace.root.name if trace.root else None
        case "root.service.name":
            found = trace.root.service if trace.root else None
        case "status.code" | "status":
            return STATUSES[span.status] == wanted
        case "kind":
            return KINDS[span.kind] == wanted
        case "error" if "error" not in span.attributes:
            return span.is_error and wanted == "true"
        case _:
            found = span.attributes.get(key, span.resource.get(key))
    if isinstance(found, bool):
        return str(found).lower() == wanted
    if isinstance(found, int | float):
        return str(found) == wanted
    return isinstance(found, str) and wanted in found.lower()
