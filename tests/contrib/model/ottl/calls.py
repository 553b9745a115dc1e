"""Converters bound to their arguments."""

from __future__ import annotations

from collections.abc import Sequence

from tests.contrib.model.ottl.converters import hashes, kinds, texts, times
from tests.contrib.model.ottl.converters.arguments import Argument, Converter
from tests.contrib.model.ottl.getter import Getter, constant, folded
from tests.contrib.model.ottl.paths import Context
from tests.contrib.model.ottl.values import OttlError, SyntaxFault, Value

CONVERTERS = {**hashes.CONVERTERS, **kinds.CONVERTERS, **texts.CONVERTERS, **times.CONVERTERS}


def bound(
    name: str, given: Sequence[tuple[str | None, Getter]], *, within: str, nil_ints: bool
) -> Getter:
    """A converter with its arguments, by position and then by name; ``nil_ints``: as up to v0.159.

    Raises:
        SyntaxFault: for an unknown converter, too few or too many arguments, and a literal of the
            wrong kind.
    """
    converter = (kinds.UP_TO_0_159 if nil_ints else {}).get(name) or CONVERTERS.get(name)
    if converter is None or (converter.spans_only and within != "span"):
        raise SyntaxFault(f"undefined function {name!r}")
    arguments = [
        _converted(name, argument, getter)
        for argument, getter in zip(
            converter.arguments, _ordered(name, converter, given), strict=True
        )
    ]
    _check(name, converter, arguments)

    def read(context: Context) -> Value:
        return converter.run(context, *(argument.get(context) for argument in arguments))

    return Getter(read)


def _ordered(
    name: str, converter: Converter, given: Sequence[tuple[str | None, Getter]]
) -> list[Getter]:
    names = [argument.name for argument in converter.arguments]
    found: dict[str, Getter] = {}
    for position, (called, getter) in enumerate(given):
        if called is None and any(earlier for earlier, _ in given[:position]):
            raise SyntaxFault(f"{name}: unnamed argument after a named one")
        if called is None and position >= len(names):
            raise SyntaxFault(f"{name}: incorrect number of arguments")
        key = called or names[position]
        if key not in names or key in found:
            raise SyntaxFault(f"{name}: no such argument, or twice: {key}")
        found[key] = getter
    for argument in converter.arguments:
        if argument.name not in found and not argument.optional:
            raise SyntaxFault(f"{name}: incorrect number of arguments")
        found.setdefault(argument.name, constant(argument.default))
    return [found[argument] for argument in names]


def _converted(name: str, argument: Argument, getter: Getter) -> Getter:
    try:
        return folded(argument.convert, getter)
    except SyntaxFault as fault:
        raise SyntaxFault(f"{name}: invalid argument {argument.name}: {fault}") from fault


def _check(name: str, converter: Converter, arguments: Sequence[Getter]) -> None:
    if converter.check is None:
        return
    try:
        converter.check(*(argument.value for argument in arguments))
    except OttlError as error:
        raise SyntaxFault(f"{name}: {error}") from error
