"""A Collector's configuration, or a block of it, or a file of ours that has one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from tailsampler.convert.notes import Note, Notes
from tailsampler.convert.references import Environment, taken_apart
from tailsampler.convert.source import Source, voters
from tailsampler.decide.dialects.contrib.collector import (
    Collector,
    is_collector,
    read_collector,
    samplers,
)
from tailsampler.decide.dialects.contrib.compat import parse_compat
from tailsampler.errors import Place, Problem, SettingsError
from tailsampler.settings.base import BadValueError, Loc
from tailsampler.settings.document import Document
from tailsampler.settings.root import Settings

# What matters of a component or a setting that is missing, beside which everything is a finding.
_HARMLESS = "harmless"


def from_collector(
    document: Document, environment: Environment, name: str | None, compat: int | None
) -> Source:
    """Read it; ``name``: the sampler, where there are several.

    Raises:
        SettingsError: there is no sampler in it, or contrib would not start with it.
    """
    data = document.data if isinstance(document.data, dict) else {}
    taken = _taken(document, name)
    base = taken.at

    def place(loc: Loc) -> Place:
        return document.place((*base, *loc))

    raw: Any = data
    for key in base:
        raw = raw[key]
    raw = {} if raw is None else raw
    if not isinstance(raw, dict):
        say = "this is a sampler's block; write it as a mapping with decision_wait and policies"
        raise SettingsError([Problem("not_a_section", place(()), say)])
    notes = Notes()
    block, voting = voters(raw, place, environment, notes)
    source = Source(
        kind="contrib",
        sampler=taken.processor,
        block=block,
        voters=voting,
        raw=raw,
        place=place,
        environment=environment,
        compat=compat,
        settings=dict(taken.settings),
        notes=notes,
    )
    note_components(source, taken, document.place)
    if not is_collector(data):
        _beside(source, data, document)
    return source


def _taken(document: Document, name: str | None) -> Collector:
    """The sampler and its surroundings; its policies are read later, and on their own."""
    data = document.data
    try:
        return read_collector(_without_policies(data), name)
    except ValidationError as failed:
        problems = [
            Problem(error["type"], document.place(error["loc"]), error["msg"])
            for error in failed.errors(include_url=False, include_input=False)
        ]
        raise SettingsError(problems) from None


def _without_policies(data: object, depth: int = 0) -> object:
    """The same with empty samplers: what is wrong in one is found later, with more to say."""
    if not isinstance(data, dict) or depth > 4:  # spec.config.processors.tail_sampling
        return data
    return {
        key: {}
        if key.partition("/")[0].strip() == "tail_sampling"
        else _without_policies(one, depth + 1)
        for key, one in data.items()
    }


def note_components(source: Source, taken: Collector, place: Any) -> None:
    """Say of everything around the sampler whether it came along."""
    for one in taken.left:
        note = Note(place(one.at), f"{one.kind} {one.name}", one.say, one.severity)
        kept = one.severity == _HARMLESS
        (source.notes.carried if kept else source.notes.left_out).append(note)
    export = source.settings.get("export", [])
    for entry in [each for each in export if taken_apart(each, source.environment)]:
        say = (
            "its address comes with a scheme from outside, and host:port is needed; set the "
            "variable without http:// or https://, and convert again"
        )
        at = place((*taken.at[:-2], "exporters", entry["name"]))
        note = Note(at, f"exporter {entry['name']}", say, "changes data")
        source.notes.left_out.append(note)
        export.remove(entry)
    if not export:
        source.settings.pop("export", None)
    if taken.pipelines and not export:
        say = "no exporter came along, so kept traces go to the local trace store; write export"
        note = Note(place(taken.at), "export", say, "changes data")
        source.notes.left_out.append(note)


def _beside(source: Source, data: Mapping[str, Any], document: Document) -> None:
    """A block alone may stand in a file of ours: what is beside it stays."""
    others = {key: one for key, one in data.items() if key not in samplers(data)}
    written = others.pop("compat", None)
    if written is not None and source.compat is None:
        try:
            source.compat = parse_compat(written)
        except BadValueError as wrong:
            at = document.place(("compat",))
            raise SettingsError([Problem(wrong.type, at, wrong.message())]) from None
    for key, one in others.items():
        if key in Settings.model_fields and key != "sampling":
            source.settings[key] = one
            continue
        say = "it is no part of a sampler's block, nor of a configuration of ours"
        source.notes.left_out.append(
            Note(document.place((key,), at_key=True), key, say, "changes data")
        )
