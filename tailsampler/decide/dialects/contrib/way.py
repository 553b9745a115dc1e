"""The pipelines that spans take through a sampler, and everything that stands in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from tailsampler.decide.dialects.contrib.backends import backend
from tailsampler.decide.dialects.contrib.components import (
    Kind,
    Left,
    Severity,
    component_type,
    left,
)
from tailsampler.decide.dialects.contrib.doors import Tree, doors, tree
from tailsampler.settings.base import Loc

_ROLES: Final[tuple[tuple[str, Kind], ...]] = (
    ("receivers", "receiver"),
    ("processors", "processor"),
    ("exporters", "exporter"),
)


def _pipelines(config: Tree) -> dict[str, Tree]:
    pipelines = tree(tree(config.get("service")).get("pipelines"))
    return {key: tree(one) for key, one in pipelines.items()}


def _names(pipeline: Tree, role: str) -> list[str]:
    value = pipeline.get(role)
    return [str(one) for one in value] if isinstance(value, list | tuple) else []


def holding(config: Tree, sampler: str) -> tuple[str, ...]:
    """The traces pipelines that hold this processor, in the order of the file."""
    return tuple(
        key
        for key, pipeline in _pipelines(config).items()
        if component_type(key) == "traces" and sampler in _names(pipeline, "processors")
    )


class Way:
    """The pipelines that spans take through the sampler."""

    def __init__(self, config: Tree, base: Loc, sampler: str) -> None:
        self._config = config
        self._base = base
        self._sampler = sampler
        self._all = _pipelines(config)
        self.holding = holding(config, sampler)
        self._joined = self._join()

    def _join(self) -> list[str]:
        """Those that hold the sampler, and those that ``forward`` joins to them, up and down."""
        up = self._follow("receivers", "exporters")
        down = self._follow("exporters", "receivers")
        return [key for key in self._all if key in {*up, *down}]

    def _follow(self, here: str, there: str) -> set[str]:
        seen, todo = set(self.holding), list(self.holding)
        while todo:
            for name in _names(self._all[todo.pop()], here):
                if not self._is_forward(name):
                    continue
                more = {
                    key
                    for key, pipeline in self._all.items()
                    if name in _names(pipeline, there) and key not in seen
                }
                seen |= more
                todo += sorted(more)
        return seen

    def _is_forward(self, name: str) -> bool:
        return name in self._section("connectors") and component_type(name) == "forward"

    def _section(self, name: str) -> Tree:
        return tree(self._config.get(name))

    def carry(self) -> tuple[dict[str, Any], list[Left]]:
        """``receive`` and ``export``, and what has no place in them."""
        used: dict[tuple[str, str], None] = {}
        for key in self._joined:
            for role, _ in _ROLES:
                used |= dict.fromkeys((role, name) for name in _names(self._all[key], role))
        receivers = {
            name: ((*self._base, "receivers", name), tree(self._section("receivers").get(name)))
            for role, name in used
            if role == "receivers" and self._is_otlp(role, name)
        }
        settings: dict[str, Any] = {}
        receive, missing = doors(receivers)
        if receive:
            settings["receive"] = receive
        export = []
        for role, name in used:
            if role == "exporters" and self._is_otlp(role, name):
                at = (*self._base, "exporters", name)
                entry, gone = backend(name, at, tree(self._section("exporters").get(name)))
                export += [entry] if entry else []
                missing += gone
        if export:
            settings["export"] = export
        return settings, [*self._others(used), *missing, *self._beside(set(receivers))]

    def _is_otlp(self, role: str, name: str) -> bool:
        kinds = {"receivers": {"otlp"}, "exporters": {"otlp", "otlp_grpc"}}[role]
        return component_type(name) in kinds and name not in self._section("connectors")

    def _others(self, used: Mapping[tuple[str, str], None]) -> Iterator[Left]:
        connectors = self._section("connectors")
        told = set()
        for role, kind in _ROLES:
            for name in [name for each, name in used if each == role]:
                if role == "processors" and name == self._sampler:
                    continue
                if name in connectors:
                    if name not in told and not self._is_forward(name):
                        yield left("connector", name, (*self._base, "connectors", name))
                    told.add(name)
                elif role == "processors" or not self._is_otlp(role, name):
                    yield left(kind, name, (*self._base, role, name))
        for name in _names(self._section("service"), "extensions"):
            yield left("extension", name, (*self._base, "extensions", name))

    def _beside(self, receivers: set[str]) -> Iterator[Left]:
        """Pipelines that are not on the way, above all those that take from the same doors."""
        for key, pipeline in self._all.items():
            if key in self._joined:
                continue
            kind = component_type(key)
            shared = ", ".join(sorted(receivers & set(_names(pipeline, "receivers"))))
            severity: Severity = "changes data"
            if not shared:
                say = "it is not on the way of this sampler and would not run; keep a Collector"
                severity = "changes data" if kind == "traces" else "observes"
            elif kind == "traces":
                say = f"spans from {shared} would go through the sampler, and nowhere else"
            else:
                say = f"{kind} from {shared} would be refused at the door"
                say += "; write pass_through for them" if kind in {"logs", "metrics"} else ""
            at = (*self._base, "service", "pipelines", key)
            yield Left("pipeline", key, severity, say, at)
