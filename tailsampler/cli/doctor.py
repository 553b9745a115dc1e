"""``doctor``: what will hurt."""

from __future__ import annotations

import os
from pathlib import Path

import click

from tailsampler.cli import common
from tailsampler.errors import TailsamplerError


@click.command()
@common.CONFIG
@click.option(
    "--url",
    help=f"Admin address of a running gateway.  [default: where the configuration says, else "
    f"{common.ADMIN_URL}]",
)
@click.option(
    "--backends/--no-backends",
    default=True,
    show_default=True,
    help="Send each OTLP backend an empty request, and judge its answer.",
)
@click.option(
    "--collector-config",
    "collector",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Configuration of the Collector that sends to the gateway: its retries, queue and batches "
    "are judged, too.",
)
@common.JSON
def doctor(
    config: Path | None, url: str | None, collector: Path | None, *, backends: bool, as_json: bool
) -> None:
    """Say what will hurt, with the evidence, the setting to change, and what that does.

    Reads the configuration, the live counters of a running gateway, the machine below it, and what
    its backends answer. Without --config the configuration is that of the running gateway, else
    the file that `run` would take. Where no gateway runs, the checks that need one are skipped,
    and that is said. Nothing is changed; backends get a request without spans.

    \b
    Exit status: 0 well, 1 a finding, 2 could not do it.

    \b
    Examples:
      tailsampler doctor
      tailsampler doctor --config config/tempo.yaml --no-backends
      tailsampler doctor --collector-config /etc/otelcol/config.yaml
      tailsampler doctor --json
    """  # noqa: D301 - click takes the backspace for "keep these lines"
    # A failed handshake is told as a finding; grpc's own line about it would stand in between.
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    from tailsampler.doctor.gather import Options  # noqa: PLC0415 - `--help` needs none of it

    try:
        fallback = None if config else common.config_path(None)
        options = Options(
            settings=common.load_settings(config) if config else None,
            settings_name=common.name_of(config),
            fallback=common.load_settings(fallback),
            fallback_name=common.name_of(fallback),
            url=url,
            backends=backends,
            collector=collector,
        )
    except TailsamplerError as error:
        common.fail(error)
    common.hand_over("tailsampler.doctor.run", "doctor", options, as_json=as_json)
