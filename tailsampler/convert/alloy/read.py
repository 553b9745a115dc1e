"""From a file of Alloy to policies that vote, with what stands around them."""

from __future__ import annotations

from tailsampler.convert.alloy.around import SAMPLER, Around
from tailsampler.convert.alloy.sampler import SamplerBlock
from tailsampler.convert.alloy.syntax import Block, parse
from tailsampler.convert.alloy.values import Values
from tailsampler.convert.collector import note_components
from tailsampler.convert.notes import Notes
from tailsampler.convert.references import Environment
from tailsampler.convert.source import Source, voters
from tailsampler.decide.dialects.contrib.collector import read_collector
from tailsampler.errors import Problem, SettingsError
from tailsampler.settings.base import did_you_mean


def read(
    text: str, file: str, environment: Environment, name: str | None, compat: int | None
) -> Source:
    """As ``from_alloy``."""
    root = parse(text, file)
    sampler = _chosen(root, name)
    notes = Notes()
    values = Values(text, file, environment)
    written = SamplerBlock(sampler, values, notes)
    block, voting = voters(written.raw, written.place, environment, notes)
    source = Source(
        kind="alloy",
        sampler=f'{SAMPLER} "{sampler.label}"' if sampler.label else SAMPLER,
        block=block,
        voters=voting,
        raw=written.raw,
        place=written.place,
        environment=environment,
        compat=compat,
        notes=notes,
    )
    around = Around(root, sampler, values, notes)
    taken = read_collector(around.collector(), around.name)
    source.settings = dict(taken.settings)
    if any(sampler.named("output")):
        note_components(source, taken, around.place)
    return source


def _chosen(root: Block, name: str | None) -> Block:
    found = {block.label: block for block in root.named(SAMPLER)}
    if name is not None:
        label = name.removeprefix(SAMPLER).removeprefix("tail_sampling/").strip(' ."')
        if label in found:
            return found[label]
        meant = did_you_mean(label, found)
        hint = f"did you mean {meant}?" if meant else f"write one of {', '.join(found)}"
        hint = hint if found else "there is no tail sampler at all"
        say = f"there is no {SAMPLER} with the label {label}; {hint}"
        raise SettingsError([Problem("unknown_sampler", root.at, say)])
    if not found:
        say = f"there is no {SAMPLER} block; name the file that has one"
        raise SettingsError([Problem("no_sampler", root.at, say)])
    if len(found) > 1:
        say = f"there are {len(found)} tail samplers; write --processor with one of the labels "
        raise SettingsError([Problem("several_samplers", root.at, say + ", ".join(found))])
    return next(iter(found.values()))
