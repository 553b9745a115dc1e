"""Literals are taken out of ``and`` and ``or``, and nothing changes its meaning by it."""

from dataclasses import dataclass
from typing import TypeAlias

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tailsampler.decide.ottl import parse
from tailsampler.decide.ottl.expression import And, BoolValue, Expression, Not, Or
from tests.decide.ottl.evaluator import EvaluationError, Value, truth

Outcome: TypeAlias = bool | None  # None: an error


@dataclass(frozen=True)
class Atom:
    """A text, what it gives on ``SPAN``, and whether it is written out."""

    text: str
    outcome: Outcome
    literal: bool


@dataclass(frozen=True)
class Row:
    """Terms joined by ``and`` or ``or``, or one behind ``not``."""

    word: str
    terms: "tuple[Tree, ...]"


Tree: TypeAlias = Atom | Row

SPAN: dict[str, Value] = {"yes": True, "no": False, "text": "abc", "number": 7}
ATOMS = (
    Atom("true", True, True),
    Atom("false", False, True),
    Atom("1 == 1", True, True),
    Atom("2 < 1", False, True),
    Atom("1 == 1.0", True, True),
    Atom("[2] == [2.0]", False, True),
    Atom('"a" != nil', True, True),
    Atom('{"k": [nil]} == {"k": [nil]}', True, True),
    Atom('attributes["yes"] == true', True, False),
    Atom('attributes["no"] == true', False, False),
    Atom('attributes["missing"] == nil', True, False),
    Atom('attributes["text"] < "abd"', True, False),
    Atom("1 + 1 == 2", True, False),
    Atom('1 + 1 == "2"', False, False),
    Atom('Len("abc") == 3', True, False),
    Atom("Len(nil) == 3", None, False),
    Atom("1 / 0 == 1", None, False),
    Atom('attributes["text"] + 1 == 1', None, False),
    Atom('Len("abc")', None, False),
)


def text_of(tree: Tree) -> str:
    if isinstance(tree, Atom):
        return tree.text
    if tree.word == "not":
        return f"not ({text_of(tree.terms[0])})"
    return f" {tree.word} ".join(f"({text_of(term)})" for term in tree.terms)


def known(tree: Tree) -> Outcome:
    """True or false if literals decide it, wherever they stand; None if a span is needed."""
    if isinstance(tree, Atom):
        return tree.outcome if tree.literal else None
    terms = [known(term) for term in tree.terms]
    if tree.word == "not":
        return None if terms[0] is None else not terms[0]
    decides = tree.word == "or"
    if decides in terms:
        return decides
    return None if None in terms else not decides


def left_to_right(tree: Tree) -> Outcome:
    """What it gives if every term is looked at in turn, literals like any other."""
    if isinstance(tree, Atom):
        return tree.outcome
    if tree.word == "not":
        inner = left_to_right(tree.terms[0])
        return None if inner is None else not inner
    for term in tree.terms:
        outcome = left_to_right(term)
        if outcome is None or outcome == (tree.word == "or"):
            return outcome
    return tree.word == "and"


def meant(tree: Tree) -> Outcome:
    """The rule of the reference: literals first, then left to right with short circuit."""
    if (decided := known(tree)) is not None:
        return decided
    if isinstance(tree, Atom):
        return tree.outcome
    if tree.word == "not":
        inner = meant(tree.terms[0])
        return None if inner is None else not inner
    for term in tree.terms:
        outcome = meant(term)
        if outcome is None or outcome == (tree.word == "or"):
            return outcome
    return tree.word == "and"


def evaluated(text: str) -> Outcome:
    try:
        return truth(parse(text, "span").expression, SPAN)
    except EvaluationError:
        return None


def rows(terms: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    several = st.lists(terms, min_size=2, max_size=4).map(tuple)
    return st.one_of(
        st.builds(Row, word=st.sampled_from(["and", "or"]), terms=several),
        st.builds(Row, word=st.just("not"), terms=st.tuples(terms)),
    )


TREES: st.SearchStrategy[Tree] = st.recursive(st.sampled_from(ATOMS), rows, max_leaves=12)


@settings(max_examples=400)
@given(tree=TREES)
@example(tree=Row("and", (ATOMS[15], ATOMS[1])))
@example(tree=Row("or", (ATOMS[15], Row("not", (ATOMS[1],)))))
def test_folding_keeps_the_meaning(tree: Tree) -> None:
    """True, false or an error: as the reference says, for every mix of literals and spans."""
    assert evaluated(text_of(tree)) == meant(tree)


@settings(max_examples=400)
@given(tree=TREES)
def test_folding_changes_nothing_but_errors_beside_literals(tree: Tree) -> None:
    """Where plain evaluation gives a value, folding gives the same one."""
    plain = left_to_right(tree)
    if plain is not None:
        assert evaluated(text_of(tree)) == plain


@settings(max_examples=200)
@given(tree=TREES)
def test_what_is_known_is_a_literal(tree: Tree) -> None:
    """A bool node stands for the whole condition, exactly where literals decide it."""
    found = parse(text_of(tree), "span").expression
    decided = known(tree)
    if decided is None:
        assert not any(isinstance(term, BoolValue) for term in terms_of(found))
    else:
        assert found == BoolValue(value=decided)


def terms_of(node: Expression) -> list[Expression]:
    """The node and whatever ``and``, ``or`` and ``not`` join in it."""
    match node:
        case And(terms=terms) | Or(terms=terms):
            return [node, *(inner for term in terms for inner in terms_of(term))]
        case Not(term=term):
            return [node, *terms_of(term)]
        case _:
            return [node]


@pytest.mark.parametrize("atom", ATOMS, ids=lambda atom: atom.text)
def test_the_atoms_are_what_the_trees_take_them_for(atom: Atom) -> None:
    """The table is right, or the properties above would be about nothing."""
    assert evaluated(atom.text) == atom.outcome
    assert isinstance(parse(atom.text, "span").expression, BoolValue) == atom.literal


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("nil == nil", True),
        ("nil <= nil", True),
        ("nil >= nil", True),
        ("nil < nil", False),
        ("nil != nil", False),
        ("nil == false", False),
        ("nil != 0", True),
        ('"" == nil', False),
        ("false < true", True),
        ("true <= false", False),
        ("true > 0", False),
        ("1 < 1.5", True),
        ("9007199254740993 == 9007199254740992.0", True),
        ("9007199254740993 == 9007199254740992", False),
        ("-0.0 == 0", True),
        ('"a" < "b"', True),
        ('"\\uffff" < "\\U00010000"', True),
        ("0x01 < 0x0100", True),
        ("0x00 == [0]", False),
        ('0x61 == "a"', False),
        ("[1] < [2]", False),
        ("[1] <= [1]", False),
        ("[1, nil] == [1, nil]", True),
        ("[1] == [1, 2]", False),
        ("[[1], {}] == [[1], {}]", True),
        ("[2] != [2.0]", True),
        ('{"a": 1, "b": 2} == {"b": 2, "a": 1}', True),
        ('{"a": 1} == {"a": 1, "b": 2}', False),
        ('{"a": 1} == {"b": 1}', False),
        ('{"a": 1, "a": 2} == {"a": 2}', True),
        ("{} == []", False),
        ("{} >= {}", False),
        ("SPAN_KIND_SERVER == 2", True),
        ("STATUS_CODE_UNSET < STATUS_CODE_ERROR", True),
        ("(1) == 1", True),
        ("-(1) < 0 or true", True),
    ],
)
def test_comparisons_of_literals(text: str, outcome: bool) -> None:
    """By number across int and double, strict in lists and maps, unequal across kinds."""
    assert parse(text, "span").expression == BoolValue(value=outcome)


@pytest.mark.parametrize(
    "text",
    [
        "1 + 1 == 2",
        "-(1) == -1",
        'Len("a") == 1',
        "IsString(nil)",
        "SpanID(0x0000000000000000) == SpanID(0x0000000000000000)",
        'Duration("1s") == Duration("1s")',
        "[1 + 1] == [2]",
        "name == name",
    ],
)
def test_arithmetic_and_converters_are_not_literals(text: str) -> None:
    """Beside an error they must not decide: the error is met first."""
    assert not isinstance(parse(text, "span").expression, BoolValue)
    assert not isinstance(parse(f"Len(nil) == 1 or {text}", "span").expression, BoolValue)
