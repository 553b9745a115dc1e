"""The attacks: what each sends, to which door, and what it must be closed for."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from tests.faults.abuse import frames as f
from tests.faults.bombs import gzip_bomb

Door = Literal["otlp_grpc", "otlp_http"]
# How often it is done in one write; a write is one system call of a fast attacker.
MANY = 100
FRAME = 16384  # bytes of a body, as most clients send them
AWAIT_ANSWER = b""  # written by one that goes on when it has heard something


@dataclass(frozen=True)
class Attack:
    """One way to be a nuisance on one connection, and on as many as ``connections``."""

    name: str
    writes: Callable[[], Iterator[bytes]]  # endless, or what is sent before it falls silent
    reason: str | None  # the label of tailsampler_door_closed_connections; None: not closed
    door: Door = "otlp_grpc"
    connections: int = 1
    reads: bool = True  # whether it takes what the gateway answers
    soon: bool = True  # whether it is closed at once, and not after a time-out


def begun(repeated: Callable[[int], bytes]) -> Callable[[], Iterator[bytes]]:
    """A connection that begins well, and then writes this for 0, 1, 2, ..., many at a time."""

    def writes() -> Iterator[bytes]:
        yield f.BEGINNING
        for first in itertools.count(0, MANY):
            yield b"".join(map(repeated, range(first, first + MANY)))

    return writes


def once(*parts: bytes) -> Callable[[], Iterator[bytes]]:
    """A connection that writes this and falls silent."""
    return lambda: iter(parts)


def odd(number: int) -> int:
    """The stream of a client's request of this number; after the last one, the first again."""
    return 2 * (number % (1 << 30)) + 1


def same(kind: int, stream: int, payload: bytes = b"") -> Callable[[], Iterator[bytes]]:
    """The same frame for ever."""
    made = f.frame(kind, 0, stream, payload)
    return begun(lambda _: made)


def rapid_reset(number: int) -> bytes:
    """A request, and its end in the same breath."""
    return f.export(odd(number)) + f.frame(f.RST_STREAM, 0, odd(number), b"\0\0\0\x08")


def late_reset() -> Iterator[bytes]:
    """Requests that are reset when the gateway has seen them: CVE-2023-44487's quiet sister."""
    yield f.BEGINNING
    for number in itertools.count():
        yield f.export(odd(number))
        yield f.frame(f.RST_STREAM, 0, odd(number), b"\0\0\0\x08")


def provoked(number: int) -> bytes:
    """A request that the gateway must reset: its window is opened too far."""
    return f.export(odd(number)) + f.frame(f.WINDOW_UPDATE, 0, odd(number), b"\x7f\xff\xff\xff")


def continuations() -> Iterator[bytes]:
    """Headers that never end."""
    yield f.BEGINNING + f.frame(f.HEADERS, 0, 1, b"\x83\x86\x84")
    while True:
        yield f.frame(f.CONTINUATION, 0, 1) * MANY


def header_bomb() -> Iterator[bytes]:
    """A field of 4,000 bytes, and then a byte each to have it again."""
    field = b"\x40\x01x\x7f\xa1\x1e" + b"y" * 4000
    yield f.BEGINNING + f.export(1, 5, b"\x83\x86\x84" + field + b"\xbe" * 12_000)


def empty_data() -> Iterator[bytes]:
    """A body of frames that hold nothing."""
    yield f.BEGINNING + f.export(1)
    while True:
        yield f.frame(f.DATA, 0, 1) * MANY


@functools.cache
def bomb() -> bytes:
    """A few hundred KiB that would be 64 MiB."""
    return f.message(gzip_bomb(64), compressed=True)


def bombs() -> Iterator[bytes]:
    """Bombs that fit into the first window of a connection, of 20 connections together."""
    # Streams have their whole window once the settings are acknowledged.
    yield f.BEGINNING
    yield AWAIT_ANSWER
    yield f.frame(f.SETTINGS, 1, 0)
    for number in range((2 << 20) // len(bomb())):
        head = f.export(odd(number), head=f.GZIPPED_HEAD)
        yield head + b"".join(
            f.frame(f.DATA, at + FRAME >= len(bomb()), odd(number), bomb()[at : at + FRAME])
            for at in range(0, len(bomb()), FRAME)
        )


def no_window() -> Iterator[bytes]:
    """Requests whose answers may not have a byte."""
    yield f.PREFACE + f.frame(f.SETTINGS, 0, 0, b"\0\x04\0\0\0\0")
    body = f.frame(f.DATA, f.END_STREAM, 1, f.message(b""))
    yield b"".join(
        f.export(odd(number)) + body[:5] + odd(number).to_bytes(4, "big") + body[9:]
        for number in range(250)
    )


def pipelined() -> Iterator[bytes]:
    """HTTP/1 requests whose answers are never read."""
    while True:
        yield b"GET / HTTP/1.1\r\nhost: x\r\n\r\n" * MANY


def chunks() -> Iterator[bytes]:
    """An HTTP/1 body of chunks of one byte."""
    yield (
        b"POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\n"
        b"transfer-encoding: chunked\r\n\r\n"
    )
    while True:
        yield b"1\r\nx\r\n" * MANY


def slow_bodies() -> Iterator[bytes]:
    """As many bodies as may be, that never arrive."""
    yield f.BEGINNING + b"".join(f.export(odd(number)) for number in range(256))


def half_frame() -> Iterator[bytes]:
    """A frame of 256 KiB that lacks its last byte."""
    yield f.BEGINNING + f.export(1)
    whole = f.frame(f.DATA, 0, 1, bytes(256 << 10))
    yield whole[:-1]


def tiny_frames() -> Iterator[bytes]:
    """Honest: exports of 1,000 bytes, a byte a frame, one after the other."""
    yield f.BEGINNING
    # A field that no OTLP message has is passed over.
    body = f.message(b"\xfa\x01\xe2\x07" + bytes(994))
    for number in itertools.count():
        stream = odd(number)
        yield f.export(stream) + b"".join(
            f.frame(f.DATA, at + 1 == len(body), stream, body[at : at + 1])
            for at in range(len(body))
        )
        yield AWAIT_ANSWER


SLOW_HTTP = b"POST /v1/traces HTTP/1.1\r\nhost: x\r\n"

ATTACKS = (
    Attack("rapid_reset", begun(rapid_reset), "rapid_reset"),
    Attack("late_reset", late_reset, "rapid_reset"),
    Attack("made_you_reset", begun(provoked), "provoked_resets"),
    Attack("ping_flood", same(f.PING, 0, bytes(8)), "control_flood"),
    Attack("unread_ping_flood", same(f.PING, 0, bytes(8)), "control_flood", reads=False),
    Attack("settings_flood", same(f.SETTINGS, 0), "control_flood"),
    Attack("priority_flood", same(f.PRIORITY, 1, b"\0\0\0\x03\x01"), "control_flood"),
    Attack("window_flood", same(f.WINDOW_UPDATE, 0, b"\0\0\0\x01"), "control_flood"),
    Attack("http_ping_flood", same(f.PING, 0, bytes(8)), "control_flood", door="otlp_http"),
    Attack("continuation_flood", continuations, "continuation_flood"),
    Attack("header_bomb", header_bomb, "large_headers"),
    Attack("empty_data", empty_data, "small_frames"),
    Attack("gzip_bombs", bombs, "bombs", connections=20),
    Attack("slow_bodies", slow_bodies, "slow_body", connections=17, soon=False),
    Attack("half_frames", half_frame, "slow_frame", connections=200, soon=False),
    Attack("no_window", no_window, "slow_reader", soon=False),
    Attack("slow_preface", once(f.PREFACE[:9]), "slow_head", connections=200, soon=False),
    Attack("slow_headers", once(SLOW_HTTP), "slow_head", "otlp_http", connections=200, soon=False),
    Attack("large_headers", once(SLOW_HTTP + b"x: " + b"y" * 40_000), "large_headers", "otlp_http"),
    Attack("pipelining", pipelined, "slow_reader", "otlp_http", reads=False, soon=False),
    Attack("one_byte_chunks", chunks, None, "otlp_http"),
    Attack("idle_hoard", once(f.BEGINNING), None, connections=9_900, soon=False),
    Attack("tiny_frames", tiny_frames, None),
)
