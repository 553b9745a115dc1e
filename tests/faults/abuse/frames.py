"""HTTP/2 frames by hand, as a hostile client writes them."""

from __future__ import annotations

from typing import Final

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = (
    *range(5),
    *range(6, 10),
)
END_STREAM, END_HEADERS = 1, 4
EXPORT: Final = b"/opentelemetry.proto.collector.trace.v1.TraceService/Export"
CODES: Final = {0: "NO_ERROR", 1: "PROTOCOL_ERROR", 11: "ENHANCE_YOUR_CALM"}


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """One frame."""
    return (
        len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload
    )


PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
BEGINNING: Final = PREFACE + frame(SETTINGS, 0, 0)
# :method POST, :scheme http, :path, content-type, none of them to be indexed.
EXPORT_HEAD: Final = (
    b"\x83\x86\x04" + bytes((len(EXPORT),)) + EXPORT + b"\x0f\x10\x10application/grpc"
)
GZIPPED_HEAD: Final = EXPORT_HEAD + b"\x00\x0dgrpc-encoding\x04gzip"


def export(stream: int, flags: int = END_HEADERS, head: bytes = EXPORT_HEAD) -> bytes:
    """The head of an export."""
    return frame(HEADERS, flags, stream, head)


def message(body: bytes, *, compressed: bool = False) -> bytes:
    """A gRPC message with its prefix."""
    return bytes((compressed,)) + len(body).to_bytes(4, "big") + body


def goaway_in(heard: bytes) -> str | None:
    """The error code of the GOAWAY among these frames, in words."""
    at = 0
    while at + 9 <= len(heard):
        length = int.from_bytes(heard[at : at + 3], "big")
        if heard[at + 3] == GOAWAY and at + 17 <= len(heard):
            code = int.from_bytes(heard[at + 13 : at + 17], "big")
            return CODES.get(code, str(code))
        at += 9 + length
    return None
