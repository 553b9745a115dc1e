"""The tables of converters and paths, and what is written about them."""

from typing import get_args

import pytest

from tailsampler.decide.ottl import OttlError, converters, expression, parse, paths
from tailsampler.decide.ottl.converters import CASES, CONVERTERS, LOWERED, NOT_YET, REFUSED
from tests.decide.ottl.cases import SPAN_CONDITIONS


def test_every_name_stands_in_one_table() -> None:
    """A converter is supported, lowered away, refused for a reason, or not there yet."""
    tables = [set(CONVERTERS), set(LOWERED), set(REFUSED), set(NOT_YET)]
    assert sum(map(len, tables)) == len(set.union(*tables))
    assert set(CASES.values()) <= set(CONVERTERS)


@pytest.mark.parametrize("name", [*CONVERTERS, *LOWERED])
def test_every_converter_is_tried(name: str) -> None:
    """The table of conditions calls each of them."""
    tried = [text for text in SPAN_CONDITIONS if f"{name}(" in text]
    if name in {"Year", "Month", "Day", "Minute", "Second", "Nanosecond"}:
        tried = [f"{name}(start_time) == 1"]
    assert tried
    assert parse(tried[0], "span").text == tried[0]


@pytest.mark.parametrize("name", [*REFUSED, *NOT_YET])
def test_every_other_converter_is_named(name: str) -> None:
    """It says why or that, not that there is no such function."""
    with pytest.raises(OttlError, match=name) as caught:
        parse(f"true and {name}() == 1", "span")
    assert (caught.value.code, caught.value.column) == ("ottl_unsupported", 10)


def test_every_kind_of_parameter_is_explained() -> None:
    """Whoever writes the evaluator finds each kind in the docstring."""
    for kind in get_args(converters.Kind):
        assert f"``{kind}``" in str(converters.__doc__)
    used = {each.kind for one in CONVERTERS.values() for each in one.parameters}
    assert used <= set(get_args(converters.Kind))


def test_every_node_is_explained() -> None:
    """The docstring of ``expression.py`` has a word on each kind of node."""
    said = str(expression.__doc__)
    nodes = get_args(get_args(expression.Expression)[0])
    kinds = {node.model_fields["kind"].default for node in nodes}
    assert len(kinds) == len(nodes) == 21
    for kind in kinds - {"and", "or", "not"}:
        assert f"``{kind}``" in said or f"**{kind}.**" in said, kind
    assert "**and, or, not.**" in said


@pytest.mark.parametrize(
    ("owner", "field"),
    [(owner, field) for owner, fields in paths.FIELDS.items() for field in fields],
)
def test_every_field_can_be_read(owner: paths.Owner, field: str) -> None:
    """With its context's name, in conditions on events; on spans, too, if it is not an event's."""
    name = f"{'spanevent' if owner == 'event' else owner}.{field}"
    text = f"Len({name}) == 1" if field in paths.COUNTED else f"{name} == nil"
    parse(text, "spanevent")
    if owner != "event":
        parse(text, "span")
        renamed = text.replace("scope.", "instrumentation_scope.")
        assert parse(renamed, "span").expression == parse(text, "span").expression
