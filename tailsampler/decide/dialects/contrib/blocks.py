"""One frozen model a policy type: what stands in the block that is named like the type.

Defaults and decoding are contrib's. ``start_errors`` finds what contrib refuses when it builds the
policy; it is asked only of the block that the policy's type reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Final, Literal, NamedTuple

from pydantic import Field, PlainValidator, model_validator
from pydantic_core import InitErrorDetails

from tailsampler.decide.dialects.contrib.regex import regex_problem
from tailsampler.decide.dialects.contrib.values import (
    Number,
    Short,
    Switch,
    Text,
    Texts,
    Whole,
    parse_text,
)
from tailsampler.settings.base import BadValueError, Section, did_you_mean, found
from tailsampler.settings.values import shown

STATUS_CODES: Final = ("OK", "ERROR", "UNSET")
ErrorMode = Literal["ignore", "silent", "propagate"]
_MODES: Final[tuple[ErrorMode, ...]] = ("ignore", "silent", "propagate")


class Block(Section):
    """A mapping that contrib decodes: a key without a value is as if it were not there."""

    STATEFUL: ClassVar[bool] = False

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return {key: data[key] for key in data if data[key] is not None or not cls._has(key)}

    @classmethod
    def _has(cls, key: str) -> bool:
        return key in cls.model_fields

    def start_errors(self) -> Iterator[InitErrorDetails]:
        """What contrib refuses when it starts, located below this block."""
        yield from ()

    @property
    def stateful(self) -> bool:
        """Whether contrib calls it so: ``span-ingest`` refuses such policies."""
        return self.STATEFUL


class AlwaysSample(Block):
    """Every trace."""


class TraceFlags(Block):
    """Some span has the lowest bit of ``flags`` set."""


class Latency(Block):
    """Traces that last longer."""

    HINTS: ClassVar = {"threshold": "write threshold_ms, a number of milliseconds"}

    threshold_ms: Whole = Field(default=0, description="Milliseconds.", examples=["1000"])
    upper_threshold_ms: Whole = Field(default=0, description="Milliseconds; 0: no upper bound.")

    @property
    def stateful(self) -> bool:
        """With an upper bound the order of arrival matters."""
        return self.upper_threshold_ms != 0


class NumericAttribute(Block):
    """A whole number within bounds, both included; 0 is no bound."""

    key: Text = Field(default="", description="Attribute.", examples=["http.status_code"])
    min_value: Whole = Field(default=0, description="0: no lower bound.")
    max_value: Whole = Field(default=0, description="0: no upper bound.")
    invert_match: Switch = Field(default=False, description="The opposite.")


class Probabilistic(Block):
    """A share of the trace ids, told by their FNV hash."""

    HINTS: ClassVar = {
        "hash_seed": "that is of probabilistic_sampler; write hash_salt, a text",
        "sample_rate": "write sampling_percentage, from 0 to 100",
    }

    hash_salt: Text = Field(default="", description="Empty: `default-hash-seed`.")
    sampling_percentage: Number = Field(default=0.0, description="Per cent.", examples=["10"])


class StatusCode(Block):
    """Some span has one of these status codes."""

    status_codes: Texts = Field(default=(), description="OK, ERROR, UNSET.", examples=["[ERROR]"])

    def start_errors(self) -> Iterator[InitErrorDetails]:
        """None at all, or one that does not exist."""
        if not self.status_codes:
            say = "there is no status code to look for; write status_codes: [ERROR]"
            yield found("no_status_code", say, ("status_codes",))
        for at, code in enumerate(self.status_codes):
            if code not in STATUS_CODES:
                say = f"{shown(code)} is no status code; {_code_meant(code)}"
                yield found("unknown_status_code", say, ("status_codes", at))


def _code_meant(code: str) -> str:
    upper = code.strip().upper()
    if upper in STATUS_CODES:
        return f"write {upper}, in capitals and without blanks"
    return "write OK, ERROR or UNSET"


class StringAttribute(Block):
    """A text that is one of these, or in which one of these expressions is found."""

    key: Text = Field(default="", description="Attribute.", examples=["service.name"])
    values: Texts = Field(default=(), description="Texts or expressions.", examples=["[cart]"])
    enabled_regex_matching: Switch = Field(default=False, description="Values are expressions.")
    cache_max_size: Whole = Field(default=0, description="Results that contrib remembers.")
    invert_match: Switch = Field(default=False, description="The opposite.")

    HINTS: ClassVar = {
        "value": "write values: [...]",
        "regex": "write enabled_regex_matching: true",
    }

    def start_errors(self) -> Iterator[InitErrorDetails]:
        """Expressions that are none."""
        for at, value in enumerate(self.values if self.enabled_regex_matching else ()):
            if why := regex_problem(value):
                yield found("bad_regex", f"{shown(value)} {why}", ("values", at))


class RateLimiting(Block):
    """So many spans a second."""

    STATEFUL: ClassVar = True

    spans_per_second: Whole = Field(default=0, description="Spans.", examples=["100"])
    burst_capacity: Whole = Field(default=0, description="Spans; 0: twice the rate.")


class BytesLimiting(Block):
    """So many bytes a second."""

    STATEFUL: ClassVar = True

    bytes_per_second: Whole = Field(default=0, description="Bytes.", examples=["1048576"])
    burst_capacity: Whole = Field(default=0, description="Bytes; 0: twice the rate.")


class SpanCount(Block):
    """Traces of so many spans, both ends included."""

    min_spans: Short = Field(default=0, description="Spans.", examples=["2"])
    max_spans: Short = Field(default=0, description="Spans; 0: any number.")

    @property
    def stateful(self) -> bool:
        """With an upper bound a trace can match and later not match any more."""
        return self.max_spans != 0


class TraceState(Block):
    """Some span's ``tracestate`` has this key with one of these values."""

    key: Text = Field(default="", description="Key.", examples=["vendor"])
    values: Texts = Field(default=(), description="Values.", examples=["[gold]"])


class BooleanAttribute(Block):
    """A switch that has this value."""

    key: Text = Field(default="", description="Attribute.", examples=["app.keep"])
    value: Switch = Field(default=False, description="true or false.")
    invert_match: Switch = Field(default=False, description="The opposite.")


def _error_mode(value: object) -> ErrorMode | None:
    text = parse_text(value)
    for mode in _MODES:
        if text.lower() == mode:
            return mode
    meant = did_you_mean(text, _MODES)
    hint = f"did you mean {meant}?" if meant else f"write one of {', '.join(_MODES)}"
    raise BadValueError("unknown_word", f"{shown(value)} is no error mode; {hint}")


class OttlCondition(Block):
    """Some span, or some event of it, for which one of these conditions is true."""

    error_mode: Annotated[ErrorMode | None, PlainValidator(_error_mode)] = Field(
        default=None, description="ignore, silent or propagate; not written, it acts as silent."
    )
    span: Texts = Field(default=(), description="Conditions.", examples=["['name == \"x\"']"])
    spanevent: Texts = Field(default=(), description="Conditions of events.")

    HINTS: ClassVar = {
        "conditions": "write span: [...], spanevent: [...] or both",
        "span_event": "write spanevent",
    }

    def start_errors(self) -> Iterator[InitErrorDetails]:
        """No condition at all, and conditions that are none."""
        if not self.span and not self.spanevent:
            say = 'there is no condition; write span: [\'attributes["k"] == "v"\'], or spanevent'
            yield found("no_condition", say, ("span",))
        contexts: tuple[Literal["span", "spanevent"], ...] = ("span", "spanevent")
        for context in contexts:
            for at, text in enumerate(getattr(self, context)):
                if problem := _ottl_problem(text, context):
                    yield found(problem.code, problem.say, (context, at))


class _OttlProblem(NamedTuple):
    code: str
    say: str


@lru_cache(1_024)
def _ottl_problem(text: str, context: Literal["span", "spanevent"]) -> _OttlProblem | None:
    # The grammar is read only by those who have conditions.
    from tailsampler.decide.ottl import OttlError, parse  # noqa: PLC0415

    try:
        parse(text, context)
    except OttlError as error:
        where = f"column {error.column}" if error.line == 1 else f"line {error.line}"
        return _OttlProblem(error.code, f"{where} of {shown(text)}: {error.say}")
    return None


class RateAllocation(Block):
    """The share of one sub-policy."""

    policy: Text = Field(default="", description="Its name.", examples=["errors"])
    percent: Whole = Field(default=0, description="Per cent of the total.", examples=["50"])


class DecisionCache(Block):
    """How many verdicts contrib remembers for late spans."""

    sampled_cache_size: Whole = Field(default=0, description="Kept traces.")
    non_sampled_cache_size: Whole = Field(default=0, description="Dropped traces.")


SIMPLE: Final[dict[str, type[Block]]] = {
    "always_sample": AlwaysSample,
    "latency": Latency,
    "numeric_attribute": NumericAttribute,
    "probabilistic": Probabilistic,
    "status_code": StatusCode,
    "string_attribute": StringAttribute,
    "rate_limiting": RateLimiting,
    "bytes_limiting": BytesLimiting,
    "span_count": SpanCount,
    "trace_state": TraceState,
    "boolean_attribute": BooleanAttribute,
    "ottl_condition": OttlCondition,
    "trace_flags": TraceFlags,
}
"""The types that hold no other policies, in the order of contrib's documentation."""
