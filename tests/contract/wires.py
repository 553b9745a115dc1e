"""Bytes that look like OTLP: valid in unusual ways, nearly valid, and not valid at all."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.model.chain import MASK
from tests.simulation.strategies import requests

IDS = [b"\x11" * 16, b"\x22" * 16, bytes(8) + b"\xff" * 8]


def number(value: int, extra: int = 0) -> bytes:
    """A varint, ``extra`` bytes longer than it need be (as far as ten bytes go)."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    padding = min(extra, 10 - len(out))
    if padding > 0:
        out[-1] |= 0x80
        out += b"\x80" * (padding - 1) + b"\x00"
    return bytes(out)


def delimited(field: int, payload: bytes, extra: int = 0) -> bytes:
    """A length-delimited field."""
    return number(field << 3 | 2, extra) + number(len(payload), extra) + payload


def fixed64(field: int, value: int) -> bytes:
    """A fixed64 field."""
    return number(field << 3 | 1) + value.to_bytes(8, "little")


@st.composite
def unknown_fields(draw: st.DrawFn) -> bytes:
    """A field that this version of OTLP does not know; now and then one that nobody may send."""
    field = draw(st.sampled_from((99, 1001, (1 << 29) - 1)))
    kind = draw(st.sampled_from("vdf8vdf8vdf8g0"))
    match kind:
        case "v":
            return number(field << 3) + number(draw(st.integers(0, 2**64 - 1)))
        case "d":
            return delimited(field, draw(st.binary(max_size=5)), draw(st.integers(0, 3)))
        case "f":
            return number(field << 3 | 5) + draw(st.binary(min_size=4, max_size=4))
        case "8":
            return fixed64(field, draw(st.integers(0, 2**64 - 1)))
        case "g":
            return number(field << 3 | 3) + number(field << 3 | 4)
        case _:
            return number(0) + number(1)


@st.composite
def span_bytes(draw: st.DrawFn) -> bytes:
    """A span as fields in any order, scalars twice, sub-messages in pieces."""
    ids = st.sampled_from([*IDS, bytes(16), b"short", b""])
    pieces = [delimited(1, draw(st.sampled_from(IDS))), delimited(2, b"\x01" * 8)]
    more = {
        "trace id": ids.map(lambda value: delimited(1, value)),
        "span id": st.sampled_from((b"\x02" * 8, bytes(8), b"")).map(lambda v: delimited(2, v)),
        "parent": st.sampled_from((b"\x03" * 8, b"")).map(lambda value: delimited(4, value)),
        "state": st.integers(0, MASK).map(lambda v: delimited(3, f"ot=rv:{v:014x}".encode())),
        "start": st.integers(0, 2**64 - 1).map(lambda value: fixed64(7, value)),
        "end": st.integers(0, 2**64 - 1).map(lambda value: fixed64(8, value)),
        "status": st.sampled_from((b"\x18\x02", b"\x12\x00", b"")).map(lambda v: delimited(15, v)),
        "flags": st.integers(0, 2**32 - 1).map(
            lambda value: number(16 << 3 | 5) + value.to_bytes(4, "little")
        ),
        "kind, too wide": st.integers(0, 2**64 - 1).map(lambda v: number(6 << 3) + number(v)),
        "attribute": st.just(delimited(9, delimited(1, b"k") + delimited(2, delimited(1, b"v")))),
        "unknown": unknown_fields(),
        "wrong wire type": st.just(number(7 << 3) + number(5)),
    }
    weights = [name for name in more if name != "wrong wire type"] * 3 + ["wrong wire type"]
    chosen = draw(st.lists(st.sampled_from(weights), max_size=6))
    pieces.extend(draw(more[name]) for name in chosen)
    return b"".join(draw(st.permutations(pieces)))


@st.composite
def wires(draw: st.DrawFn) -> bytes:
    """A whole request in wire form, with everything that protobuf allows and few do."""
    out = []
    for _ in range(draw(st.integers(1, 2))):
        resource = []
        for _ in range(draw(st.integers(0, 2))):
            scope = [
                delimited(2, span, draw(st.sampled_from((0, 0, 1, 4))))
                for span in draw(st.lists(span_bytes(), max_size=3))
            ]
            scope += draw(st.sampled_from(([], [delimited(1, b"")], [delimited(3, b"schema")])))
            scope += draw(st.lists(unknown_fields(), max_size=1))
            field = draw(st.sampled_from((2, 2, 2, 1000)))
            resource.append(delimited(field, b"".join(draw(st.permutations(scope)))))
        resource += [delimited(1, b"")] * draw(st.integers(0, 2))
        resource += draw(st.lists(unknown_fields(), max_size=1))
        out.append(delimited(1, b"".join(draw(st.permutations(resource)))))
    return b"".join(out)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A valid request with a byte changed, taken out, put in, or the end cut off."""
    numbers = st.integers(0, MASK)
    data = bytearray(
        draw(requests(IDS, numbers).map(lambda one: one.SerializeToString()) | wires())
    )
    for _ in range(draw(st.integers(1, 3))):
        if not data:
            break
        at = draw(st.integers(0, len(data) - 1))
        match draw(st.sampled_from(("change", "cut", "insert", "remove"))):
            case "change":
                data[at] = draw(st.integers(0, 255))
            case "cut":
                del data[at:]
            case "insert":
                data[at:at] = draw(st.binary(min_size=1, max_size=4))
            case _:
                del data[at]
    return bytes(data)
