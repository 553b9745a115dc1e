"""Imports point one way."""

import ast
import sys
import tomllib
from pathlib import Path

import pytest

from tests.meta.source import name, written_by_hand
from tests.needs import ROOT

STAGES = ("receive", "buffer", "decide", "export")
OPERATIONS = {"consistency", "clocks", "incidents", "cost", "recovery"}
BESIDE = OPERATIONS | {"admin", "compare", "control", "convert", "doctor", "store", "app", "cli"}
# How a distribution's modules are called where the name differs.
MODULES = {
    "aiohttp": {"aiohttp", "yarl"},  # its URLs
    "aiohttp-sse": {"aiohttp_sse"},
    "googleapis-common-protos": {"google.rpc"},
    "google-re2": {"re2"},
    "grpcio": {"grpc"},
    "jinja2": {"jinja2", "markupsafe"},  # released by the same people, one needs the other
    "opentelemetry-exporter-otlp-proto-grpc": {"opentelemetry.exporter.otlp.proto.grpc"},
    "opentelemetry-exporter-otlp-proto-http": {"opentelemetry.exporter.otlp.proto.http"},
    "opentelemetry-proto": {"opentelemetry.proto"},
    "opentelemetry-sdk": {"opentelemetry"},  # it pins the API, which it is called through
    "prometheus-client": {"prometheus_client"},
    "protobuf": {"google.protobuf"},
    "pydantic": {"pydantic", "pydantic_core"},  # released together, one pins the other
    "ruamel.yaml": {"ruamel.yaml"},
}


def imported(path: Path) -> set[str]:
    """The dotted names that a module imports, at its top or inside a function."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def product() -> list[Path]:
    """The modules of the program itself."""
    package = ROOT / "tailsampler"
    return [path for path in written_by_hand(".py") if path.is_relative_to(package)]


def part(dotted: str) -> str | None:
    """``decide`` for ``tailsampler.decide.chain``; None outside the program."""
    words = dotted.split(".")
    return words[1] if words[0] == "tailsampler" and len(words) > 1 else None


@pytest.mark.parametrize("stage", STAGES)
def test_stages_do_not_import_what_stands_beside_them(stage: str) -> None:
    """A page or a report can break without a span being lost."""
    wrong = {
        f"{name(path)} imports {dotted}"
        for path in product()
        if path.is_relative_to(ROOT / "tailsampler" / stage)
        for dotted in imported(path)
        if part(dotted) in BESIDE
    }
    assert wrong == set()


def test_operations_see_the_gateway_from_outside() -> None:
    """The operations services reach spans only through control, telemetry and the store."""
    inside = {*STAGES, "_core"}
    wrong = {
        f"{name(path)} imports {dotted}"
        for path in product()
        if path.relative_to(ROOT / "tailsampler").parts[0] in OPERATIONS
        for dotted in imported(path)
        if part(dotted) in inside
    }
    assert wrong == set()


def test_few_modules_touch_the_core() -> None:
    """The seam is crossed by the stages, the program that assembles them, and the test helpers."""
    may = {*STAGES, "testing", "app.py", "cli.py", "gateway.py", "lifecycle.py"}
    wrong = {
        name(path)
        for path in product()
        if any(part(dotted) == "_core" for dotted in imported(path))
        and path.relative_to(ROOT / "tailsampler").parts[0] not in may
    }
    assert wrong == set()


def test_the_program_imports_only_what_it_declares() -> None:
    """Whatever the program imports comes with it: nothing is there only because of the tests."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = {entry.split(">")[0].split("=")[0] for entry in project["dependencies"]}
    declared = set().union(*(MODULES.get(each, {each}) for each in names))
    known = declared | set(sys.stdlib_module_names) | {"tailsampler"}
    tools = {"tailsampler/control/generate.py imports grpc_tools.protoc"}  # run by developers only
    stray = {
        f"{name(path)} imports {dotted}"
        for path in product()
        for dotted in imported(path)
        if not any(f"{dotted}.".startswith(f"{module}.") for module in known)
    }
    assert stray - tools == set()
