"""What is written out for policies that vote: a native chain, or the block as it was."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from tailsampler.convert.chain import Chain, was
from tailsampler.convert.notes import EITHER, LESS, MORE, Note, Piece
from tailsampler.convert.references import written
from tailsampler.convert.settle import settled
from tailsampler.convert.source import Source, Voter, references
from tailsampler.decide.dialects.contrib.compat import version_text
from tailsampler.decide.dialects.contrib.explanations import explanations
from tailsampler.decide.dialects.contrib.lower import compile_block
from tailsampler.decide.dialects.contrib.values import SECOND
from tailsampler.errors import SettingsError
from tailsampler.settings.units import duration_text, size_text

_HOUR_MS: Final = 3_600_000
_SIZES: Final = (64 << 10, 1 << 30)
_TICKS: Final = "contrib judges at the next full second after that"


def native(source: Source) -> tuple[dict[str, Any], list[Piece]]:
    """The options of ``sampling:``, and its policies."""
    _explain(source)
    options: dict[str, Any] = {}
    _waits(source, options)
    _size(source, options)
    if source.block.sampling_strategy != "trace-complete":
        what = "policies are asked about whole traces, and not about what came in one request"
        _changed(source, "sampling_strategy", what, EITHER)
    chain = Chain(source).pieces()
    left = {note.at for note in source.notes.left_out}
    source.notes.changed[:] = [note for note in source.notes.changed if note.at not in left]
    policies = settled([(voter.at, piece) for voter, piece in chain], source.notes)
    kept = {str(piece.data["name"]) for piece in policies}
    for voter, piece in chain:
        if str(piece.data["name"]) in kept:
            _fixed(source, voter, piece)
    return options, policies


def _fixed(source: Source, voter: Voter, piece: Piece) -> None:
    """Numbers are worked out, so a reference to one cannot be written."""
    for reference in set(references(voter.raw)) - set(references(piece.data)):
        what = f"what {reference} stands for now is reckoned with, and it is not written"
        source.notes.changed.append(Note(voter.at, voter.name, what))


def _waits(source: Source, options: dict[str, Any]) -> None:
    """Contrib counts whole seconds from its ticks; what is written lies within what it waits."""
    wait = max(source.block.decision_wait, SECOND) // 1_000_000
    if wait > _HOUR_MS:
        wait = _HOUR_MS
        _changed(source, "decision_wait", "1h, the longest there is", EITHER)
    else:
        _carried(source, "decision_wait", f"{_text(wait)}; {_TICKS}")
    options["decision_wait"] = _text(wait)
    after = source.block.decision_wait_after_root_received
    if after <= 0:
        return
    after_ms = max(1, after // 1_000_000)
    name = "decision_wait_after_root_received"
    if (source.block.wait_after_root_s or 0) >= source.block.wait_s or after_ms >= wait:
        _carried(source, name, "it is never before decision_wait")
        return
    options[name] = _text(after_ms)
    _carried(source, name, f"{_text(after_ms)}; {_TICKS}")


def _size(source: Source, options: dict[str, Any]) -> None:
    limit = source.block.maximum_trace_size_bytes
    if not limit:
        return
    name = "maximum_trace_size_bytes"
    bound = min(max(limit, _SIZES[0]), _SIZES[1])
    options["max_trace_bytes"], options["large_traces"] = size_text(bound), "drop"
    what = f"max_trace_bytes: {size_text(bound)}, of spans as they came, without their resources"
    _changed(source, name, what, MORE if bound >= limit else LESS)


def block(source: Source) -> tuple[dict[str, Any], list[Piece]]:
    """The options of ``tail_sampling:``, and its policies, unchanged."""
    _explain(source)
    options = {key: written(one) for key, one in source.raw.items() if key != "policies"}
    if source.block.sampling_strategy != "trace-complete":
        options.pop("sampling_strategy", None)
        what = "policies are asked about whole traces, and not about what came in one request"
        _changed(source, "sampling_strategy", what, EITHER)
    policies = []
    told = {note.at: note for note in source.notes.changed}
    for voter in source.voters:
        if why := _not_run(source, voter):
            effect = MORE if voter.drops else LESS
            source.notes.left_out.append(Note(voter.at, voter.name, why, effect))
            continue
        note = told.get(voter.at)
        policies.append(Piece(dict(voter.raw), (was(voter), *([note.what] if note else []))))
        if note is None:
            source.notes.carried.append(Note(voter.at, voter.name, "the same"))
    return options, policies


def _not_run(source: Source, voter: Voter) -> str | None:
    """Why this program cannot ask the policy, or None."""
    alone = source.block.model_copy(
        update={"policies": (voter.policy,), "sampling_strategy": "trace-complete"}
    )
    try:
        compile_block(alone, source.compat)
    except SettingsError as error:
        return error.say
    return None


def compat(source: Source) -> dict[str, Any]:
    """``compat:`` where a version was named."""
    return {} if source.compat is None else {"compat": version_text(source.compat)}


def _explain(source: Source) -> None:
    for sentence in explanations(source.block):
        name, _, what = sentence.removesuffix(".").partition(": ")
        _carried(source, name, f"has another meaning here: {what}")


def _carried(source: Source, option: str, what: str) -> None:
    source.notes.carried.append(Note(source.place((option,)), option, what))


def _changed(source: Source, option: str, what: str, effect: str) -> None:
    source.notes.changed.append(Note(source.place((option,)), option, what, effect))


def _text(ms: int) -> str:
    return duration_text(timedelta(milliseconds=ms))
