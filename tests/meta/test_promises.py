"""Every test says what it promises."""

import ast

from tests.meta.source import name, written_by_hand
from tests.needs import ROOT


def test_every_test_states_its_promise() -> None:
    """A failing test tells its reader what no longer holds, in its docstring."""
    mute = []
    for path in written_by_hand(".py"):
        if not (path.is_relative_to(ROOT / "tests") and path.name.startswith("test_")):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            if node.name.startswith("test_") and not ast.get_docstring(node):
                mute.append(f"{name(path)}:{node.lineno}: {node.name}")
    assert mute == []
