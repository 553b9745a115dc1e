"""What a single value may look like: switches, whole numbers, text, words from a list.

Every parser takes what stood in the file and either returns the value or raises ``BadValueError``
with what to write instead. Values that came from the environment are never repeated in a message.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, PlainSerializer, PlainValidator, SecretStr

from tailsampler.settings.base import BadValueError, did_you_mean
from tailsampler.settings.expand import Expanded
from tailsampler.settings.scalars import scalar

_SHOWN = 40  # characters of a wrong value that a message repeats


def shown(value: object) -> str:
    """The value as a message may repeat it: short, and never what a reference stood for."""
    if isinstance(value, Expanded):
        return f"the value of {value.source}"
    if value is None:
        return "an empty value"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "a mapping"
    text = str(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def resolved(value: object) -> object:
    """A value from ``${...}`` gets the type that it would have had in the file."""
    return scalar(str(value)) if isinstance(value, Expanded) else value


def parse_flag(value: object) -> bool:
    """``true`` or ``false``."""
    plain = resolved(value)
    if isinstance(plain, bool):
        return plain
    raise BadValueError("not_a_switch", f"{shown(value)} is not a switch; write true or false")


def parse_whole(value: object) -> int:
    """A whole number."""
    plain = resolved(value)
    if isinstance(plain, int) and not isinstance(plain, bool):
        return plain
    if isinstance(plain, str) and re.fullmatch(r"[+-]?\d+", plain):
        raise BadValueError(
            "number_in_quotes", f'"{shown(value)}" is text; write it without quotes'
        )
    raise BadValueError("not_a_whole_number", f"{shown(value)} is not a whole number; write e.g. 4")


def parse_number(value: object) -> float:
    """A finite number."""
    plain = resolved(value)
    if isinstance(plain, int | float) and not isinstance(plain, bool) and math.isfinite(plain):
        return float(plain)
    if isinstance(plain, str) and re.fullmatch(r"[+-]?[\d.]+", plain):
        raise BadValueError(
            "number_in_quotes", f'"{shown(value)}" is text; write it without quotes'
        )
    raise BadValueError("not_a_number", f"{shown(value)} is not a number; write e.g. 0.5")


def parse_text(value: object) -> str:
    """Text that is not empty."""
    if isinstance(value, str):
        if not value.strip():
            raise BadValueError(
                "empty_text", "this is empty; write some text, or leave the key out"
            )
        return str(value)
    if isinstance(value, bool | int | float):
        raise BadValueError(
            "not_text", f'{shown(value)} is not text; write it in quotes: "{shown(value)}"'
        )
    raise BadValueError("not_text", f"{shown(value)} is not text; write a single word or line")


def parse_path(value: object) -> Path:
    """A path; relative ones are seen from the working directory, as in the Collector."""
    return value if isinstance(value, Path) else Path(parse_text(value))


def parse_secret(value: object) -> SecretStr:
    """Text that is never shown; what is wrong with it is said without it."""
    if isinstance(value, SecretStr):
        return value
    if not isinstance(value, str):
        raise BadValueError("not_text", "this value is not text; write it in quotes")
    return SecretStr(str(value))


def one_of(*words: str) -> PlainValidator:
    """One of these words."""

    def check(value: object) -> str:
        if isinstance(value, str) and value in words:
            return str(value)
        meant = None if not isinstance(value, str) else did_you_mean(value, words)
        hint = f"did you mean {meant}?" if meant else f"write one of {', '.join(words)}"
        raise BadValueError("unknown_word", f"{shown(value)} is not known here; {hint}")

    return PlainValidator(check)


def between(least: float, most: float) -> AfterValidator:
    """A number in this range, both ends included."""

    def check(value: float) -> float:
        if least <= value <= most:
            return value
        # The value is not repeated: by now nobody knows whether it came from the environment.
        side = f"under {least}" if value < least else f"over {most}"
        say = f"this is {side}; write a number from {least} to {most}"
        raise BadValueError("out_of_range", say)

    return AfterValidator(check)


Parser = Callable[[object], object]

Flag = Annotated[bool, PlainValidator(parse_flag)]
Whole = Annotated[int, PlainValidator(parse_whole)]
Text = Annotated[str, PlainValidator(parse_text)]
FilePath = Annotated[Path, PlainValidator(parse_path), PlainSerializer(str, return_type=str)]
Secret = Annotated[
    SecretStr,
    PlainValidator(parse_secret),
    PlainSerializer(lambda _: "(secret)", return_type=str),
]
