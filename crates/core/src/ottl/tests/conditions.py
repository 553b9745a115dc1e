# ruff: noqa: INP001 (a script beside the tests that it serves, and no module)
"""Writes ``conditions.json``: what ``parse`` makes of the texts in the tables of these tests.

Run it here, from the directory of this file, after a change to a table. Paths of attributes, and
literals that JSON has, are written short; ``support.rs`` writes them out again.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

from tailsampler.decide.ottl import parse
from tailsampler.decide.regex import for_the_core

_ROW: Final = re.compile(
    r'\(\s*(?:r#"(?P<raw>.*?)"#|(?P<plain>"(?:[^"\\]|\\.)*")),\s*[TFE],?\s*\)', re.DOTALL
)
_SHORT: Final = frozenset({"nil", "bool", "int", "string"})


def short(node: Any) -> Any:
    """An expression without what can be told from the rest."""
    if isinstance(node, list):
        return [short(each) for each in node]
    if not isinstance(node, dict):
        return node
    if node.get("kind") in _SHORT:
        return node.get("value")
    if node.get("kind") == "call" and node["function"] == "IsMatch":
        node["arguments"][1]["value"] = for_the_core(node["arguments"][1]["value"])
    match node:
        case {
            "kind": "path",
            "context": "span",
            "field": "attributes",
            "keys": [{"kind": "string", "value": key}],
        }:
            return {"attribute": key}
    return {key: short(value) for key, value in node.items()}


def main() -> None:
    """Writes the file anew."""
    found: dict[str, dict[str, Any]] = {"span": {}, "spanevent": {}}
    for path in sorted(Path(__file__).parent.glob("*.rs")):
        for test in path.read_text(encoding="utf-8").split("#[test]"):
            context = "spanevent" if "Context::SpanEvent" in test else "span"
            for row in _ROW.finditer(test):
                text = row["raw"] if row["plain"] is None else json.loads(row["plain"])
                lowered = parse(text, "spanevent" if context == "spanevent" else "span")
                found[context][text] = short(lowered.expression.model_dump(mode="json"))
    lines = [
        f'"{context}":{{\n'
        + ",\n".join(
            f"{json.dumps(text)}:{json.dumps(node, separators=(',', ':'))}"
            for text, node in rows.items()
        )
        + "\n}"
        for context, rows in found.items()
    ]
    target = Path(__file__).parent.parent / "conditions.json"
    target.write_text("{" + ",\n".join(lines) + "}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
