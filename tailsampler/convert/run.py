"""From the text of a file to a configuration of ours, with what became of every part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from tailsampler.convert import refinery_chain, targets
from tailsampler.convert.alloy import from_alloy, is_alloy
from tailsampler.convert.collector import from_collector
from tailsampler.convert.notes import LESS, Converted, Notes, Piece
from tailsampler.convert.references import Environment, halves, written
from tailsampler.convert.refinery import from_refinery, is_refinery, quoted
from tailsampler.convert.source import Source
from tailsampler.convert.write import render
from tailsampler.decide.dialects.contrib.collector import is_collector, samplers
from tailsampler.errors import Place, Problem, SettingsError
from tailsampler.settings.base import Loc
from tailsampler.settings.core_options import plan_json
from tailsampler.settings.document import Document, key_path, read_document
from tailsampler.settings.load import parse

Kind = Literal["contrib", "alloy", "refinery"]
Target = Literal["native", "tail_sampling"]
KINDS: Final[tuple[Kind, ...]] = ("contrib", "alloy", "refinery")
TARGETS: Final[tuple[Target, ...]] = ("native", "tail_sampling")
OUTCOME: Final = "the outcome"
"""What it is called in messages about what was made of it."""
MOST_BYTES: Final = 1 << 20
"""Of a configuration; whatever is larger is something else, or is meant to hurt."""

_FORM_CODES: Final = frozenset(
    {"bad_variable_name", "reference_not_closed", "unknown_reference"}
)  # of references, which matter only inside of the sampler


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is asked for."""

    kind: Kind | None = None
    """What the source is; None: it is told by what is in it."""
    target: Target = "native"
    name: str | None = None
    """The sampler, where there are several."""
    compat: int | None = None
    """The version of contrib; None: the newest."""


def convert(text: str, file: str, environ: Mapping[str, str], wanted: Wanted) -> Converted:
    """Convert the configuration in ``text``.

    ``file``: its name in messages. ``environ``: variables that are set; others need not be.

    Raises:
        SettingsError: it cannot be read, or not be converted; all problems, with their places.
    """
    if len(text.encode(errors="replace")) > MOST_BYTES:
        say = f"the file is larger than {MOST_BYTES:,} bytes; name the configuration alone"
        raise SettingsError([Problem("too_large", Place(file), say)])
    if not text.strip():
        say = "the file is empty; name a configuration that samples"
        raise SettingsError([Problem("empty_file", Place(file), say)])
    environment = Environment(environ)
    if wanted.kind == "alloy" or (wanted.kind is None and is_alloy(text)):
        source = from_alloy(text, file, environment, wanted.name, wanted.compat)
        return _voting(source, file, wanted.target)
    document = _document(text, file, environment)
    if (wanted.kind or _kind(document)) == "refinery":
        return _refinery(document, environment, wanted)
    source = from_collector(document, environment, wanted.name, wanted.compat)
    return _voting(source, file, wanted.target)


def _document(text: str, file: str, environment: Environment) -> Document:
    document = read_document(quoted(text), file, environment.expand)
    inside = _inside(document)
    problems = [
        one
        for one in document.problems
        if one.code not in _FORM_CODES or one.at.key.startswith(inside)
    ]
    say = "half of a character stands here; write the whole one, or leave it out"
    found = halves(document.data)
    problems += (Problem("half_a_character", document.place(at), say) for at in found)
    if problems:
        raise SettingsError(
            sorted(problems, key=lambda one: (one.at.line or 0, one.at.column or 0))
        )
    return document


def _inside(document: Document) -> tuple[str, ...]:
    """Key paths below which everything matters."""
    if is_refinery(document.data):
        return ("",)
    if not is_collector(document.data):
        return ("",)
    loc: list[Loc] = [
        each for each in document.values if each and str(each[-1]).startswith("tail_sampling")
    ]
    return tuple(key_path(each) for each in loc)


def _kind(document: Document) -> Kind:
    if is_refinery(document.data):
        return "refinery"
    if is_collector(document.data) or samplers(document.data):
        return "contrib"
    say = (
        "this is neither a Collector's configuration or tail_sampling block, nor Alloy's, nor "
        f"Refinery's rules; name one of them, or what it is: --from {' or '.join(KINDS)}"
    )
    raise SettingsError([Problem("unknown_source", document.place(()), say)])


def _voting(source: Source, file: str, target: Target) -> Converted:
    options, policies = targets.native(source) if target == "native" else targets.block(source)
    if target == "native":
        _refuse_nothing(source, policies)
    before = {key: one for key, one in source.settings.items() if key == "receive"}
    after = {key: one for key, one in source.settings.items() if key not in before}
    extra = targets.compat(source) if target == "tail_sampling" else {}
    config = render(
        _head(file, source.sampler, target, source.notes),
        written(before),
        ("sampling" if target == "native" else "tail_sampling", options, _plain(policies)),
        {**extra, **written(after)},
    )
    return _done(config, source.notes, source.kind, source.sampler, source.environment)


def _refuse_nothing(source: Source, policies: list[Piece]) -> None:
    """A chain that drops every trace only because nothing could be carried is of no use."""
    left = [note for note in source.notes.left_out if note.effect == LESS]
    if not left or any(piece.data["sample_rate"] for piece in policies):
        return
    problems = [Problem("not_carried", note.at, f"{note.name}: {note.what}") for note in left]
    say = "no policy that keeps traces can be a native one; write --to tail_sampling"
    raise SettingsError([*problems, Problem("nothing_carried", source.place(()), say)])


def _refinery(document: Document, environment: Environment, wanted: Wanted) -> Converted:
    notes = Notes()
    rules = from_refinery(document, wanted.name, notes)
    if wanted.target != "native":
        say = (
            "in Refinery the first rule that matches decides, and policies of tail_sampling all "
            "vote, so rules cannot be said by them; write --to native"
        )
        raise SettingsError([Problem("target_not_possible", rules.at, say)])
    options, policies = refinery_chain.native(rules, notes)
    config = render(
        _head(document.file, rules.environment, wanted.target, notes),
        {},
        ("sampling", options, _plain(policies)),
        {},
    )
    return _done(config, notes, "refinery", rules.environment, environment)


def _done(
    config: str, notes: Notes, kind: str, sampler: str, environment: Environment
) -> Converted:
    """Read back what came out, as ``check`` does: what does not run is not handed out."""
    settings = parse(config, file=OUTCOME, environ=environment.known, read=environment.read)
    return Converted(
        config=config,
        notes=notes,
        kind=kind,
        sampler=sampler,
        plan=plan_json(settings),
        unset=tuple(environment.unset),
    )


def _plain(policies: list[Piece]) -> list[Piece]:
    return [Piece(written(policy.data), policy.remarks) for policy in policies]


def _head(file: str, sampler: str, target: Target, notes: Notes) -> list[str]:
    counts = (
        f"{len(notes.changed)} of its parts are changed, {len(notes.left_out)} are left out"
        if not notes.exact
        else "nothing is changed or left out"
    )
    first = "The first policy that matches a trace decides alone."
    votes = "Every policy votes, as in the Collector."
    head = [f"Converted from {file}, {sampler}: {counts}.", first if target == "native" else votes]
    return head + [
        f"Left out: {note.name} ({_where(note.at)}): {note.what}; {note.effect}."
        for note in notes.left_out
    ]


def _where(at: Place) -> str:
    return f"line {at.line}" if at.line else at.key
