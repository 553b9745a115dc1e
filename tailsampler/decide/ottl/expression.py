r"""A lowered condition, as it crosses to the core, and what it means to evaluate one.

Whoever evaluates it implements this page and the table in ``converters.py``; nothing is left to
taste. Source: contrib's tail sampling processor 0.155, as far as it was observed; what is inferred
from the source of its OTTL package instead is marked (inferred).

**Outcome.** Evaluating a node on a span (and, in context ``spanevent``, one of its events) gives a
value or an *error*. An error is a third outcome, not a value: it ends the evaluation of the whole
condition at once, unless it is not reached. ``not`` of an error is that error. What an error then
means for the policy is told by its ``error_mode``, which is not part of the expression.

**Kinds of values.** nil, bool, int (64 bits, signed), double (IEEE 754), string (UTF-8), bytes,
list, map, span_id (8 bytes), trace_id (16 bytes), time (an instant: seconds and nanoseconds since
1970, UTC), duration (int64 nanoseconds), text_list (only from ``Split``) and status (only from the
path ``status``). An empty attribute value is nil.

**Literals.** ``nil``, ``bool``, ``int``, ``double``, ``string``, ``bytes``, ``span_id``,
``trace_id``, ``time`` and ``duration`` are themselves. ``list`` and ``map`` evaluate their members
in order; an error in one is the error of the whole. A key that is written twice is there once,
with the later value.

**path.** ``context`` says whose ``field`` it is: ``resource``, ``scope``, ``span``, ``event``; the
fields, with their kinds, are the tables in ``paths.py``. ``keys`` index ``attributes`` (one or more
keys) or ``trace_state`` (one). Keys are evaluated one by one, as they are reached:

- In a map (the attributes themselves are one) the key must be a string, else error. A missing key
  is nil, at any depth, and ends the path: later keys are not evaluated. A key that is there twice
  counts by its first value.
- In a list the key must be an int, else error; below 0 or at or over the length is an error.
- Any other kind, nil included, cannot be indexed: error.
- ``trace_state`` with a key: the header is read as Go's SDK does (reference 3.4, ``trace_state``).
  Unreadable: nil. Absent key: ``""``. A key that is no string: error, if the header is readable.

**index.** Of a converter's result. A string key needs a map that has it, an int key a list or a
text_list that is long enough; everything else, a missing key included, is an error. Bytes can be
indexed by an int, too (inferred): the byte as a number that equals nothing (it has a kind of its
own, and no text).

**call.** ``function`` is a name from the table in ``converters.py``; ``arguments`` are as many as
its parameters, in their order, defaults filled in. Arguments are evaluated from the left; the error
of an argument is the error of the call. For ``IsMatch`` the second argument is a ``string`` node
with a pattern that was checked: Go's RE2 dialect, unanchored, no flags.

**math.** ``op`` is ``+ - * /``. Left, then right, then:

- int with int: wraps at 64 bits; ``/`` truncates toward zero, and -2^63 / -1 is -2^63.
- double with double or int: the int becomes the nearest double; IEEE arithmetic.
- ``/`` by 0, 0.0 or -0.0 is an error.
- time - time is a duration, clamped to int64. time + duration, duration + time and time - duration
  are times. duration + duration and duration - duration wrap at 64 bits. Any other operation with
  a time or duration is an error.
- Anything else on either side, nil included, is an error.

**negate.** A minus before a path, converter or parenthesis: -x of an int (wraps) or double (changes
the sign, of 0.0 too); anything else, durations included, is an error.

**compare.** Left is evaluated, then right, then the operator gives a bool, never an error:

- nil and nil: ``== <= >=`` are true, ``!= < >`` false.
- bool and bool: false is under true.
- int and int by number. If one is a double, the int becomes the nearest double, and IEEE rules
  hold: with NaN only ``!=`` is true.
- string and string, bytes and bytes: byte by byte.
- time and time, duration and duration: by length.
- span_id and span_id, trace_id and trace_id: ``==`` and ``!=`` by their bytes; ordering is false.
- list and list, map and map: ``==`` and ``!=``; ordering is false. Members must have the same kind
  and be equal: 2 is not 2.0 here, NaN is not NaN, nil is nil. Maps are equal whatever their order.
- status and status: ``==`` is true (inferred), ``!=`` false, for it is the same span's.
- text_list with anything, even with itself (inferred; contrib panics at the latter), and any two
  different kinds: only ``!=`` is true. ``x < nil`` is false, and so is ``x == nil`` for an id.

**and, or, not.** A term is evaluated and must give a bool; any other value is an error (only a
converter can give one). ``and`` goes from the left and ends at the first false or error, ``or`` at
the first true or error. The same holds for the whole condition: no bool is an error. Literal terms
do not occur: ``x and false`` was folded into false without a look at x (see ``fold.py``), so a
``bool`` node can stand as a whole condition only.

**As text** (parameters of kind ``text_like``):

- string: itself. nil: no text; the converter says what that means. bytes: hex, lower case.
- bool: ``true``/``false``. int: decimal.
- double: as Go's JSON. The shortest decimal that reads back as the same double, without exponent:
  503.0 is ``503``, 0.1 is ``0.1``. Under 1e-6 and from 1e21 on, in size, with an exponent of at
  least one digit: ``1e-7``, ``1e+21``. Infinities and NaN have no text: error.
- list, map, text_list: compact JSON, keys sorted by bytes, members by these rules, but strings are
  quoted, nil is ``null``, and bytes are base64 with padding, quoted (inferred). ``<``, ``>``,
  ``&``, U+2028 and U+2029 are written as ``\u003c`` and so on (inferred).
- time: RFC 3339 with nanoseconds where needed, in quotes (inferred). duration: nanoseconds in
  decimal (inferred). span_id, trace_id: their bytes as a JSON list of numbers (inferred);
  the paths ``trace_id.string`` and ``span_id.string`` are the hex. status: ``{}`` (inferred).
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, StrictBool

from tailsampler.decide.ottl.literals import MAX_INT, MIN_INT

FORMAT: Final = 1
"""Of ``Condition``; the core refuses one that it does not know."""


def _from_hex(value: object) -> object:
    return bytes.fromhex(value) if isinstance(value, str) else value


def _from_text(value: object) -> object:
    return float(value) if isinstance(value, str) else value


# JSON has neither bytes, nor infinities, nor a way to tell 1.0 from 1.
Hex = Annotated[bytes, BeforeValidator(_from_hex), PlainSerializer(bytes.hex, return_type=str)]
Real = Annotated[float, BeforeValidator(_from_text), PlainSerializer(repr, return_type=str)]
Int64 = Annotated[int, Field(strict=True, ge=MIN_INT, le=MAX_INT)]


class _Node(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NilValue(_Node):
    """``nil``."""

    kind: Literal["nil"] = "nil"


class BoolValue(_Node):
    """``true`` or ``false``."""

    kind: Literal["bool"] = "bool"
    value: StrictBool


class IntValue(_Node):
    """A number without a point, or an enum."""

    kind: Literal["int"] = "int"
    value: Int64


class DoubleValue(_Node):
    """A number with a point. In JSON a string: ``"0.1"``, ``"-0.0"``, ``"inf"``, ``"nan"``."""

    kind: Literal["double"] = "double"
    value: Real


class StringValue(_Node):
    """A text."""

    kind: Literal["string"] = "string"
    value: str


class BytesValue(_Node):
    """Bytes. In JSON hex, without 0x."""

    kind: Literal["bytes"] = "bytes"
    value: Hex


class SpanIdValue(_Node):
    """A span id, 8 bytes, hex in JSON."""

    kind: Literal["span_id"] = "span_id"
    value: Annotated[Hex, Field(min_length=8, max_length=8)]


class TraceIdValue(_Node):
    """A trace id, 16 bytes, hex in JSON."""

    kind: Literal["trace_id"] = "trace_id"
    value: Annotated[Hex, Field(min_length=16, max_length=16)]


class TimeValue(_Node):
    """An instant: ``seconds`` since 1970 in UTC, may be negative, plus ``nanos`` under 10^9."""

    kind: Literal["time"] = "time"
    seconds: Int64
    nanos: Annotated[int, Field(strict=True, ge=0, lt=1_000_000_000)]


class DurationValue(_Node):
    """A duration in nanoseconds."""

    kind: Literal["duration"] = "duration"
    ns: Int64


class ListValue(_Node):
    """A list of values, literal or not."""

    kind: Literal["list"] = "list"
    items: tuple[Expression, ...]


class Entry(_Node):
    """One key of a map and its value."""

    key: str
    value: Expression


class MapValue(_Node):
    """A map, in the order in which it is written; no key occurs twice."""

    kind: Literal["map"] = "map"
    entries: tuple[Entry, ...]


class Path(_Node):
    """A field of the span or of what it belongs to, e.g. ``span``, ``attributes``, ``"k"``."""

    kind: Literal["path"] = "path"
    context: Literal["resource", "scope", "span", "event"]
    field: str
    keys: tuple[Expression, ...] = ()


class Call(_Node):
    """A converter with all of its arguments."""

    kind: Literal["call"] = "call"
    function: str
    arguments: tuple[Expression, ...]


class Index(_Node):
    """A part of what a converter returns."""

    kind: Literal["index"] = "index"
    of: Expression
    keys: tuple[Annotated[StringValue | IntValue, Field(discriminator="kind")], ...]


class Math(_Node):
    """Arithmetic."""

    kind: Literal["math"] = "math"
    op: Literal["+", "-", "*", "/"]
    left: Expression
    right: Expression


class Negate(_Node):
    """A minus before something that is no literal."""

    kind: Literal["negate"] = "negate"
    of: Expression


class Compare(_Node):
    """A comparison."""

    kind: Literal["compare"] = "compare"
    op: Literal["==", "!=", "<", "<=", ">", ">="]
    left: Expression
    right: Expression


class And(_Node):
    """All of the terms, two or more, from the left."""

    kind: Literal["and"] = "and"
    terms: Annotated[tuple[Expression, ...], Field(min_length=2)]


class Or(_Node):
    """Any of the terms, two or more, from the left."""

    kind: Literal["or"] = "or"
    terms: Annotated[tuple[Expression, ...], Field(min_length=2)]


class Not(_Node):
    """The opposite of the term."""

    kind: Literal["not"] = "not"
    term: Expression


Expression = Annotated[
    NilValue
    | BoolValue
    | IntValue
    | DoubleValue
    | StringValue
    | BytesValue
    | SpanIdValue
    | TraceIdValue
    | TimeValue
    | DurationValue
    | ListValue
    | MapValue
    | Path
    | Call
    | Index
    | Math
    | Negate
    | Compare
    | And
    | Or
    | Not,
    Field(discriminator="kind"),
]


class Condition(_Node):
    """One condition: its text as written, and what the core evaluates."""

    format: Literal[1] = FORMAT
    context: Literal["span", "spanevent"]
    text: str
    expression: Expression


# They name ``Expression`` before it is there.
_NESTED: Final[tuple[type[_Node], ...]] = (
    *(ListValue, Entry, MapValue, Path, Call, Index, Math, Negate),
    *(Compare, And, Or, Not, Condition),
)
for _model in _NESTED:
    _model.model_rebuild()
