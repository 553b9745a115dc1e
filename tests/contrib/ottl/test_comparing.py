"""Kinds of value: which compare, which are unequal, and what arithmetic does with them."""

from __future__ import annotations

from itertools import product

import pytest

from tests.contrib.model.ottl.values import Panic
from tests.contrib.ottl.ask import ERROR, ask, value

ONE_OF_EACH = {
    "bool": "true",
    "number": "1",
    "text": '"a"',
    "bytes": "0x01",
    "list": "[1]",
    "map": '{"a": 1}',
    "span id": "span_id",
    "trace id": "trace_id",
    "time": "start_time",
    "duration": 'Duration("1s")',
    "nil": "nil",
}
OPERATORS = ("==", "!=", "<", "<=", ">", ">=")


@pytest.mark.parametrize("left", ONE_OF_EACH)
def test_values_of_different_kinds_are_unequal_and_unordered(left: str) -> None:
    """Of two kinds only ``!=`` is true."""
    for right, operator in product(ONE_OF_EACH, OPERATORS):
        if left != right:
            condition = f"{ONE_OF_EACH[left]} {operator} {ONE_OF_EACH[right]}"
            assert ask(condition) is (operator == "!="), condition


@pytest.mark.parametrize("kind", ONE_OF_EACH)
def test_every_value_equals_itself(kind: str) -> None:
    """And is not unequal to itself; what has an order is also <= and >=."""
    one = ONE_OF_EACH[kind]
    outcomes = [ask(f"{one} {operator} {one}") for operator in OPERATORS]
    ordered = kind not in {"list", "map", "span id", "trace id"}
    assert outcomes == [True, False, False, ordered, False, ordered]


TRUE = [
    "1 < 1.5",
    "2 == 2.0",
    "1.5 > 1",
    "false < true",
    '"a" < "b"',
    '"Z" < "a"',
    "0x01 < 0x02",
    "nil == nil",
    "nil <= nil",
    f"{value('missing')} == nil",
    f"{value('unset')} == nil",
    f"nil == {value('missing')}",
    f"{value('missing')} != 1",
    f"{value('double')} == 503",
    f"{value('ints')} == [2]",
    f"{value('ints')} != [2.0]",
    f'{value("list")} == [1, "two", [3]]',
    f'{value("map")}["a"] == {{"x": [true, nil]}}',
    '{"a": 1} != {"a": 1.0}',
    f"{value('bytes')} == 0x01ff",
    "start_time < end_time",
    'end_time - start_time == Duration("1500ms")',
    'start_time + Duration("1.5s") == end_time',
    'end_time - Duration("1500ms") == start_time',
    'Duration("1s") + Duration("1m") == Duration("61s")',
    'Duration("1s") - Duration("1m") < Duration("0")',
    "end_time_unix_nano - start_time_unix_nano == 1500000000",
    "7 / 2 == 3",
    "-7 / 2 == -3",
    "7 / 2.0 == 3.5",
    "1 + 2 * 3 == 7",
    "(1 + 2) * 3 == 9",
    "8 / 2 / 2 == 2",
    "8 - 2 - 2 == 4",
    f"{value('negative')} / 2 == -3",
    f"-{value('number')} == -503",
    f"-({value('number')} + 1) == -504",
    f"{value('number')} + {value('half')} == 503.5",
    f"{value('number')} - {value('half')} == 502.5",
    f"{value('number')} * {value('half')} == 251.5",
    f"-{value('half')} == -0.5",
    'Duration("1.5s") + start_time == end_time',
    "resource != nil",
    "events != links",
    "9223372036854775807 + 1 == -9223372036854775807 - 1",
    "9223372036854775807 * 2 == -2",
    "(-9223372036854775807 - 1) / -1 == -9223372036854775807 - 1",
    "STATUS_CODE_ERROR == 2",
    "SPAN_KIND_CONSUMER == 5",
    "SPAN_KIND_UNSPECIFIED == STATUS_CODE_UNSET",
]


@pytest.mark.parametrize("condition", TRUE)
def test_what_is_true(condition: str) -> None:
    """And its negation is false."""
    assert ask(condition) is True
    assert ask(f"not ({condition})") is False


FAILING = [
    f"{value('text')} + 1 == 1",
    f"{value('missing')} * 2 == 2",
    f"{value('yes')} + 1 == 2",
    f"{value('list')} - 1 == 1",
    f"-{value('text')} == 1",
    f"{value('number')} / 0 == 1",
    f"{value('half')} / 0 == 1",
    f"{value('half')} / 0.0 == 1",
    "start_time + end_time == 1",
    "start_time - 1 == 1",
    'Duration("1s") * 2 == 1',
    'Duration("1s") - start_time == 1',
    f'{value("text")}["k"] == nil',
    f"{value('text')}[0] == nil",
    f'{value("number")}["k"] == nil',
    f"{value('list')}[3] == nil",
    f"{value('list')}[-1] == nil",
    f'{value("list")}["k"] == nil',
    f"{value('map')}[0] == nil",
    "attributes[0] == nil",
]


@pytest.mark.parametrize("condition", FAILING)
def test_what_fails(condition: str) -> None:
    """Its negation fails too: an error is neither true nor false."""
    assert ask(condition) == ERROR
    assert ask(f"not ({condition})") == ERROR


def test_arithmetic_of_literals_fails_where_it_is_asked() -> None:
    """The condition starts all the same."""
    assert ask("1 / 0 == 1") == ERROR
    assert ask("true or 1 / 0 == 1") is True


def test_two_splits_cannot_be_compared() -> None:
    """The real process ends; with any other kind they are just unequal."""
    for operator in ("==", "!="):
        with pytest.raises(Panic):
            ask(f'Split({value("csv")}, ",") {operator} Split({value("csv")}, ",")')
    assert ask(f'Split({value("csv")}, ",") != nil') is True
    assert ask(f'Split({value("csv")}, ",") == "a"') is False
