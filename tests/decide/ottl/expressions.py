"""Expressions to try things on: any that ``parse`` could have made."""

from hypothesis import strategies as st

from tailsampler.decide.ottl.converters import CONVERTERS
from tailsampler.decide.ottl.expression import (
    And,
    BoolValue,
    BytesValue,
    Call,
    Compare,
    DoubleValue,
    DurationValue,
    Entry,
    Expression,
    Index,
    IntValue,
    ListValue,
    MapValue,
    Math,
    Negate,
    NilValue,
    Not,
    Or,
    Path,
    SpanIdValue,
    StringValue,
    TimeValue,
    TraceIdValue,
)
from tailsampler.decide.ottl.paths import COUNTED, FIELDS, Owner

INT64 = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(st.characters(codec="utf-8"), max_size=5)
STRING: st.SearchStrategy[Expression] = TEXT.map(lambda text: StringValue(value=text))
INT: st.SearchStrategy[Expression] = INT64.map(lambda number: IntValue(value=number))
DOUBLE: st.SearchStrategy[Expression] = st.floats(allow_nan=False, allow_infinity=False).map(
    lambda number: DoubleValue(value=number)
)
LITERALS: st.SearchStrategy[Expression] = st.one_of(
    STRING,
    INT,
    DOUBLE,
    st.just(NilValue()),
    st.booleans().map(lambda flag: BoolValue(value=flag)),
    st.binary(min_size=1, max_size=4).map(lambda octets: BytesValue(value=octets)),
)
CONSTANTS: st.SearchStrategy[Expression] = st.one_of(
    st.binary(min_size=8, max_size=8).map(lambda octets: SpanIdValue(value=octets)),
    st.binary(min_size=16, max_size=16).map(lambda octets: TraceIdValue(value=octets)),
    INT64.map(lambda ns: DurationValue(ns=ns)),
    st.builds(TimeValue, seconds=INT64, nanos=st.integers(0, 999_999_999)),
)


def paths(owners: tuple[Owner, ...] = ("span", "resource", "scope")) -> st.SearchStrategy[Path]:
    fields = [
        (owner, field, spec.indexed)
        for owner in owners
        for field, spec in FIELDS[owner].items()
        if field not in COUNTED
    ]

    @st.composite
    def one(draw: st.DrawFn) -> Path:
        owner, field, indexed = draw(st.sampled_from(fields))
        keys: list[Expression] = []
        if indexed != "no" and draw(st.booleans()):
            keys.append(draw(STRING))
            if indexed == "map":
                keys += draw(st.lists(st.one_of(STRING, INT), max_size=2))
        return Path(context=owner, field=field, keys=tuple(keys))

    return one()


def calls(values: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    split = st.builds(
        Call,
        function=st.just("Split"),
        arguments=st.tuples(paths(), STRING),
    )
    keys = st.lists(
        st.one_of(
            TEXT.map(lambda text: StringValue(value=text)),
            st.integers(0, 9).map(lambda at: IntValue(value=at)),
        ),
        min_size=1,
        max_size=2,
    ).map(tuple)
    of_any = [
        name for name, one in CONVERTERS.items() if [p.kind for p in one.parameters] == ["any"]
    ]
    return st.one_of(
        st.builds(Index, of=split, keys=keys),
        st.builds(Call, function=st.sampled_from(of_any), arguments=st.tuples(values)),
        st.builds(Call, function=st.just("Index"), arguments=st.tuples(values, values)),
        st.builds(
            Call,
            function=st.just("Concat"),
            arguments=st.tuples(
                st.lists(values, max_size=3).map(lambda items: ListValue(items=tuple(items))),
                STRING,
            ),
        ),
    )


def _values(deeper: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    numbers = st.one_of(INT, DOUBLE, paths(), calls(deeper))
    entries = st.dictionaries(TEXT, deeper, max_size=3)
    return st.one_of(
        calls(deeper),
        st.builds(Math, op=st.sampled_from("+-*/"), left=numbers, right=numbers),
        st.builds(Negate, of=st.one_of(paths(), INT, calls(deeper))),
        st.lists(deeper, max_size=3).map(lambda items: ListValue(items=tuple(items))),
        entries.map(
            lambda known: MapValue(
                entries=tuple(Entry(key=key, value=value) for key, value in known.items())
            )
        ),
    )


VALUES: st.SearchStrategy[Expression] = st.recursive(
    st.one_of(LITERALS, CONSTANTS, paths()), _values, max_leaves=6
)
UNKNOWN: st.SearchStrategy[Expression] = st.one_of(paths(), CONSTANTS, calls(VALUES))
"""Values that no span has been asked for, so that a comparison with them stays one."""

COMPARISONS = st.builds(
    Compare, op=st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), left=UNKNOWN, right=VALUES
)


def _conditions(deeper: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    several = st.lists(deeper, min_size=2, max_size=3).map(tuple)
    return st.one_of(
        st.builds(And, terms=several), st.builds(Or, terms=several), st.builds(Not, term=deeper)
    )


CONDITIONS: st.SearchStrategy[Expression] = st.recursive(
    st.one_of(COMPARISONS, calls(VALUES)), _conditions, max_leaves=6
)
