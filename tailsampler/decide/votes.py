"""Policies that vote, as they cross to the core: the twin of ``crates/core/src/plan/votes.rs``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tailsampler.decide.part import Part


class Always(Part):
    """Samples every trace."""

    kind: Literal["always"] = "always"


class Bit(Part):
    """Samples a trace in which some span set this bit; inverted, one in which none did.

    ``veto``: what it does not sample nobody samples, and what it samples is sampled only if nobody
    is against it.
    """

    kind: Literal["bit"] = "bit"
    bit: int
    inverted: bool = False
    veto: bool = False


class Race(Part):
    """Spans were asked one after another, until one matched or could not be asked."""

    kind: Literal["race"] = "race"
    matched: int
    failed: int


class Spans(Part):
    """Samples a trace of so many spans; ``max`` 0: no bound."""

    kind: Literal["spans"] = "spans"
    min: int
    max: int


class Hashed(Part):
    """Samples a trace whose hash (FNV-1a, 64 bit, of salt and id) is at or below ``threshold``.

    ``t``: OpenTelemetry's T of the same share. ``informed``: a predicate; where it holds, T and R
    decide, and not the hash.
    """

    kind: Literal["hashed"] = "hashed"
    salt: str
    threshold: int
    t: int = 0
    informed: int | None = None


class Limited(Part):
    """Samples while a token bucket allows it; ``limit`` is the bucket's position in the plan."""

    kind: Literal["limited"] = "limited"
    limit: int
    cost: Literal["spans", "bytes"]
    per_second: int
    burst: int


class And(Part):
    """Samples if all parts do; asked in order until one does not."""

    kind: Literal["and"] = "and"
    of: tuple[Vote, ...]


class Not(Part):
    """Samples if the part does not."""

    kind: Literal["not"] = "not"
    of: Vote


class Drop(Part):
    """Drops the trace, whatever others say, if all parts sample it."""

    kind: Literal["drop"] = "drop"
    of: tuple[Vote, ...]


class Share(Part):
    """A part of a composite policy, and the spans a second that it may take."""

    name: str
    vote: Vote
    most: int


class Composite(Part):
    """Samples by the first part that does, within its share; ``place``: among composites."""

    kind: Literal["composite"] = "composite"
    of: tuple[Share, ...]
    most: int
    place: int


Vote = Annotated[
    Always | Bit | Race | Spans | Hashed | Limited | And | Not | Drop | Composite,
    Field(discriminator="kind"),
]


class Votes(Part):
    """Any policy that drops a trace decides, else any that samples it.

    ``policies`` bear the names of the plan's rules in the same places. Traces are judged at whole
    multiples of ``tick_ms``. ``first_match``: whoever samples first ends the vote. ``max_bytes``: a
    trace of more, as the Collector would encode it, is dropped at once. ``at_ingest``: the spans of
    each request that stand under one Resource are voted on alone, as they come; what no vote has
    decided when it is due is dropped; ``despite_drops``: even while a drop may still drop.
    ``schema_urls``: what the Collector takes for a trace counts them. ``credit_loosest``: of those
    that sample, the one with the lowest T is credited, and not the first. ``tracestate``: the
    lowest T of those that sampled is written on kept spans. ``budgets``: limits keep the traces of
    a tick with the highest R, so that their T is known. ``record_policy``: the policy is written on
    the scopes of kept spans; ``record_late``: of late ones, too.
    """

    policies: tuple[Vote, ...]
    first_match: bool = False
    tick_ms: int
    max_bytes: int | None = None
    at_ingest: bool = False
    despite_drops: bool = False
    schema_urls: bool = False
    credit_loosest: bool = False
    tracestate: bool = False
    budgets: bool = False
    record_policy: bool = False
    record_late: bool = False
