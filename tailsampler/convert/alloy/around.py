"""What stands around Alloy's sampler, as a Collector's configuration says the same.

Components name those that they send to, so the graph is followed from the sampler down to
exporters and up to receivers; the rest of the file has nothing to do with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from tailsampler.convert.alloy.syntax import Block, is_tree
from tailsampler.convert.alloy.values import UnknownError, Values
from tailsampler.convert.notes import Note, Notes
from tailsampler.errors import Place
from tailsampler.settings.base import BadValueError, Loc
from tailsampler.settings.units import parse_size

SAMPLER: Final = "otelcol.processor.tail_sampling"
_INPUT: Final = re.compile(r"(otelcol(?:\.[a-z0-9_]+)+)\.(\w+)\.input")
_ROLES: Final = {
    "receiver": "receivers",
    "processor": "processors",
    "exporter": "exporters",
    "connector": "connectors",
}
_PORTS: Final = {"grpc": 4317, "http": 4318}
_MIB: Final = 1 << 20


class Around:
    """The components before and behind one sampler."""

    def __init__(self, file: Block, sampler: Block, values: Values, notes: Notes) -> None:
        """``file``: all of it."""
        self._values = values
        self._notes = notes
        self._all = {
            (block.name, block.label): block
            for block in file.blocks
            if block.name.startswith("otelcol.")
        }
        self._sampler = (sampler.name, sampler.label)
        self._places: dict[Loc, Place] = {}

    def collector(self) -> dict[str, Any]:
        """A Collector's configuration with one pipeline, in which the sampler stands empty."""
        down = self._reached(self._sampler, self._targets)
        up = self._reached(self._sampler, self._senders)
        config: dict[str, Any] = {role: {} for role in _ROLES.values()}
        for key in [*up, self._sampler, *down]:
            role, name = self._called(key)
            self._places[(role, name)] = self._all[key].at
            config[role][name] = {} if key == self._sampler else self._component(key)
        exporters = [*config["exporters"], *config["connectors"]]
        pipeline = {
            "receivers": list(config["receivers"]),
            "processors": list(config["processors"]),
            "exporters": exporters,
        }
        return {**config, "service": {"pipelines": {"traces": pipeline}}}

    def place(self, loc: Loc) -> Place:
        """Where a component stands."""
        return self._places.get(loc[:2], self._all[self._sampler].at)

    @property
    def name(self) -> str:
        """The sampler, as a Collector would call it."""
        return self._called(self._sampler)[1]

    def _called(self, key: tuple[str, str]) -> tuple[str, str]:
        _, role, *kind = key[0].split(".")
        name = "_".join(kind) or role
        return _ROLES.get(role, "processors"), f"{name}/{key[1]}" if key[1] else name

    def _reached(self, start: tuple[str, str], step: Any) -> list[tuple[str, str]]:
        found: dict[tuple[str, str], None] = {}
        waiting = [start]
        while waiting:
            for key in step(waiting.pop()):
                if key not in found and key != start:
                    found[key] = None
                    waiting.append(key)
        return list(found)

    def _targets(self, key: tuple[str, str]) -> list[tuple[str, str]]:
        return list(self._sends(key, tell=True))

    def _senders(self, key: tuple[str, str]) -> list[tuple[str, str]]:
        return [other for other in self._all if key in self._sends(other, tell=False)]

    def _sends(self, key: tuple[str, str], *, tell: bool) -> Iterator[tuple[str, str]]:
        """Where the traces of a component go; what cannot be followed is told once, on the way."""
        for output in self._all[key].named("output"):
            traces = output.value("traces")
            node = None if traces is None else traces.value
            for target in node.children if is_tree(node) and node.data == "array" else ():
                text = self._values.source(target)
                found = _INPUT.fullmatch(text)
                if found and (found[1], found[2]) in self._all:
                    yield found[1], found[2]
                elif tell and traces is not None:
                    what = f"traces go to {text} as well, which is no component of this file"
                    self._notes.left_out.append(Note(traces.at, text, what, "changes data"))

    def _component(self, key: tuple[str, str]) -> dict[str, Any]:
        block = self._all[key]
        if key[0] == "otelcol.receiver.otlp":
            return {"protocols": dict(self._doors(block))}
        if key[0] != "otelcol.exporter.otlp":
            return {}
        name = "exporter " + self._called(key)[1]
        data = self._data(block, name)
        client = data.pop("client", {})
        data = {"compression": "gzip", **(client if isinstance(client, dict) else {}), **data}
        tls = data.get("tls")
        if isinstance(tls, dict) and "server_name" in tls:
            tls["server_name_override"] = tls.pop("server_name")
        return data

    def _doors(self, block: Block) -> Iterator[tuple[str, dict[str, Any]]]:
        for protocol, port in _PORTS.items():
            for inner in block.named(protocol):
                name = f"receiver {self._called((block.name, block.label))[1]} {protocol}"
                door = {"endpoint": f"0.0.0.0:{port}", **self._data(inner, name)}
                if "max_recv_msg_size" in door:
                    _in_mib(door)
                yield protocol, door

    def _data(self, block: Block, name: str) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for one in block.attributes:
            try:
                data[one.name] = self._values.of(one.value)
            except UnknownError as unknown:
                what = f"{unknown.what} is known only to Alloy, so it is not set; write it"
                note = Note(unknown.at, f"{name} {one.name}", what, "changes data")
                self._notes.left_out.append(note)
        for inner in block.blocks:
            if inner.name not in {"output", "debug_metrics"}:
                data[inner.name] = self._data(inner, f"{name} {inner.name}")
        return data


def _in_mib(door: dict[str, Any]) -> None:
    """Alloy writes a size where a Collector writes a number of MiB."""
    try:
        size = parse_size(door["max_recv_msg_size"])
    except BadValueError:
        return
    if size and size % _MIB == 0:
        door["max_recv_msg_size_mib"] = size // _MIB
        del door["max_recv_msg_size"]
