"""``tempopb.TraceByIDResponse`` in protobuf, around a trace that is not decoded for it."""

from typing import Final

_TRACE: Final = b"\x0a"
"""Field 1, length-delimited: ``tempopb.Trace``, the same bytes as ``TracesData``."""
_METRICS: Final = b"\x12"
"""Field 2, length-delimited: ``TraceByIDMetrics``."""
_INSPECTED_BYTES: Final = b"\x08"
"""Its field 1, a varint."""


def trace_by_id_response(trace: bytes) -> bytes:
    """A complete trace: ``status`` (3) and ``message`` (4) keep their defaults."""
    metrics = _INSPECTED_BYTES + _varint(len(trace))
    return b"".join((_TRACE, _varint(len(trace)), trace, _METRICS, _varint(len(metrics)), metrics))


def _varint(number: int) -> bytes:
    octets = bytearray()
    while number > 0x7F:
        octets.append(number & 0x7F | 0x80)
        number >>= 7
    octets.append(number)
    return bytes(octets)
