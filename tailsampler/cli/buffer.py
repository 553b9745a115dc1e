"""``buffer``: a data directory that no gateway works in."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import BinaryIO

import click

from tailsampler.cli import common

_OFFLINE = "tailsampler.buffer.offline"
DIRECTORY = click.argument(
    "directory", metavar="DIR", type=click.Path(path_type=Path, file_okay=False, exists=True)
)


@click.group()
def buffer() -> None:
    """Look at a data directory that no gateway works in.

    A gateway starts on a damaged directory by itself: it skips what is damaged, counts what is
    lost, and says so. These commands are for those who want to know before, or who have a volume
    and no gateway any more. DIR is what `data_directory` names; it is locked meanwhile.

    \b
    Exit status: 0 well, 1 a finding, 2 could not do it.

    \b
    Examples:
      tailsampler buffer inspect /var/lib/tailsampler
      tailsampler buffer verify --json /var/lib/tailsampler
      tailsampler buffer repair --dry-run /var/lib/tailsampler
      tailsampler buffer export /var/lib/tailsampler --from outbox --to kept.jsonl
    """  # noqa: D301 - click takes the backspace for "keep these lines"


@buffer.command()
@DIRECTORY
@common.JSON
def inspect(directory: Path, *, as_json: bool) -> None:
    """Say what is in DIR: its logs, how much, from when, and whether all of it is whole."""
    common.hand_over(_OFFLINE, "inspect", directory, as_json=as_json)


@buffer.command()
@DIRECTORY
@common.JSON
def verify(directory: Path, *, as_json: bool) -> None:
    """Read every byte of DIR and hold it to its checksums.

    A write that a crash cut short is no finding: nobody was told that it had been taken.
    """
    common.hand_over(_OFFLINE, "verify", directory, as_json=as_json)


@buffer.command()
@DIRECTORY
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@common.JSON
def repair(directory: Path, *, dry_run: bool, as_json: bool) -> None:
    """Make the damage in DIR harmless, so that it is not found again at each start.

    Nothing that can still be read is lost by it. 64 bytes are written at each damaged place; what
    stood there goes into DIR/repairs.jsonl first. What is gone stays gone: exit status 1 says so.
    """
    common.hand_over(_OFFLINE, "repair", directory, dry_run=dry_run, as_json=as_json)


@buffer.command()
@DIRECTORY
@click.option(
    "--from",
    "log",
    type=click.Choice(["buffer", "outbox"]),
    default="buffer",
    show_default=True,
    help="Requests as they were accepted, or kept traces as they go out.",
)
@click.option("--to", type=click.File("wb"), default="-", help="A file.  [default: - (stdout)]")
@click.option("--trace-id", help="Only this trace, 32 hexadecimal digits.")
def export(directory: Path, log: str, to: BinaryIO, trace_id: str | None) -> None:
    """Write the spans in DIR as OTLP JSON, one request a line.

    The Collector's otlpjsonfile receiver reads it. Some of the spans may have been delivered
    already; in the buffer log are also traces that were dropped, until their segment goes.

    \b
    Examples:
      tailsampler buffer export /var/lib/tailsampler --from outbox --to kept.jsonl
      tailsampler buffer export /var/lib/tailsampler --trace-id 4bf92f3577b34da6a3ce929d0e0e4736
    """  # noqa: D301 - click takes the backspace for "keep these lines"
    if trace_id is not None:
        trace_id = trace_id.lower()
        if len(trace_id) != 32 or not set(trace_id) <= set("0123456789abcdef"):
            raise click.BadParameter("write 32 hexadecimal digits", param_hint="--trace-id")
    say = {"tell": lambda line: click.echo(line, err=True)}
    try:
        common.hand_over(_OFFLINE, "export", directory, log=log, to=to, trace_id=trace_id, **say)
    except BrokenPipeError:
        sys.stderr.close()  # whoever read it has seen enough
        sys.exit(common.COULD_NOT)
