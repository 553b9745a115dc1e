"""A case: what is offered, to which configurations, what is measured, and what should come out."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, ValidationError
from pydantic import model_validator as validator

from benchmarks.figures import FIGURES, TIMES

CASES: Final = Path(__file__).parent / "cases"
Share = Annotated[float, Field(ge=0, le=1)]


class CaseError(Exception):
    """A case cannot be read; the message names the file and the key."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Load(_Table):
    """What ``tailsampler-load`` is told."""

    spans: PositiveInt
    """Offered a round."""
    spans_per_request: PositiveInt = 512
    spans_per_trace: PositiveInt = 8
    requests_per_trace: PositiveInt = 1
    span_bytes: PositiveInt = 270
    protocol: Literal["grpc", "http-protobuf", "http-json"] = "grpc"
    gzip: bool = False
    tls: bool = False
    root: bool = True
    error_share: Share = 0.01
    slow_share: Share = 0.01
    connections: PositiveInt = 4
    in_flight: PositiveInt = 4

    @validator(mode="after")
    def _whole(self) -> Self:
        if self.spans_per_trace % self.requests_per_trace:
            raise ValueError("spans_per_trace is no multiple of requests_per_trace")
        if self.spans_per_request % (self.spans_per_trace // self.requests_per_trace):
            raise ValueError("spans_per_request is no multiple of what a trace has in one request")
        return self


class Way(_Table):
    """One of the things that are measured beside each other."""

    name: str
    config: str = "gateway.yaml"
    """Of the gateway; a path from the case's folder."""
    decision_wait: str = "10s"
    cpus: PositiveInt | None = None
    """Processors for the gateway; the load generator gets the others."""
    held: int = Field(default=0, ge=0)
    """Spans that are held before anything is measured."""
    environment: dict[str, str] = {}
    """For ``${env:...}`` in the configuration."""
    load: Load

    @property
    def start(self) -> tuple[object, ...]:
        """Ways that agree in this are measured at one process."""
        environment = tuple(sorted(self.environment.items()))
        return self.config, self.decision_wait, self.cpus, self.held, environment


class Goal(_Table):
    """A number that a figure should hold; ``against`` makes it that of a ratio of two ways."""

    figure: str
    of: str
    against: str | None = None
    unit: str
    at_most: float | None = None
    at_least: float | None = None
    reach: float | None = None
    """What would be better still."""
    cpus: PositiveInt = 1
    """Processors that the machine needs for it to mean anything."""

    @validator(mode="after")
    def _known(self) -> Self:
        if self.figure not in FIGURES:
            raise ValueError(f"no figure {self.figure!r}; there are {', '.join(FIGURES)}")
        unit = TIMES if self.against else FIGURES[self.figure].unit
        if self.unit != unit:
            raise ValueError(f"the unit of {self.figure} is {unit!r} here, not {self.unit!r}")
        if (self.at_most is None) == (self.at_least is None):
            raise ValueError("a goal has either at_most or at_least")
        return self


class Cost(_Table):
    """Processor time a span, from the first request until nothing is held."""

    kind: Literal["cost"]


class Latency(_Table):
    """The top in a closed loop, then acknowledgements in an open loop at shares of it."""

    kind: Literal["latency"]
    shares: list[Share] = [0.2, 0.5, 0.8]
    seconds: PositiveFloat = 10.0


class Overload(_Table):
    """The top in a closed loop, then several times as much without trying again."""

    kind: Literal["overload"]
    times: PositiveFloat = 3.0
    seconds: PositiveFloat = 10.0
    in_flight: PositiveInt = 256
    """On each connection, while it is too much."""


class Held(_Table):
    """Memory of what is held (``ways.held``), and the cost of spans that come meanwhile.

    What is held has no root spans and waits for an hour; what comes meanwhile has, and is judged
    ``after_root`` later by the configuration.
    """

    kind: Literal["held"]


class Start(_Table):
    """From the start of the process to the first acknowledged request."""

    kind: Literal["start"]


class Restart(_Table):
    """``kill -9`` while ``ways.held`` spans are held, and a start on what is left."""

    kind: Literal["restart"]


class Judge(_Table):
    """Judging traces that fall due together, by the core alone, on one thread."""

    kind: Literal["judge"]
    traces: PositiveInt = 10_000


class Soak(_Table):
    """A steady load for a while: whether memory and disk stay level."""

    kind: Literal["soak"]
    seconds: PositiveFloat = 600.0
    spans_per_second: PositiveInt
    look_every_seconds: PositiveFloat = 5.0


class Module(_Table):
    """A program of its own, ``benchmarks/<module>.py``, with a report of its own."""

    kind: Literal["module"]
    module: Literal["burst", "durability", "guards", "local_store", "sidecar"]


Measure = Annotated[
    Cost | Latency | Overload | Held | Start | Restart | Judge | Soak | Module,
    Field(discriminator="kind"),
]


class Short(_Table):
    """How the case is made shorter for the short set."""

    rounds: PositiveInt = 3
    scale: PositiveFloat = 1.0
    ways: list[str] | None = None
    """These only."""


class Case(_Table):
    """One folder below ``benchmarks/cases``."""

    name: str
    about: str
    measure: Measure
    rounds: PositiveInt = 5
    short: Short | None = None
    """Absent: the case is not in the short set."""
    ways: list[Way] = []
    goals: list[Goal] = []

    @validator(mode="after")
    def _consistent(self) -> Self:
        names = [way.name for way in self.ways]
        if len(set(names)) < len(names):
            raise ValueError("two ways have one name")
        if self.measure.kind == "module":
            if self.ways or self.goals:
                raise ValueError("a module has no ways and goals here")
            return self
        if not self.ways:
            raise ValueError("there are no ways")
        known = set(self.measured)
        for goal in self.goals:
            for way in (goal.of, *([goal.against] if goal.against else [])):
                if way not in known:
                    raise ValueError(f"a goal speaks of {way!r}; there are {', '.join(known)}")
        missing = set(self.short.ways or ()) - set(names) if self.short else set()
        if missing:
            raise ValueError(f"the short set speaks of {', '.join(missing)}")
        return self

    @property
    def measured(self) -> list[str]:
        """Names of the rows: those of the ways, or of a way at a share of its top."""
        if isinstance(self.measure, Latency):
            shares = self.measure.shares
            return [at_share(way.name, share) for way in self.ways for share in shares]
        return [way.name for way in self.ways]

    @property
    def directory(self) -> Path:
        """Where its configurations are."""
        return CASES / self.name

    @classmethod
    def load(cls, name: str) -> Self:
        """Read ``benchmarks/cases/<name>/case.toml``.

        Raises:
            CaseError: it is not there, or says what is not understood.
        """
        path = CASES / name / "case.toml"
        try:
            table = tomllib.loads(path.read_text())
        except FileNotFoundError as error:
            raise CaseError(f"no case {name!r}; there are {', '.join(names())}") from error
        except tomllib.TOMLDecodeError as error:
            raise CaseError(f"{path}: {error}") from error
        return cls.of(name, table, str(path))

    @classmethod
    def of(cls, name: str, table: dict[str, Any], place: str) -> Self:
        """From what a file says; ``[load]`` and ``[way]`` are what all ways have in common.

        Raises:
            CaseError: as ``load``.
        """
        table = dict(table)
        load, common = table.pop("load", {}), table.pop("way", {})
        try:
            table["ways"] = [
                common | way | {"load": load | way.get("load", {})} for way in table.get("ways", ())
            ]
        except (AttributeError, TypeError) as error:
            raise CaseError(f"{place}: [load], [way] and [[ways]] are tables") from error
        try:
            return cls.model_validate({"name": name} | table)
        except ValidationError as error:
            said = "; ".join(
                f"{'.'.join(map(str, one['loc'])) or 'the case'}: {one['msg']}"
                for one in error.errors(include_url=False)
            )
            raise CaseError(f"{place}: {said}") from error

    def shortened(self) -> Self:
        """As the short set has it."""
        short = self.short or Short()
        wanted = short.ways
        ways = [way for way in self.ways if wanted is None or way.name in wanted]
        rows = {row for row in self.measured if any(row.startswith(way.name) for way in ways)}
        goals = [
            goal
            for goal in self.goals
            if goal.of in rows and (goal.against is None or goal.against in rows)
        ]
        return self.model_copy(update={"rounds": short.rounds, "ways": ways, "goals": goals})


def at_share(way: str, share: float) -> str:
    """The row of a way at a share of its top."""
    return f"{way} at {share:.0%}".replace("%", " %")


def names() -> Iterator[str]:
    """Every folder that holds a case."""
    return iter(sorted(path.parent.name for path in CASES.glob("*/case.toml")))
