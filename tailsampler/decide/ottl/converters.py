"""The converters that a condition can use: parameters, result, and exact meaning.

``means`` is what the core implements. In it, "its text" is as ``expression.py`` says under "As
text". What a parameter kind does not take is an error; of a literal, already when it is read.

Parameter kinds: what they take, and what they hand on.

==============  ===================================================================================
``any``         Any value.
``text``        A string.
``text_like``   Any value, handed on as its text; nil stays nil.
``texts``       A list written in the condition, each member as ``text_like``.
``values``      A list written in the condition, of any values, at least one.
``pattern``     A literal string with a regex of Go's.
``word``        A literal string.
``int``         An int.
``int_like``    int; double, cut toward zero (NaN and what does not fit gives -2^63); bool, as 1 or
                0; string of decimal digits with or without a sign, any other string is nil; nil.
``double_like`` double; int; bool, as 1 or 0; string as Go's ParseFloat reads it, any other string
                is an error; nil.
``bool_like``   bool; int and double, true if not 0 (NaN is true); string as Go's ParseBool reads
                it (1 t T true TRUE True, 0 f F false FALSE False), any other is an error; nil.
``bytes_like``  bytes; string, as UTF-8; int and double, as 8 bytes, big-endian; bool, as one byte
                1 or 0; nil, as no bytes.
``list``        A list or text_list.
``time``        A time.
``duration``    A duration.
==============  ===================================================================================
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, TypeAlias

from tailsampler.decide.ottl.expression import IntValue, StringValue
from tailsampler.decide.ottl.paths import Context

Kind: TypeAlias = Literal[
    "any",
    "text",
    "text_like",
    "texts",
    "values",
    "pattern",
    "word",
    "int",
    "int_like",
    "double_like",
    "bool_like",
    "bytes_like",
    "list",
    "time",
    "duration",
]


class Parameter(NamedTuple):
    """One argument; with a default it may be left out."""

    name: str
    kind: Kind
    default: IntValue | StringValue | None = None


class Converter(NamedTuple):
    """One function. ``gives`` is the kind of its result, None where that depends on the value."""

    parameters: tuple[Parameter, ...]
    gives: str | None
    means: str
    contexts: tuple[Context, ...] = ("span", "spanevent")


def _of(kind: Kind, gives: str | None, means: str, name: str = "target") -> Converter:
    return Converter((Parameter(name, kind),), gives, means)


def _with(second: str, gives: str, means: str) -> Converter:
    return Converter((Parameter("target", "text"), Parameter(second, "text")), gives, means)


_TEXT: Final = Parameter("target", "text")

CONVERTERS: Final[dict[str, Converter]] = {
    # Kinds and conversions
    "IsString": _of("any", "bool", "Whether it is a string. No value is an error."),
    "IsInt": _of("any", "bool", "Whether it is an int. No value is an error."),
    "IsDouble": _of("any", "bool", "Whether it is a double. No value is an error."),
    "IsBool": _of("any", "bool", "Whether it is a bool. No value is an error."),
    "IsMap": _of("any", "bool", "Whether it is a map. No value is an error."),
    "IsList": _of("any", "bool", "Whether it is a list, a text_list, or the path events or links."),
    "Int": _of("int_like", None, "It as an int, or nil."),
    "Double": _of("double_like", None, "It as a double, or nil."),
    "Bool": _of("bool_like", None, "It as a bool, or nil."),
    "String": _of("text_like", None, "Its text, or nil."),
    "Coalesce": _of(
        "values", None, "The first that is not nil; later ones are not evaluated.", "values"
    ),
    # Texts
    "IsMatch": Converter(
        (Parameter("target", "text_like"), Parameter("pattern", "pattern")),
        "bool",
        "Whether the pattern matches anywhere in the text of target; of nil, false.",
    ),
    "Len": _of(
        "any",
        "int",
        "Bytes of a string or of bytes; members of a list, text_list or map, or of the paths "
        "events and links. Any other value is an error.",
    ),
    "Concat": Converter(
        (Parameter("vals", "texts"), Parameter("delimiter", "text")),
        "string",
        "The texts, with delimiter between each two; nil is written <nil>. The delimiter is "
        "evaluated first.",
    ),
    "Substring": Converter(
        (_TEXT, Parameter("start", "int"), Parameter("length", "int")),
        "string",
        "length bytes from byte start on. start < 0, length <= 0 and start + length over the "
        "length of target are errors. A character may be cut: the rest is bytes, not UTF-8.",
    ),
    "Split": _with(
        "delimiter",
        "text_list",
        'What stands between the delimiters, empty texts included; at "" into characters, of '
        "which an empty target has none.",
    ),
    "HasPrefix": _with("prefix", "bool", "Whether target begins with prefix."),
    "HasSuffix": _with("suffix", "bool", "Whether target ends with suffix."),
    "TrimPrefix": _with("prefix", "string", "target without one prefix, if it begins with it."),
    "TrimSuffix": _with("suffix", "string", "target without one suffix, if it ends with it."),
    "Trim": Converter(
        (_TEXT, Parameter("replacement", "word", StringValue(value=" "))),
        "string",
        "target without the characters of replacement at both ends, in any order and number.",
    ),
    "ToLowerCase": _of("text", "string", "Each character in its simple Unicode lower case."),
    "ToUpperCase": _of("text", "string", "Each character in its simple Unicode upper case."),
    "ToSnakeCase": _of(
        "text",
        "string",
        "Of target without white space at both ends, byte by byte, c with n the next and p the one "
        "before: an ASCII capital is written small; a space, _, - or . is written _. If n is "
        "there, and c is capital and n small or digit, or c small and n capital or digit, or c "
        "digit and n capital or small: a _ goes before c if c and p are capitals and n is small, "
        "and a _ goes after c if c is small or a digit, or n is a digit. All classes are ASCII, of "
        "the bytes as they were.",
    ),
    "ToCamelCase": _of(
        "text",
        "string",
        "Of target without white space at both ends, byte by byte: an ASCII letter is written, "
        "capital if it is the first or follows a digit or a space, _, - or ., else small if it and "
        "the byte before are capitals, else as it is; a digit is written; any other byte is left "
        "out, and after one that is no space, _, - or . the next letter stays as it is. The whole "
        "text ID is written Id.",
    ),
    # Lists
    "ContainsValue": Converter(
        (Parameter("target", "list"), Parameter("item", "any")),
        "bool",
        "Whether a member == item, by the rules of compare.",
    ),
    "Index": Converter(
        (Parameter("target", "any"), Parameter("value", "any")),
        "int",
        "Of a string: the byte at which value first occurs, or -1; a value that is no string is an "
        "error. Of a list or text_list: the place of the first member == value, from 0, or -1. Of "
        "anything else: error.",
    ),
    # Hashes and encodings
    "Hex": _of("bytes_like", "string", "Two lower-case hex digits a byte."),
    "MD5": _of("text", "string", "Of its UTF-8, in lower-case hex."),
    "SHA1": _of("text", "string", "Of its UTF-8, in lower-case hex."),
    "SHA256": _of("text", "string", "Of its UTF-8, in lower-case hex."),
    "SHA512": _of("text", "string", "Of its UTF-8, in lower-case hex."),
    "FNV": _of("text", "int", "FNV-1a, 64 bits, of its UTF-8, read as signed."),
    "Base64Decode": _of(
        "text",
        "string",
        "The bytes of standard base64 with padding, as a string; line feeds and carriage returns "
        "are skipped. Anything else is an error.",
    ),
    "ParseJSON": _of(
        "text",
        None,
        "The list or map that the JSON text is; numbers are doubles, null is nil, of a key that "
        "occurs twice the last counts. No JSON, or JSON of another kind, is an error.",
    ),
    "URL": _of(
        "text",
        "map",
        "Parts of a URL, as Go's url.Parse takes it apart: url.original (put together again), "
        "url.domain (without port), url.scheme, url.path (decoded), always there; url.port (int), "
        "url.fragment (decoded), url.query (raw), url.user_info, url.username, url.password and "
        "url.extension (of the path, after its last dot), if not empty. An empty text, or one that "
        "cannot be taken apart, is an error.",
        "uri",
    ),
    # Ids
    "SpanID": _of("bytes_like", "span_id", "Of 8 bytes or of 16 hex digits; else error."),
    "TraceID": _of("bytes_like", "trace_id", "Of 16 bytes or of 32 hex digits; else error."),
    "IsRootSpan": Converter((), "bool", "Whether parent_span_id is absent or all zero.", ("span",)),
    # Durations and times
    "Duration": _of("text", "duration", "As Go's time.ParseDuration reads it.", "duration"),
    "Nanoseconds": _of("duration", "int", "Nanoseconds.", "duration"),
    "Microseconds": _of("duration", "int", "Whole ones, cut toward zero.", "duration"),
    "Milliseconds": _of("duration", "int", "Whole ones, cut toward zero.", "duration"),
    "Seconds": _of("duration", "double", "Whole ones as a double, plus ns / 1e9.", "duration"),
    "Minutes": _of("duration", "double", "Whole ones as a double, plus ns / 6e10.", "duration"),
    "Hours": _of("duration", "double", "Whole ones as a double, plus ns / 3.6e12.", "duration"),
    "Unix": Converter(
        (Parameter("seconds", "int"), Parameter("nanoseconds", "int", IntValue(value=0))),
        "time",
        "That many seconds and nanoseconds, of any size and sign, after 1970.",
    ),
    "UnixNano": _of("time", "int", "Nanoseconds since 1970, wrapped to 64 bits.", "time"),
    "UnixMicro": _of("time", "int", "Whole microseconds since 1970, cut downward.", "time"),
    "UnixMilli": _of("time", "int", "Whole milliseconds since 1970, cut downward.", "time"),
    "UnixSeconds": _of("time", "int", "Whole seconds since 1970, cut downward.", "time"),
    "Year": _of("time", "int", "In UTC, as the rest of these.", "time"),
    "Month": _of("time", "int", "1 to 12.", "time"),
    "Day": _of("time", "int", "Of the month, 1 to 31.", "time"),
    "Weekday": _of("time", "int", "0 is Sunday.", "time"),
    "Hour": _of("time", "int", "0 to 23.", "time"),
    "Minute": _of("time", "int", "0 to 59.", "time"),
    "Second": _of("time", "int", "0 to 59.", "time"),
    "Nanosecond": _of("time", "int", "Of the second, 0 to 999,999,999.", "time"),
}

LOWERED: Final[dict[str, tuple[Parameter, ...]]] = {
    "ConvertCase": (_TEXT, Parameter("to_case", "word")),
    "Time": (
        Parameter("time", "word"),
        Parameter("format", "word"),
        Parameter("location", "word", StringValue(value="")),
        Parameter("locale", "word", StringValue(value="")),
    ),
}
"""Converters that the core never sees: another one or a literal stands for each of their calls."""

CASES: Final = {
    "lower": "ToLowerCase",
    "upper": "ToUpperCase",
    "snake": "ToSnakeCase",
    "camel": "ToCamelCase",
}
"""``ConvertCase(target, "lower")`` is lowered to the converter of that case."""

REFUSED: Final[dict[str, str]] = {
    "Now": "it reads the clock, so a trace judged twice would get two verdicts; compare "
    "end_time - start_time with a Duration instead",
    "UUID": "it is random; for a share of traces write a probabilistic policy",
    "UUIDv7": "it is random; for a share of traces write a probabilistic policy",
    "FormatTime": "it writes times by a format; compare the time itself, or Year(...) and its kin",
    "ProfileID": "a trace has no profiles; leave it out",
}
"""Converters of contrib that conditions cannot use here, each with its reason and a way out."""

NOT_YET: Final = frozenset(
    {
        *("All", "Any", "Base64Encode", "CommunityID", "ConvertAttributesToElementsXML"),
        *("ConvertTextToElementsXML", "Decode", "ExtractGrokPatterns", "ExtractPatterns", "Filter"),
        *("Find", "Format", "GetXML", "InsertXML", "IsEmpty", "IsInCIDR", "IsValidLuhn", "Keys"),
        *("Log", "MapEach", "MapKeys", "Murmur3Hash", "Murmur3Hash128", "ParseCSV", "ParseInt"),
        *("ParseKeyValue", "ParseSeverity", "ParseSimplifiedXML", "ParseXML", "Reduce"),
        *("RemoveXML", "SliceToMap", "Sort", "ToKeyValueString", "TruncateTime", "UserAgent"),
        *("Values", "When", "XXH128", "XXH3"),
    }
)
"""Converters of contrib that nobody has needed in a condition so far."""
