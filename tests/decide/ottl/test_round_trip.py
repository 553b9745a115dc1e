"""What is written is what is read, as text and as JSON."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailsampler.decide.ottl import Condition, parse
from tailsampler.decide.ottl.expression import (
    BytesValue,
    Compare,
    DoubleValue,
    Expression,
    IntValue,
    NilValue,
    StringValue,
)
from tests.decide.ottl.expressions import CONDITIONS, VALUES
from tests.decide.ottl.render import quoted, text_of


def compared_with_nil(value: Expression) -> Condition:
    expression = Compare(op="==", left=value, right=NilValue())
    return Condition(context="span", text="", expression=expression)


@settings(max_examples=150)
@given(expression=CONDITIONS)
def test_text_reads_back_as_the_same_expression(expression: Expression) -> None:
    """Precedence, parentheses, literals, keys and arguments: nothing is lost or moved."""
    assert parse(text_of(expression), "span").expression == expression


@settings(max_examples=150)
@given(expression=CONDITIONS, value=VALUES)
def test_json_reads_back_as_the_same_condition(expression: Expression, value: Expression) -> None:
    """The core gets exactly what was lowered."""
    for each in (expression, value):
        condition = Condition(context="span", text="?", expression=each)
        assert Condition.model_validate_json(condition.model_dump_json()) == condition
        assert Condition.model_validate(condition.model_dump()) == condition


@pytest.mark.parametrize(
    ("value", "spelled"),
    [
        (math.inf, "inf"),
        (-math.inf, "-inf"),
        (math.nan, "nan"),
        (-0.0, "-0.0"),
        (503.0, "503.0"),
        (0.1, "0.1"),
        (5e-324, "5e-324"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
    ],
)
def test_doubles_are_spelled_so_that_every_reader_agrees(value: float, spelled: str) -> None:
    """JSON numbers have no infinities, and 503.0 would come back as an int."""
    plain = json.loads(compared_with_nil(DoubleValue(value=value)).model_dump_json())
    assert plain["expression"]["left"] == {"kind": "double", "value": spelled}
    back = Condition.model_validate(plain)
    assert isinstance(back.expression, Compare)
    assert isinstance(back.expression.left, DoubleValue)
    assert repr(back.expression.left.value) == repr(value)


def test_ints_and_bytes_are_exact() -> None:
    """All 64 bits of an int, every byte as two hex digits."""
    for number in (-(2**63), 2**63 - 1, 2**53 + 1):
        plain = json.loads(compared_with_nil(IntValue(value=number)).model_dump_json())
        assert plain["expression"]["left"] == {"kind": "int", "value": number}
    plain = json.loads(compared_with_nil(BytesValue(value=b"\x00\xff")).model_dump_json())
    assert plain["expression"]["left"] == {"kind": "bytes", "value": "00ff"}


@given(text=st.text(st.characters(codec="utf-8"), max_size=20))
def test_any_text_can_be_quoted(text: str) -> None:
    """A text in quotes, escaped where it must be, is that text."""
    found = parse(f"name == {quoted(text)}", "span").expression
    assert isinstance(found, Compare)
    assert found.right == StringValue(value=text)


def test_a_condition_says_its_format() -> None:
    """The core can refuse a condition from another time, and unknown fields are no accident."""
    condition = parse("true", "spanevent")
    assert json.loads(condition.model_dump_json()) == {
        "format": 1,
        "context": "spanevent",
        "text": "true",
        "expression": {"kind": "bool", "value": True},
    }
    with pytest.raises(ValueError, match="format"):
        Condition.model_validate({**condition.model_dump(), "format": 2})
    with pytest.raises(ValueError, match="extra"):
        Condition.model_validate({**condition.model_dump(), "more": 1})
