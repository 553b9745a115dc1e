"""Converters to hashes, ids and the parts of an address."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from urllib.parse import unquote, urlsplit

from tests.contrib.model.fnv import fnv1a_64
from tests.contrib.model.ottl.converters.arguments import (
    Argument,
    Converter,
    bytes_like,
    simple,
    text,
)
from tests.contrib.model.ottl.paths import Context
from tests.contrib.model.ottl.values import OttlError, SpanId, TraceId, Value, raw_text, wrapped

_BAD_ADDRESS = re.compile(r"[\x00-\x20\x7f]|%(?![0-9a-fA-F]{2})")


def identifier(raw: bytes | None, size: int) -> bytes:
    """The bytes of an id, given as such or as hexadecimal text."""
    raw = raw or b""
    if len(raw) == 2 * size and re.fullmatch(rb"[0-9a-fA-F]+", raw):
        return bytes.fromhex(raw.decode())
    if len(raw) != size:
        raise OttlError(f"an id has {size} bytes, not {len(raw)}")
    return raw


def _id(make: Callable[[bytes], Value], size: int) -> Converter:
    def run(_: Context, raw: bytes | None) -> Value:
        return make(identifier(raw, size))

    def check(raw: bytes | None) -> object:
        return None if raw is None else identifier(raw, size)

    return Converter((Argument("target", bytes_like),), run, check)


def address(original: str) -> Value:
    """The parts of an address that it has, by the names of OpenTelemetry's conventions."""
    if _BAD_ADDRESS.search(original):
        raise OttlError(f"failed to parse uri {original!r}")
    try:
        parts = urlsplit(original)
        port = parts.port
    except ValueError as error:
        raise OttlError(f"failed to parse uri {original!r}: {error}") from error
    path = unquote(parts.path)
    last = path.rsplit("/", 1)[-1]
    found: dict[str, Value] = {
        "url.original": original,
        "url.scheme": parts.scheme,
        "url.domain": parts.netloc.rsplit("@", 1)[-1].removesuffix(f":{port}"),
        "url.port": port,
        "url.path": path,
        "url.extension": last.rsplit(".", 1)[1] if "." in last else "",
        "url.query": parts.query,
        "url.fragment": unquote(parts.fragment),
        "url.username": parts.username,
        "url.password": parts.password,
    }
    return {key: value for key, value in found.items() if value not in {None, ""}}


def _digest(name: str) -> Converter:
    def run(target: str) -> Value:
        return hashlib.new(name, raw_text(target)).hexdigest()

    return simple(run, Argument("target", text))


def _root(context: Context) -> Value:
    return context.held.is_root


CONVERTERS: Mapping[str, Converter] = {
    "FNV": simple(lambda target: wrapped(fnv1a_64(raw_text(target))), Argument("target", text)),
    "Hex": simple(lambda raw: (raw or b"").hex(), Argument("target", bytes_like)),
    "IsRootSpan": Converter((), _root, spans_only=True),
    "MD5": _digest("md5"),
    "SHA1": _digest("sha1"),
    "SHA256": _digest("sha256"),
    "SHA512": _digest("sha512"),
    "SpanID": _id(SpanId, 8),
    "TraceID": _id(TraceId, 16),
    "URL": simple(address, Argument("url", text)),
}
