"""The options with which a command shows a gateway who it is."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from tailsampler.cli import common
from tailsampler.errors import TailsamplerError

if TYPE_CHECKING:
    from tailsampler.access.credentials import Credentials

VARIABLE: Final = "TAILSAMPLER_TOKEN"
_FILE = click.Path(path_type=Path, dir_okay=False)
_OPTIONS = (
    click.option(
        "--token-file",
        type=_FILE,
        help="File with the token to show. Default: the token in TAILSAMPLER_TOKEN, or none.",
    ),
    click.option("--tls", is_flag=True, help="Speak TLS, trusting the usual authorities."),
    click.option("--ca-file", type=_FILE, help="Speak TLS, trusting these authorities, PEM."),
    click.option("--cert-file", type=_FILE, help="Certificate to show, PEM, with --key-file."),
    click.option("--key-file", type=_FILE, help="Private key of that certificate, PEM."),
)


def access(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options; ``credentials`` makes one value of them."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def credentials(
    *,
    token_file: Path | None,
    tls: bool,
    ca_file: Path | None,
    cert_file: Path | None,
    key_file: Path | None,
) -> Credentials:
    """What the command shows; ends it in words where a file cannot be read."""
    from tailsampler.access.credentials import Credentials, read_token  # noqa: PLC0415 - if wanted

    try:
        return Credentials(
            # Not an option: every user of a machine sees the options of every program.
            token=os.environ.get(VARIABLE) if token_file is None else read_token(token_file),
            tls=tls,
            ca_file=ca_file,
            cert_file=cert_file,
            key_file=key_file,
        )
    except TailsamplerError as error:
        common.fail(error)
