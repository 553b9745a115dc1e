"""Bodies that are small on the wire and large behind it."""

from __future__ import annotations

import gzip
import zlib

MIB = 1024 * 1024


def gzip_bomb(mebibytes: int) -> bytes:
    """That many MiB of zeros, as a gzip stream of a thousandth of it."""
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    zeros = bytes(MIB)
    return b"".join(packer.compress(zeros) for _ in range(mebibytes)) + packer.flush()


def zstd_bomb(mebibytes: int) -> bytes:
    """That many MiB of zeros as one zstd frame of run-length blocks, 4 bytes for 128 KiB."""
    magic, window_of_128_kib = b"\x28\xb5\x2f\xfd", b"\x00\x38"
    blocks = mebibytes * 8
    out = bytearray(magic + window_of_128_kib)
    for number in range(blocks):
        last = number == blocks - 1
        header = last | 1 << 1 | (128 * 1024) << 3
        out += header.to_bytes(3, "little") + b"\x00"
    return bytes(out)


def cut_short(body: bytes) -> bytes:
    """A gzip stream that ends too soon."""
    return gzip.compress(body)[:-6]
