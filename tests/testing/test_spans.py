"""The trace builder."""

import pytest

from tailsampler.testing.spans import (
    EPOCH_NS,
    any_value,
    request,
    resource,
    span,
    span_id_of,
    trace,
    trace_id_of,
)


def test_ids_may_be_written_as_numbers_digits_or_bytes() -> None:
    """A test writes 7 where any id will do, and digits where the id matters."""
    assert trace_id_of(7) == bytes(15) + b"\x07"
    assert trace_id_of("ab" * 16) == b"\xab" * 16
    assert span_id_of(b"12345678") == b"12345678"


def test_times_are_relative_and_exact() -> None:
    """Milliseconds from a fixed start, so that durations are what they say."""
    found = span(start_ms=2.5, duration_ms=1000)
    assert found.start_time_unix_nano == EPOCH_NS + 2_500_000
    assert found.end_time_unix_nano - found.start_time_unix_nano == 1_000_000_000


def test_a_trace_hangs_together() -> None:
    """One root, children below it, one trace id, span ids of their own."""
    root, *children = trace(5, spans=4, first_span_id=10)
    assert root.parent_span_id == b""
    assert {child.parent_span_id for child in children} == {root.span_id}
    assert {one.trace_id for one in (root, *children)} == {trace_id_of(5)}
    assert len({one.span_id for one in (root, *children)}) == 4


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (True, "bool_value"),
        (503, "int_value"),
        ("503", "string_value"),
        (0.5, "double_value"),
        (b"\x00", "bytes_value"),
        ([1, "two"], "array_value"),
    ],
)
def test_attributes_have_the_type_they_have_in_python(value: object, kind: str) -> None:
    """``True`` is not 1, and ``"503"`` is not 503."""
    assert any_value(value).WhichOneof("value") == kind  # type: ignore[arg-type]  # all kinds


def test_a_request_names_its_services() -> None:
    """One resource a service."""
    found = request(resource("shop", span()), resource("cart", span(), attributes={"zone": "a"}))
    names = [one.resource.attributes[0].value.string_value for one in found.resource_spans]
    assert names == ["shop", "cart"]
    assert found.resource_spans[1].resource.attributes[1].key == "zone"
