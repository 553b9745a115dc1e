"""FNV-1a of 64 bits."""

_OFFSET = 0xCBF29CE484222325
_PRIME = 0x100000001B3


def fnv1a_64(data: bytes) -> int:
    """The hash, unsigned."""
    value = _OFFSET
    for byte in data:
        value = (value ^ byte) * _PRIME % (1 << 64)
    return value
