"""Helpers over trees: what the parser gives, and how deep things go."""

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias, TypeGuard, TypeVar

from lark import Token, Tree

from tailsampler.traces.traceql.tree import And, Both, Condition, Either, Filter, Not, Or, Spanset

Node: TypeAlias = Tree[Token] | Token
N = TypeVar("N")

# Recursion over a query goes this deep, a few frames a level; people nest five.
DEEPEST: Final = 64


def is_tree(node: Node) -> TypeGuard[Tree[Token]]:
    """Whether it is more than a token."""
    return isinstance(node, Tree)


def first_token(node: Node) -> Token:
    """Where a node begins; the start of the query for an empty one."""
    if isinstance(node, Token):
        return node
    found = next(iter(node.scan_values(lambda value: isinstance(value, Token))), None)
    return found if isinstance(found, Token) else Token("NOTHING", "", line=1, column=1)


def is_deep(tree: Tree[Token]) -> bool:
    """Whether somebody nests to see what happens. Does not recurse."""
    waiting = [(tree, 1)]
    while waiting:
        node, depth = waiting.pop()
        if depth > DEEPEST:
            return True
        waiting += [(child, depth + 1) for child in node.children if isinstance(child, Tree)]
    return False


def is_tall(root: Spanset) -> bool:
    """As ``is_deep``, of the query: where ``&&`` and ``||`` alternate, they nest too."""
    waiting: list[tuple[Spanset | Condition, int]] = [(root, 1)]
    while waiting:
        node, depth = waiting.pop()
        if depth > DEEPEST:
            return True
        match node:
            case Filter(condition):
                waiting.append((condition, depth + 1))
            case Not(part):
                waiting.append((part, depth + 1))
            case And(parts) | Or(parts):
                waiting += [(part, depth + 1) for part in parts]
            case Both(spansets) | Either(spansets):
                waiting += [(part, depth + 1) for part in spansets]
    return False


def fold(
    parts: Sequence[N],
    operators: Sequence[str],
    both: Callable[[tuple[N, ...]], N],
    either: Callable[[tuple[N, ...]], N],
) -> N:
    """``a && b || c`` from the left, runs of one operator as one node."""
    run, kind = [parts[0]], operators[0]
    for operator, part in zip(operators, parts[1:], strict=True):
        if operator != kind:
            run, kind = [(both if kind == "&&" else either)(tuple(run))], operator
        run.append(part)
    return (both if kind == "&&" else either)(tuple(run))
