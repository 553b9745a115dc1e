"""From text to a query, or to a message that says where and what to write."""

from typing import Final

from lark import Token, Tree
from lark.exceptions import UnexpectedInput, UnexpectedToken

from tailsampler.traces.traceql.build import condition_of
from tailsampler.traces.traceql.errors import TraceQLError
from tailsampler.traces.traceql.grammar import parser
from tailsampler.traces.traceql.shape import Node, first_token, fold, is_deep, is_tall, is_tree
from tailsampler.traces.traceql.tree import Both, Either, Filter, Query, Spanset

MAX_BYTES: Final = 8 * 1024
_AGGREGATES: Final = frozenset({"count", "avg", "max", "min", "sum"})
_FUNCTIONS: Final = _AGGREGATES | {
    "by",
    "coalesce",
    "select",
    "rate",
    "count_over_time",
    "min_over_time",
    "max_over_time",
    "avg_over_time",
    "sum_over_time",
    "quantile_over_time",
    "histogram_over_time",
    "compare",
    "topk",
    "bottomk",
}
_STRUCTURE: Final = frozenset({">", "<", "!~"})


def parse(text: str) -> Query:
    """A query that can be answered; ``TraceQLError`` says why it cannot."""
    if len(text.encode(errors="replace")) > MAX_BYTES:
        say = f"the query is longer than {MAX_BYTES:,} bytes; ask for less at once"
        raise TraceQLError("too_large", say)
    if text.strip() and not {"{", "("} & set(text):
        say = "a query selects spans in braces; write e.g. { status = error }"
        raise TraceQLError("syntax", say)
    try:
        tree = parser.parse(text)
    except UnexpectedInput as error:
        raise _explained(error, text) from None
    root = None if is_deep(tree) else _spanset(tree.children[0])
    if root is None or is_tall(root):
        say = "the query nests too deeply; group alike operators, leave out parentheses"
        raise TraceQLError("too_large", say)
    return Query(text, root)


def _spanset(node: Node) -> Spanset:
    if not is_tree(node):
        raise _no_spanset(first_token(node))
    match node.data:
        case "spanset":
            return Filter(condition_of(node.children[0] if node.children else None))
        case "group":
            return _spanset(node.children[0])
        case "row":
            return _joined(node)
        case "pipeline":
            raise _pipeline(node)
        case "part":
            return _part(node)
        case _:
            raise _no_spanset(first_token(node))


def _part(node: Tree[Token]) -> Spanset:
    base, *calls = node.children
    for call in node.children if is_tree(base) and base.data == "call" else calls:
        _check_call(call)
    return _spanset(base)


def _check_call(node: Node) -> None:
    """Only the hint that is always true here passes."""
    name = first_token(node)
    if name == "with":
        hint = [str(token) for token in node.scan_values(lambda _: True)] if is_tree(node) else []
        if hint == ["with", "most_recent", "=", "true"]:
            return
        raise _unsupported(name, "hints other than with(most_recent=true); leave them out")
    if name not in _FUNCTIONS:
        say = f"{_shown(name)} is no function of TraceQL; write spansets, as {{ status = error }}"
        raise TraceQLError("syntax", say, name.line or 1, name.column or 1)
    raise _function(name)


def _joined(node: Tree[Token]) -> Spanset:
    parts, operators = node.children[::2], node.children[1::2]
    for each in operators:
        _check_operator(first_token(each), parts)
    return fold(
        [_spanset(part) for part in parts],
        [str(first_token(each)) for each in operators],
        Both,
        Either,
    )


def _check_operator(token: Token, parts: list[Node]) -> None:
    if token in {"&&", "||"}:
        return
    for part in parts:
        if is_tree(part) and part.data == "part":
            for call in part.find_data("call"):
                _check_call(call)
    if token.type == "STRUCTURE" or token in _STRUCTURE:
        raise _unsupported(
            token, f"{token} between spansets (how spans are related); write && or || instead"
        )
    say = f"{token} cannot stand between spansets; write && or ||"
    raise TraceQLError("syntax", say, token.line or 1, token.column or 1)


def _pipeline(node: Tree[Token]) -> TraceQLError:
    """The first stage that is not answered; a pipe at least is not."""
    for call in node.find_data("call"):
        if first_token(call) not in _FUNCTIONS | {"with"}:
            _check_call(call)
    pipe = next(token for token in node.children if isinstance(token, Token))
    return _unsupported(pipe, "pipelines (|); write one or more spansets, joined by && and ||")


def _function(name: Token) -> TraceQLError:
    kind = "aggregates" if name in _AGGREGATES else "functions"
    return _unsupported(name, f"{kind} ({name}); write spansets, joined by && and ||")


def _no_spanset(token: Token) -> TraceQLError:
    say = f"{_shown(token)} stands where a spanset is expected; write {{ ... }}"
    return TraceQLError("syntax", say, token.line or 1, token.column or 1)


def _unsupported(token: Token, say: str) -> TraceQLError:
    return TraceQLError("unsupported", say, token.line or 1, token.column or 1)


def _explained(error: UnexpectedInput, text: str) -> TraceQLError:
    lines = text.split("\n")
    ended = isinstance(error, UnexpectedToken) and error.token.type == "$END"
    if ended or error.line < 1:
        say = "the query ends too early; close what is open"
        if not text.strip():
            say = "the query is empty; write {} for every span, or e.g. { status = error }"
        return TraceQLError("syntax", say, len(lines), len(lines[-1]) + 1)
    at = sum(len(line) + 1 for line in lines[: error.line - 1]) + error.column - 1
    found = str(error.token) if isinstance(error, UnexpectedToken) else text[at : at + 1]
    return TraceQLError("syntax", _advice(found, text, at), error.line, error.column)


def _advice(found: str, text: str, position: int) -> str:
    if found.startswith("=") and text[:position].endswith("="):
        return "== is no operator; write = to compare"
    if found == "'":
        return 'texts stand in double quotes or backticks; write "cart"'
    if found in {'"', "`"}:
        return f"a text is not closed, or holds a line break; end it with {found}"
    if text[:position].rstrip()[-1:] in set("=<>~&|"):
        return f"a value is missing before {_shown(found)}; write e.g. {{ name = `pay` }}"
    if found in {".", ":"}:
        return "an attribute needs a scope and a name; write .name, span.name or resource.name"
    return f"{_shown(found)} is not expected here; write e.g. {{ span.http.route = `/cart` }}"


def _shown(text: str) -> str:
    return repr(str(text) if len(text) <= 32 else f"{text[:31]}...")
