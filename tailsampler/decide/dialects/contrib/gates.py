"""Contrib's feature gates, as far as they change what becomes of a trace."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import PlainSerializer, PlainValidator

from tailsampler.settings.base import BadValueError
from tailsampler.settings.values import resolved, shown

PREFIX: Final = "processor.tailsamplingprocessor."


@dataclass(frozen=True, slots=True)
class Gates:
    """Which gates are on; ``disable_invert_decisions`` None: as the version has it."""

    use_tracestate: bool = False
    """Probabilities are taken from the spans' tracestate, and written into it."""
    record_policy: bool = False
    """The policy that kept a trace is written on the scopes of its spans."""
    disable_invert_decisions: bool | None = None
    """A match under ``invert_match`` drops no trace that others keep."""

    def vetoes(self, *, older: bool) -> bool:
        """Whether ``invert_match`` is a veto; ``older``: whether the version has it so."""
        return older if self.disable_invert_decisions is None else not self.disable_invert_decisions


DEFAULT_GATES: Final = Gates()

_KNOWN: Final = {
    "usetracestate": "use_tracestate",
    "recordpolicy": "record_policy",
    "disableinvertdecisions": "disable_invert_decisions",
}
_WITHOUT_MEANING: Final = {
    "tailstorageextension": "there are no tail storage extensions here; leave it out",
    "metricstatcountspanssampled": "write compat_telemetry: true for contrib's metrics",
    "metricstatcountbytessampled": "write compat_telemetry: true for contrib's metrics",
}


def parse_gates(value: object) -> Gates:
    """``[recordpolicy, -usetracestate]``, or as a Collector's ``--feature-gates`` has it.

    Names with or without their prefix; a ``-`` before one turns it off, a ``+`` on.
    """
    if isinstance(value, Gates):
        return value
    plain = resolved(value)
    texts = plain.split(",") if isinstance(plain, str) else plain
    if not isinstance(texts, list | tuple) or not all(isinstance(one, str) for one in texts):
        say = f"{shown(value)} is no list of feature gates; write [recordpolicy]"
        raise BadValueError("not_a_list", say)
    found: dict[str, bool] = {}
    for text in filter(None, (str(one).strip() for one in texts)):
        name = text.lstrip("+-").lower().removeprefix(PREFIX)
        field = _KNOWN.get(name)
        if field is None:
            raise BadValueError("unknown_feature_gate", _unknown(text, name))
        found[field] = not text.startswith("-")
    return Gates(**found)


def _unknown(text: str, name: str) -> str:
    why = _WITHOUT_MEANING.get(name)
    if why is not None:
        return f"{shown(text)} has no meaning here: {why}"
    known = ", ".join(sorted(_KNOWN))
    return f"{shown(text)} is no feature gate that is known here; those are {known}"


def gates_text(gates: Gates) -> list[str]:
    """The list that says the same."""
    return list(_texts(gates))


def _texts(gates: Gates) -> Iterator[str]:
    for name, field in _KNOWN.items():
        on = getattr(gates, field)
        if on or (on is False and field == "disable_invert_decisions"):
            yield name if on else f"-{name}"


FeatureGates = Annotated[
    Gates, PlainValidator(parse_gates), PlainSerializer(gates_text, return_type=list[str])
]
