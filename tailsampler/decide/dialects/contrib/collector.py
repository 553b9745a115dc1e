"""A whole Collector configuration: its sampler, and what stands around it in the pipelines.

Pipelines that hold the sampler count, and those that ``forward`` connectors join to them, since
all of these together are one way of spans. What is not carried over is listed, never dropped in
silence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from tailsampler.decide.dialects.contrib.block import TailSampling
from tailsampler.decide.dialects.contrib.components import Left
from tailsampler.decide.dialects.contrib.doors import Tree, tree
from tailsampler.decide.dialects.contrib.way import Way, holding
from tailsampler.settings.base import Loc, did_you_mean, found

SAMPLER: Final = "tail_sampling"


@dataclass(frozen=True, slots=True, kw_only=True)
class Collector:
    """What is taken from a Collector's configuration, and what is not."""

    processor: str
    """The sampler, ``tail_sampling/edge``."""
    at: Loc
    """Where its block stands."""
    sampling: TailSampling
    pipelines: tuple[str, ...]
    """The traces pipelines that hold it; none if no pipeline does."""
    settings: Mapping[str, Any]
    """``receive`` and ``export`` in our spelling, as far as they can be carried over."""
    left: tuple[Left, ...]
    """What is not carried over. Starting is to be confirmed while there is something."""


@dataclass(frozen=True, slots=True)
class _Root:
    """Where a configuration stands in a file, and where its processors do."""

    at: Loc
    config: Tree
    processors_at: Loc
    processors: Tree

    @property
    def samplers(self) -> tuple[str, ...]:
        return tuple(name for name in self.processors if _is_sampler(name))


def is_collector(data: object) -> bool:
    """Whether this is a Collector's configuration or holds one, and not only a sampler's block."""
    return bool(_root(data).processors_at)


def samplers(data: object) -> tuple[str, ...]:
    """The names of its ``tail_sampling`` processors, in the order of the file."""
    return _root(data).samplers


def read_collector(data: object, name: str | None = None) -> Collector:
    """Take the sampler called ``name``, or the only one, or the only one that a pipeline holds.

    ``data``: the parsed file: a Collector's configuration, a chart's values or a resource of the
    operator with one in it, or nothing but ``tail_sampling[/name]`` blocks.

    Raises:
        pydantic.ValidationError: there is none or more than one, or its block is wrong; located in
            ``data``.
    """
    root = _root(data)
    chosen = _choose(root, name)
    at = (*root.processors_at, chosen)
    try:
        sampling = TailSampling.model_validate(root.processors[chosen])
    except ValidationError as failed:
        problems = [
            found(error["type"], error["msg"], (*at, *error["loc"]))
            for error in failed.errors(include_url=False)
        ]
        raise ValidationError.from_exception_data(chosen, problems) from None
    way = Way(root.config, root.at, chosen)
    settings, missing = way.carry()
    return Collector(
        processor=chosen,
        at=at,
        sampling=sampling,
        pipelines=way.holding,
        settings=settings,
        left=tuple(missing),
    )


def _is_sampler(name: str) -> bool:
    return name.partition("/")[0].strip() == SAMPLER


def _root(data: object) -> _Root:
    """The configuration itself, or where charts and the operator's resources keep it."""
    outer = tree(data)
    places: list[tuple[str, ...]] = [(), ("config",), ("spec", "config")]
    places += [(key, "config") for key in outer]
    for loc in places:
        inner = outer
        for key in loc:
            inner = tree(inner.get(key))
        if isinstance(inner.get("processors"), Mapping):
            return _Root(loc, inner, (*loc, "processors"), tree(inner["processors"]))
    return _Root((), {}, (), {key: outer[key] for key in outer if _is_sampler(key)})


def _choose(root: _Root, name: str | None) -> str:
    names, at = root.samplers, root.processors_at
    if name is not None:
        if name in names:
            return name
        meant = did_you_mean(name, names)
        hint = f"write one of {', '.join(names)}" if names else "there is no sampler at all"
        hint = f"did you mean {meant}?" if meant else hint
        raise _refused("unknown_sampler", f"there is no processor {name}; {hint}", at)
    if not names:
        say = "there is no tail_sampling processor; name the configuration that has one"
        raise _refused("no_sampler", say, at)
    used = [one for one in names if holding(root.config, one)]
    if len(used) == 1:
        return used[0]
    if len(names) > 1:
        say = f"there are {len(names)} samplers, and one is read; name one of {', '.join(names)}"
        raise _refused("several_samplers", say, at)
    return names[0]


def _refused(code: str, say: str, at: Loc) -> ValidationError:
    return ValidationError.from_exception_data("collector", [found(code, say, at)])
