"""The command line. Exit status: 0 well, 1 a finding, 2 could not do it."""

from __future__ import annotations

import importlib
import json
import os
import platform
import re
import sys
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as distribution_version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from tailsampler.errors import (
    CoreMissingError,
    Place,
    Problem,
    SettingsError,
    SettingsFileError,
    TailsamplerError,
)

if TYPE_CHECKING:
    from tailsampler.settings.report import Report
    from tailsampler.settings.root import Settings

FINDING = 1
COULD_NOT = 2
DEFAULT_CONFIG = Path("config/tailsampler.yaml")
ADMIN_URL = "http://127.0.0.1:7317"

_CONFIG = click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="TAILSAMPLER_CONFIG",
    help=f"Configuration file. Default: {DEFAULT_CONFIG} if there is one here, else the built-in "
    "defaults, which say the same.",
)
_DATA = click.option(
    "--data-directory",
    type=click.Path(path_type=Path, file_okay=False),
    help="Instead of data_directory in the configuration.",
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def main() -> None:
    """Keep the traces that matter, and account for every span.

    Tailsampler stands between your SDKs or Collectors and your trace store. It holds the spans of
    a trace until the trace is complete, judges the whole trace once, and forwards what is worth
    keeping.

    \b
    First steps:
      tailsampler check                        what the configuration means, before it runs
      tailsampler run                          OTLP in on 127.0.0.1:4317 (gRPC) and :4318 (HTTP)
      export OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318    for SDKs (HTTP; gRPC: 4317)
      tailsampler explain TRACE_ID             why that trace was kept or dropped
      curl http://127.0.0.1:7317/api/v1/ledger                    where every span went

    \b
    Exit status: 0 well, 1 a finding, 2 could not do it.
    """  # noqa: D301 - click takes the backspace for "keep these lines"


@main.command()
@_CONFIG
@_DATA
def run(config: Path | None, data_directory: Path | None) -> None:
    """Start the gateway and everything beside it, in one process.

    SIGTERM or Ctrl-C stops it: the doors close, kept spans are sent for a bounded time, and what
    is still held stays on disk for the next start. A second signal ends it at once.

    \b
    Examples:
      tailsampler run
      tailsampler run --config config/tempo.yaml --data-directory /var/lib/tailsampler
    """  # noqa: D301 - click takes the backspace for "keep these lines"
    _start(config, data_directory)


@main.command()
@_CONFIG
@_DATA
def gateway(config: Path | None, data_directory: Path | None) -> None:
    """Start the data plane alone, as in a cluster.

    There are no services beside it in this version, so this is the same as `run`.
    """
    _start(config, data_directory)


@main.command()
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@_JSON
@click.option("--print-config", is_flag=True, help="Print the configuration in force, as YAML.")
def check(file: Path | None, *, as_json: bool, print_config: bool) -> None:
    """Read a configuration and say what it means, or everything that is wrong with it.

    Nothing is started and nothing is written. Secrets are not printed.

    \b
    Exit status: 0 it can be used, 1 it cannot, 2 the file cannot be read.

    \b
    Examples:
      tailsampler check config/tailsampler.yaml
      tailsampler check config/tailsampler.yaml --print-config
      tailsampler check config/tailsampler.yaml --json
    """  # noqa: D301 - click takes the backspace for "keep these lines"
    from tailsampler.settings.effective import effective, effective_yaml  # noqa: PLC0415
    from tailsampler.settings.report import report  # noqa: PLC0415

    path = _config_path(file)
    try:
        settings = _load(path)
        _check_plan(settings, path)
    except SettingsError as error:
        if as_json:
            _print_json({"file": _name(path), "ok": False, "errors": _as_json(error)})
        else:
            click.echo(error.render(), err=True)
        sys.exit(COULD_NOT if isinstance(error, SettingsFileError) else FINDING)
    found = report(settings)
    if as_json:
        body = {"file": _name(path), "ok": True, "errors": [], **found.as_json()}
        _print_json(body | ({"config": effective(settings)} if print_config else {}))
    elif print_config:
        click.echo(effective_yaml(settings), nl=False)
    else:
        _print_report(found, _name(path))


@main.command()
@click.argument("trace_id")
@click.option("--endpoint", default=ADMIN_URL, show_default=True, help="Admin address, a URL.")
@_JSON
def explain(trace_id: str, endpoint: str, *, as_json: bool) -> None:
    """Say what became of a trace, by which policy and on what evidence.

    TRACE_ID is 32 hex digits, as trace stores and logs show it.

    \b
    Exit status: 0 the trace is known, 1 it is not, 2 the gateway could not be asked.
    """  # noqa: D301 - click takes the backspace for "keep these lines"
    digits = trace_id.strip().lower()
    if not re.fullmatch(r"[0-9a-f]{32}", digits) or set(digits) == {"0"}:
        say = f"{trace_id} is not a trace id; write 32 hex digits that are not all 0"
        _fail(TailsamplerError("bad_trace_id", say))
    _hand_over("tailsampler.explain", "explain", digits, endpoint=endpoint, as_json=as_json)


@main.command()
@_JSON
def version(*, as_json: bool) -> None:
    """Print the versions of the program, its data plane and Python."""
    try:
        program: str | None = distribution_version("tailsampler")
    except PackageNotFoundError:
        program = None
    core = _core()
    versions = {
        "tailsampler": program,
        "core": None if core is None else core.__version__,
        "python": platform.python_version(),
    }
    if as_json:
        _print_json(versions)
    else:
        click.echo(f"tailsampler {program or 'not installed, running from source'}")
        click.echo(f"core {versions['core'] or 'not built'}")
        click.echo(f"python {versions['python']}")


def _start(config: Path | None, data_directory: Path | None) -> NoReturn:
    path = _config_path(config)
    try:
        settings = _load(path)
        if _core() is None:
            say = "the data plane (tailsampler._core) is not built; run `make setup`, or install "
            raise CoreMissingError("core_missing", say + "the wheel")
    except TailsamplerError as error:
        _fail(error)
    if data_directory is not None:
        settings = settings.model_copy(update={"data_directory": data_directory})
    click.echo(f"configuration: {_name(path)}", err=True)
    _hand_over("tailsampler.app", "run", settings)


def _hand_over(module: str, name: str, /, *args: object, **options: object) -> NoReturn:
    """Call a part of the program that is imported when it is needed, and end with its status."""
    try:
        status = getattr(importlib.import_module(module), name)(*args, **options)
    except TailsamplerError as error:
        _fail(error)
    sys.exit(status or 0)


def _fail(error: TailsamplerError) -> NoReturn:
    click.echo(error.render(), err=True)
    sys.exit(COULD_NOT)


def _config_path(given: Path | None) -> Path | None:
    """The file to read; None for the built-in defaults."""
    if given is not None:
        return given
    return DEFAULT_CONFIG if DEFAULT_CONFIG.is_file() else None


def _name(path: Path | None) -> str:
    return "built-in defaults" if path is None else str(path)


def _load(path: Path | None) -> Settings:
    from tailsampler.settings.load import load  # noqa: PLC0415 - `--help` needs no pydantic
    from tailsampler.settings.root import Settings  # noqa: PLC0415 - as above

    return Settings() if path is None else load(path, os.environ)


def _core() -> Any | None:
    """The data plane, or None while it is not built."""
    try:
        return importlib.import_module("tailsampler._core")
    except ImportError:
        return None


def _check_plan(settings: Settings, path: Path | None) -> None:
    """Compile the chain, and let the data plane compile it too where it is there."""
    from tailsampler.settings.core_options import plan_json  # noqa: PLC0415 - as in `_load`

    plan = plan_json(settings)
    core = _core()
    if core is None:
        return
    try:
        core.check_plan(plan)
    except core.CoreError as error:
        code, say = error.args
        at = Place(file=_name(path), key="sampling")
        raise SettingsError([Problem(str(code), at, str(say))]) from error


def _as_json(error: SettingsError) -> list[dict[str, object]]:
    return [problem.as_json() for problem in error.problems]


def _print_json(body: object) -> None:
    click.echo(json.dumps(body, indent=2))


def _print_report(found: Report, name: str) -> None:
    from rich import box  # noqa: PLC0415 - as in `_load`
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console = Console(highlight=False, emoji=False, markup=False, soft_wrap=True)
    console.print(f"{name}: the first policy that matches a trace decides alone.")
    table = Table("#", "policy", "a trace matches if", "keeps", "ot=th", "waits", box=box.SIMPLE)
    for number, row in enumerate(found.chain, start=1):
        table.add_row(
            str(number),
            Text(row.name),
            Text("\nand ".join(row.conditions)),
            f"{row.sample_rate * 100:g} %",
            row.threshold or "-",
            row.decision_wait,
        )
    console.print(table, soft_wrap=False)
    for exporter in found.exporters:
        console.print(f"export {exporter}")
    console.print(found.loss_window)
    for warning in found.warnings:
        console.print(f"warning: {warning}")
