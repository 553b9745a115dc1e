"""A trace as it stands in its row: compressed bytes, and the ids of its terms."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from typing import Final

import structlog

log = structlog.get_logger("tailsampler.store")

ZLIB: Final = 1
"""``encoding`` of a body; there is no other yet."""
# Level 1 halves what level 6 costs and gives up a tenth of the size.
_LEVEL: Final = 1


def pack(data: bytes) -> tuple[int, bytes]:
    """Encoding and body."""
    return ZLIB, zlib.compress(data, _LEVEL)


def unpack(trace_id: bytes, encoding: int, body: bytes) -> bytes | None:
    """``TracesData``; None, and a line in the log, if it is damaged."""
    why = f"there is no encoding {encoding}"
    if encoding == ZLIB:
        try:
            return zlib.decompress(body)
        except zlib.error as error:
            why = str(error)
    log.error("store.trace_damaged", trace_id=trace_id.hex(), error=why)
    return None


def pack_ids(ids: Iterable[int]) -> bytes:
    """Ids of terms, 32 bits each, little-endian."""
    ordered = sorted(ids)
    return struct.pack(f"<{len(ordered)}I", *ordered)


def unpack_ids(packed: bytes) -> frozenset[int]:
    """The ids again."""
    return frozenset(struct.unpack(f"<{len(packed) // 4}I", packed))
