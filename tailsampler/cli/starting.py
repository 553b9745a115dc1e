"""``run`` and ``gateway``: start the program."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import click

from tailsampler.cli import common
from tailsampler.errors import CoreMissingError, TailsamplerError


@click.command()
@common.CONFIG
@common.DATA
@common.of_collector
@click.option("--demo", is_flag=True, help="Send the traces of a demo shop to it, too.")
def run(
    config: Path | None,
    data_directory: Path | None,
    *,
    collector: common.OfCollector,
    demo: bool,
) -> None:
    """Start the gateway and everything beside it, in one process.

    Then look at http://127.0.0.1:7317, or type `tailsampler top`.

    With --demo ten services of a shop send traces to it. Unless a configuration is named, --demo
    uses one with short waits (config/demo.yaml) and the data directory data/demo.

    SIGTERM or Ctrl-C stops it: the doors close, kept spans are sent for a bounded time, and what
    is still held stays on disk for the next start. A second signal ends it at once.

    \b
    Examples:
      tailsampler run --demo
      tailsampler run
      tailsampler run --config config/tempo.yaml --data-directory /var/lib/tailsampler
    """  # noqa: D301 - click takes the backspace for "keep these lines"
    _start(config, data_directory, collector, demo=demo)


@click.command()
@common.CONFIG
@common.DATA
@common.of_collector
def gateway(
    config: Path | None, data_directory: Path | None, *, collector: common.OfCollector
) -> None:
    """Start the data plane alone, as in a cluster.

    There are no services beside it in this version, so this is the same as `run`.
    """
    _start(config, data_directory, collector)


def _start(
    config: Path | None,
    data_directory: Path | None,
    collector: common.OfCollector,
    *,
    demo: bool = False,
) -> NoReturn:
    path = None if demo and config is None else common.config_path(config)
    try:
        if demo and path is None:
            from tailsampler.demo.settings import demo_settings  # noqa: PLC0415 - if wanted

            settings, name = demo_settings(), "built-in settings of the demo"
        else:
            settings = common.load_settings(path, collector)
            name = common.name_of(path)
        if common.data_plane() is None:
            say = "the data plane (tailsampler._core) is not built; run `make setup`, or install "
            raise CoreMissingError("core_missing", say + "the wheel")
    except TailsamplerError as error:
        common.fail(error)
    if data_directory is not None:
        settings = settings.model_copy(update={"data_directory": data_directory})
    from tailsampler.settings.fit import fit, too_small  # noqa: PLC0415 - after such errors
    from tailsampler.settings.machine import look  # noqa: PLC0415

    machine = look(settings.data_directory)
    settings, fitted = fit(settings, machine)
    for bound in fitted:
        click.echo(bound.say, err=True)
    if warning := too_small(settings, machine):
        click.echo(f"warning: {warning}", err=True)
    # Set before grpcio is imported: for each handshake of a stranger it would write a line of its
    # own, whatever our log's level and form.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    click.echo(f"configuration: {name}; data directory: {settings.data_directory}", err=True)
    file = None if path is None else str(path)
    common.hand_over("tailsampler.app", "run", settings, config_file=file, demo=demo)
