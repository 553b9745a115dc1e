"""Trace ids as people paste them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailsampler.admin.trace_ids import parse_trace_id


@given(st.binary(min_size=16, max_size=16).filter(any))
def test_what_is_printed_is_read(trace_id: bytes) -> None:
    """Full, without leading zeros, in capitals or as a UUID: the same 16 bytes."""
    text = trace_id.hex()
    dashed = "-".join([text[:8], text[8:12], text[12:16], text[16:20], text[20:]])
    for spelling in (text, text.lstrip("0"), text.upper(), f" {text}\n", dashed):
        assert parse_trace_id(spelling) == trace_id


@pytest.mark.parametrize("text", ["", "0", "g", "1" * 33, "1.5", "\u0661"])
def test_what_is_no_id_is_refused_in_words(text: str) -> None:
    """The message is short, whatever was pasted."""
    with pytest.raises(ValueError, match="write"):
        parse_trace_id(text)
