"""Trace ids as people paste them."""

import re
from typing import Final

_DIGITS: Final = re.compile(r"[0-9a-fA-F]{1,32}")


def parse_trace_id(text: str) -> bytes:
    """16 bytes from hexadecimal digits; ``ValueError`` says what to write instead.

    Case does not matter. Leading zeros may be missing, as Jaeger and Tempo print them (also ids
    of 8 bytes), and the dashes of a UUID may be there.
    """
    digits = text.strip().replace("-", "").removeprefix("0x")
    if not _DIGITS.fullmatch(digits):
        raise ValueError(
            f"{text[:64]!r} is no trace id; write up to 32 hexadecimal digits, "
            "e.g. 4bf92f3577b34da6a3ce929d0e0e4736"
        )
    trace_id = bytes.fromhex(digits.zfill(32))
    if not any(trace_id):
        raise ValueError("a trace id of zeros is no trace; write the id of a trace")
    return trace_id
