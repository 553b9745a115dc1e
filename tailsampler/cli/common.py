"""What the commands share: options, reading settings, how to end."""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from tailsampler.errors import TailsamplerError

if TYPE_CHECKING:
    from tailsampler.settings.root import Settings

FINDING: Final = 1
COULD_NOT: Final = 2
DEFAULT_CONFIG: Final = Path("config/tailsampler.yaml")
ADMIN_URL: Final = "http://127.0.0.1:7317"
CONTROL: Final = "127.0.0.1:7318"

CONFIG = click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="TAILSAMPLER_CONFIG",
    help=f"Configuration file. Default: {DEFAULT_CONFIG} if there is one here, else the built-in "
    "defaults, which say the same.",
)
PROCESSOR = click.option(
    "--processor",
    metavar="NAME",
    help="Where the file is a Collector's configuration with several samplers: tail_sampling/edge.",
)
LEAVE_OUT = click.option(
    "--leave-out",
    is_flag=True,
    help="Where it is one: go on without the receivers, processors and exporters of it that have "
    "no place here.",
)
COMPAT = click.option(
    "--compat",
    metavar="VERSION",
    help="Where it is one: the version of the Collector whose verdicts are given, 0.155.",
)
FEATURE_GATES = click.option(
    "--feature-gates",
    metavar="GATES",
    help="Where it is one: as the Collector's option of that name, recordpolicy,usetracestate.",
)
COMPAT_TELEMETRY = click.option(
    "--compat-telemetry",
    is_flag=True,
    help="Where it is one: offer the metrics of the Collector's sampler beside ours.",
)
DATA = click.option(
    "--data-directory",
    type=click.Path(path_type=Path, file_okay=False),
    help="Instead of data_directory in the configuration.",
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


def hand_over(module: str, name: str, /, *args: object, **options: object) -> NoReturn:
    """Call a part of the program that is imported when it is needed, and end with its status."""
    try:
        status = getattr(importlib.import_module(module), name)(*args, **options)
    except TailsamplerError as error:
        fail(error)
    sys.exit(status or 0)


def fail(error: TailsamplerError) -> NoReturn:
    """Say what is wrong and end: it could not be done."""
    click.echo(error.render(), err=True)
    sys.exit(COULD_NOT)


def config_path(given: Path | None) -> Path | None:
    """The file to read; None for the built-in defaults."""
    if given is not None:
        return given
    return DEFAULT_CONFIG if DEFAULT_CONFIG.is_file() else None


def name_of(path: Path | None) -> str:
    """How a person knows that configuration."""
    return "built-in defaults" if path is None else str(path)


@dataclass(frozen=True, slots=True)
class OfCollector:
    """What was said of a Collector's configuration beside it."""

    processor: str | None = None
    leave_out: bool = False
    compat: str | None = None
    feature_gates: str | None = None
    compat_telemetry: bool = False


def of_collector(command: Callable[..., None]) -> Callable[..., None]:
    """Options about a Collector's configuration; the command gets them as ``collector``."""

    @wraps(command)
    def with_collector(
        *args: object,
        processor: str | None,
        leave_out: bool,
        compat: str | None,
        feature_gates: str | None,
        compat_telemetry: bool,
        **options: object,
    ) -> None:
        collector = OfCollector(processor, leave_out, compat, feature_gates, compat_telemetry)
        command(*args, collector=collector, **options)

    for option in COMPAT_TELEMETRY, FEATURE_GATES, COMPAT, LEAVE_OUT, PROCESSOR:
        with_collector = option(with_collector)
    return with_collector


_NOTHING_SAID: Final = OfCollector()


def load_settings(path: Path | None, collector: OfCollector = _NOTHING_SAID) -> Settings:
    """Read the file, or take the built-in defaults; raises ``SettingsError``."""
    from tailsampler.settings.load import (  # noqa: PLC0415 - `--help` needs no pydantic
        FromCollector,
        load,
    )
    from tailsampler.settings.root import Settings  # noqa: PLC0415 - as above

    if path is None:
        return Settings()
    return load(path, os.environ, FromCollector(**asdict(collector)))


def data_plane() -> Any | None:
    """``tailsampler._core``, or None while it is not built."""
    try:
        return importlib.import_module("tailsampler._core")
    except ImportError:
        return None


def print_json(body: object) -> None:
    """For programs, and still readable."""
    click.echo(json.dumps(body, indent=2))
