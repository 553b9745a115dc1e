"""Messages of Tempo's API, declared from its published ``tempo.proto``: names, numbers, types.

Independent of what the program writes. Fields that only later versions have are left out, so that
an answer with one of them fails here as it would fail in an older Grafana.
"""

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

_Field = descriptor_pb2.FieldDescriptorProto
_TYPES = {
    "string": _Field.TYPE_STRING,
    "uint32": _Field.TYPE_UINT32,
    "uint64": _Field.TYPE_UINT64,
}
# name: ((field, number, type), ...); a type in brackets is repeated, "A -> B" a map.
_MESSAGES: dict[str, tuple[tuple[str, int, str], ...]] = {
    "Trace": (("resourceSpans", 1, "[.opentelemetry.proto.trace.v1.ResourceSpans]"),),
    "TraceByIDMetrics": (("inspectedBytes", 1, "uint64"),),
    "TraceByIDResponse": (
        ("trace", 1, ".contract.Trace"),
        ("metrics", 2, ".contract.TraceByIDMetrics"),
        ("status", 3, "enum"),
        ("message", 4, "string"),
    ),
    "ServiceStats": (("spanCount", 1, "uint32"), ("errorCount", 2, "uint32")),
    "Span": (
        ("spanID", 1, "string"),
        ("name", 2, "string"),
        ("startTimeUnixNano", 3, "uint64"),
        ("durationNanos", 4, "uint64"),
        ("attributes", 5, "[.opentelemetry.proto.common.v1.KeyValue]"),
    ),
    "SpanSet": (
        ("spans", 1, "[.contract.Span]"),
        ("matched", 2, "uint32"),
        ("attributes", 3, "[.opentelemetry.proto.common.v1.KeyValue]"),
    ),
    "TraceSearchMetadata": (
        ("traceID", 1, "string"),
        ("rootServiceName", 2, "string"),
        ("rootTraceName", 3, "string"),
        ("startTimeUnixNano", 4, "uint64"),
        ("durationMs", 5, "uint32"),
        ("spanSet", 6, ".contract.SpanSet"),
        ("spanSets", 7, "[.contract.SpanSet]"),
        ("serviceStats", 8, "{.contract.ServiceStats}"),
    ),
    "SearchMetrics": (
        ("inspectedTraces", 1, "uint32"),
        ("inspectedBytes", 2, "uint64"),
        ("totalBlocks", 3, "uint32"),
        ("completedJobs", 4, "uint32"),
        ("totalJobs", 5, "uint32"),
        ("totalBlockBytes", 6, "uint64"),
    ),
    "SearchResponse": (
        ("traces", 1, "[.contract.TraceSearchMetadata]"),
        ("metrics", 2, ".contract.SearchMetrics"),
    ),
    "MetadataMetrics": (("inspectedBytes", 1, "uint64"),),
    "SearchTagsResponse": (
        ("tagNames", 1, "[string]"),
        ("metrics", 2, ".contract.MetadataMetrics"),
    ),
    "SearchTagsV2Scope": (("name", 1, "string"), ("tags", 2, "[string]")),
    "SearchTagsV2Response": (
        ("scopes", 1, "[.contract.SearchTagsV2Scope]"),
        ("metrics", 2, ".contract.MetadataMetrics"),
    ),
    "SearchTagValuesResponse": (
        ("tagValues", 1, "[string]"),
        ("metrics", 2, ".contract.MetadataMetrics"),
    ),
    "TagValue": (("type", 1, "string"), ("value", 2, "string")),
    "SearchTagValuesV2Response": (
        ("tagValues", 1, "[.contract.TagValue]"),
        ("metrics", 2, ".contract.MetadataMetrics"),
    ),
}


def _declared() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(
        name="contract/tempo.proto", package="contract", syntax="proto3"
    )
    file.dependency.extend([common_pb2.DESCRIPTOR.name, trace_pb2.DESCRIPTOR.name])
    status = file.enum_type.add(name="PartialStatus")
    status.value.add(name="COMPLETE", number=0)
    status.value.add(name="PARTIAL", number=1)
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, kind in fields:
            _declare(message, field, number, kind)
    return file


def _declare(message: descriptor_pb2.DescriptorProto, name: str, number: int, kind: str) -> None:
    inner = kind.strip("[]{}")
    field = message.field.add(name=name, number=number, json_name=name)
    field.label = _Field.LABEL_REPEATED if kind[0] in "[{" else _Field.LABEL_OPTIONAL
    if kind.startswith("{"):
        entry_name = f"{name[0].upper()}{name[1:]}Entry"
        entry = message.nested_type.add(name=entry_name)
        entry.options.map_entry = True
        _declare(entry, "key", 1, "string")
        _declare(entry, "value", 2, inner)
        inner = f".contract.{message.name}.{entry_name}"
    if inner == "enum":
        field.type, field.type_name = _Field.TYPE_ENUM, ".contract.PartialStatus"
    elif inner.startswith("."):
        field.type, field.type_name = _Field.TYPE_MESSAGE, inner
    else:
        field.type = _TYPES[inner]


def _pool() -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.Default()
    pool.AddSerializedFile(_declared().SerializeToString())
    return pool


_POOL = _pool()


def message(name: str) -> type[Message]:
    """The class of a message, by its name in ``tempo.proto``."""
    found: type[Message] = message_factory.GetMessageClass(
        _POOL.FindMessageTypeByName(f"contract.{name}")
    )
    return found
