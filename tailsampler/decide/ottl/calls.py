"""Converters: names, arguments and literal arguments, checked and put in order."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final

from lark import Token, Tree

from tailsampler.decide.ottl import constants, fold, literals, regex
from tailsampler.decide.ottl.converters import CONVERTERS, LOWERED, NOT_YET, REFUSED, Parameter
from tailsampler.decide.ottl.expression import (
    Call,
    Expression,
    Index,
    IntValue,
    ListValue,
    StringValue,
)
from tailsampler.decide.ottl.syntax import Node, is_tree, source

if TYPE_CHECKING:
    from tailsampler.decide.ottl.build import Builder

# Literals that a parameter takes; the kinds that are missing take any.
_TAKES: Final[dict[str, frozenset[str]]] = {
    "text": frozenset({"string"}),
    "pattern": frozenset({"string"}),
    "word": frozenset({"string"}),
    "int": frozenset({"int"}),
    "int_like": frozenset({"nil", "bool", "int", "double", "string"}),
    "double_like": frozenset({"nil", "bool", "int", "double", "string"}),
    "bool_like": frozenset({"nil", "bool", "int", "double", "string"}),
    "bytes_like": frozenset({"nil", "bool", "int", "double", "string", "bytes"}),
    "list": frozenset({"list"}),
    "time": frozenset(),
    "duration": frozenset(),
}
_WORDS: Final = {
    "text": "a text",
    "pattern": "a text",
    "word": "a text",
    "int": "an int",
    "int_like": "a number, a text or a bool",
    "double_like": "a number, a text or a bool",
    "bool_like": "a bool, a number or a text",
    "bytes_like": "bytes or a text",
    "list": "a list",
    "time": "a time, as start_time or Unix(0)",
    "duration": 'a duration, as Duration("1s") or end_time - start_time',
}
_COUNTING: Final = frozenset({"Len", "IsList"})


def lower_call(builder: Builder, node: Tree[Token]) -> Expression:
    """The call, or the literal that it is for every span; indexed if keys follow it."""
    name = str(node.children[0])
    parameters = _parameters(builder, name, node)
    rest = node.children[1:]
    keys = [child for child in rest if is_tree(child) and child.data == "key"]
    given = [child for child in rest if not (is_tree(child) and child.data == "key")]
    placed = _placed(builder, name, parameters, given, node)
    values = tuple(
        _argument(builder, name, parameter, placed.get(parameter.name)) for parameter in parameters
    )
    try:
        lowered = constants.lowered(name, values)
    except ValueError as error:
        raise builder.wrong(
            "ottl_bad_literal", f"{name}: {error}", given[0] if given else node
        ) from None
    call = lowered or Call(function=name, arguments=values)
    return Index(of=call, keys=tuple(_key(builder, name, key) for key in keys)) if keys else call


def _parameters(builder: Builder, name: str, node: Tree[Token]) -> tuple[Parameter, ...]:
    if name in LOWERED:
        return LOWERED[name]
    if found := CONVERTERS.get(name):
        if builder.context in found.contexts:
            return found.parameters
        say = (
            f"{name} is for conditions on spans, and this is one on events; "
            'write span.parent_span_id.string == "0000000000000000"'
        )
        raise builder.wrong("ottl_unsupported", say, node)
    if reason := REFUSED.get(name):
        raise builder.wrong("ottl_unsupported", f"{name} cannot be used here: {reason}", node)
    if name in NOT_YET:
        say = f"the converter {name} is not supported; write the condition without it"
        raise builder.wrong("ottl_unsupported", say, node)
    near = difflib.get_close_matches(name, [*CONVERTERS, *LOWERED], n=1, cutoff=0.6)
    small = {each.lower(): each for each in CONVERTERS}.get(name.lower().replace("_", ""))
    if near or small:
        hint = f"did you mean {small or near[0]}?"
    elif node.data == "editor":
        hint = "a condition changes nothing, so it has no editors; write converters, as Len"
    else:
        hint = "see the documentation for the converters that there are"
    raise builder.wrong("ottl_unknown_function", f"there is no function {name}; {hint}", node)


def _placed(
    builder: Builder,
    name: str,
    parameters: tuple[Parameter, ...],
    given: list[Node],
    node: Tree[Token],
) -> dict[str, Node]:
    """Arguments by the names of their parameters."""
    called = f"{name}({', '.join(each.name for each in parameters)})"
    placed: dict[str, Node] = {}
    named = False
    for at, argument in enumerate(given):
        if is_tree(argument) and argument.data == "named":
            named = True
            word, value = str(argument.children[0]), argument.children[1]
            if word not in {each.name for each in parameters}:
                say = f"{name} has no argument {word}; write {called}"
                raise builder.wrong("ottl_wrong_arguments", say, argument)
        elif named:
            say = f"{name}: an argument without a name stands after one with a name; swap them"
            raise builder.wrong("ottl_wrong_arguments", say, argument)
        elif at >= len(parameters):
            say = (
                f"{name} has {len(given)} arguments, and takes {_most(parameters)}; write {called}"
            )
            raise builder.wrong("ottl_wrong_arguments", say, argument)
        else:
            word, value = parameters[at].name, argument
        if word in placed:
            raise builder.wrong("ottl_wrong_arguments", f"{name}: {word} is given twice", argument)
        placed[word] = value
    for each in parameters:
        if each.default is None and each.name not in placed:
            say = f"{name}: the argument {each.name} is missing; write {called}"
            raise builder.wrong("ottl_wrong_arguments", say, node)
    return placed


def _most(parameters: tuple[Parameter, ...]) -> str:
    return "none" if not parameters else f"at most {len(parameters)}"


def _argument(builder: Builder, name: str, parameter: Parameter, node: Node | None) -> Expression:
    if node is None:
        # Checked before: what has no default is given.
        return parameter.default or StringValue(value="")
    if parameter.kind in {"texts", "values"}:
        return _list(builder, name, parameter, node)
    value = builder.value(node, counted=name in _COUNTING)
    literal = fold.is_literal(value)
    what = source(node, builder.text)
    if not literal and parameter.kind in {"pattern", "word"}:
        say = f"{name}: {parameter.name} must be written out, so that it can be checked; {what} "
        say += "is known only when a span is there"
        raise builder.wrong("ottl_unsupported", say, node)
    takes = _TAKES.get(parameter.kind)
    if literal and takes is not None and value.kind not in takes:
        say = f"{name}: {parameter.name} must be {_WORDS[parameter.kind]}, and {what} is "
        raise builder.wrong("ottl_bad_literal", say + _a(value.kind), node)
    if isinstance(value, StringValue):
        _check_text(builder, name, parameter, value.value, node)
    return value


def _check_text(builder: Builder, name: str, parameter: Parameter, text: str, node: Node) -> None:
    """Texts that could never be read as what the parameter makes of them."""
    try:
        match parameter.kind:
            case "double_like":
                literals.double(text)
            case "bool_like":
                literals.boolean(text)
            case "pattern":
                regex.check(text)
            case _:
                pass
    except ValueError as error:
        pattern = parameter.kind == "pattern"
        say = f"{name}: {'the pattern cannot be used: ' if pattern else ''}{error}"
        raise builder.wrong(
            "ottl_bad_regex" if pattern else "ottl_bad_literal", say, node
        ) from None


def _list(builder: Builder, name: str, parameter: Parameter, node: Node) -> Expression:
    if not is_tree(node) or node.data != "list":
        what = source(node, builder.text)
        say = f"{name}: {parameter.name} must be a list in brackets; write [{what}]"
        raise builder.wrong("ottl_wrong_arguments", say, node)
    if parameter.kind == "values" and not node.children:
        say = f"{name}: the list is empty; write at least one value"
        raise builder.wrong("ottl_wrong_arguments", say, node)
    return ListValue(items=tuple(builder.value(child) for child in node.children))


def _key(builder: Builder, name: str, node: Tree[Token]) -> StringValue | IntValue:
    """The result of a converter is indexed by what is written out only."""
    key = builder.key(node)
    if isinstance(key, StringValue) or (isinstance(key, IntValue) and key.value >= 0):
        return key
    say = f'the result of {name} is indexed by a text or a whole number; write ["key"] or [0]'
    raise builder.wrong("ottl_bad_literal", say, node)


def _a(kind: str) -> str:
    return f"{'an' if kind == 'int' else 'a'} {kind}" if kind not in {"nil", "bytes"} else kind
