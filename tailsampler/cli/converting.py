"""``convert``: from another sampler's configuration to ours."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from tailsampler.cli import common
from tailsampler.errors import Place, Problem, SettingsError, SettingsFileError

if TYPE_CHECKING:
    from tailsampler.convert import Converted, Note
    from tailsampler.convert.run import Kind, Target

_WIDTH: Final = 100  # as click's help


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--from",
    "kind",
    type=click.Choice(["contrib", "alloy", "refinery"]),
    help="What FILE is.  [default: told by what is in it]",
)
@click.option(
    "--to",
    "target",
    type=click.Choice(["native", "tail_sampling"]),
    default="native",
    show_default=True,
    help="A chain in which the first match decides, or a block whose policies vote.",
)
@click.option(
    "--processor",
    metavar="NAME",
    help="Where FILE has several samplers: tail_sampling/edge, a label of Alloy, an environment of "
    "Refinery.",
)
@click.option(
    "--compat",
    metavar="VERSION",
    help="The version of contrib that ran it, where versions differ: 0.155.  [default: the newest]",
)
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="A file, instead of stdout."
)
@click.option("--force", is_flag=True, help="Write --output even if there is such a file.")
@common.JSON
def convert(  # noqa: PLR0913 - click passes one argument an option
    file: Path,
    kind: Kind | None,
    target: Target,
    processor: str | None,
    compat: str | None,
    output: Path | None,
    *,
    force: bool,
    as_json: bool,
) -> None:
    """Make a configuration of ours from that of another sampler.

    FILE is a Collector's configuration or its tail_sampling block, a file of Grafana Alloy, or
    Refinery's rules. The configuration goes to stdout, and to stderr what became of each part:
    carried exactly, changed, or left out, and whether more or less is kept by it.

    \b
    Exit status: 0 all is the same, 1 something is changed or left out, 2 could not do it.

    \b
    Examples:
      tailsampler convert otelcol.yaml --output tailsampler.yaml
      tailsampler convert otelcol.yaml --to tail_sampling --processor tail_sampling/edge
      tailsampler convert config.alloy
      tailsampler convert rules.yaml --processor production --json
    """  # noqa: D301 - click takes the backspace for "keep these lines"
    from tailsampler import convert as converting  # noqa: PLC0415 - `--help` needs no pydantic

    try:
        done = converting.convert(
            _read(file),
            str(file),
            os.environ,
            converting.Wanted(kind=kind, target=target, name=processor, compat=_version(compat)),
        )
        _check(done)
        _write(done.config, output, force=force, quiet=as_json)
    except SettingsError as error:
        if as_json:
            problems = [problem.as_json() for problem in error.problems]
            common.print_json({"file": str(file), "ok": False, "errors": problems})
        else:
            click.echo(error.render(), err=True)
        sys.exit(common.COULD_NOT)
    if as_json:
        common.print_json({"config": done.config, **done.notes.as_json()})
    else:
        _tell(done, output)
    sys.exit(0 if done.notes.exact else common.FINDING)


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        why = error.strerror or type(error).__name__
        say = f"it cannot be read ({why}); name a file that this user may read"
        raise SettingsFileError([Problem("file_unreadable", Place(str(file)), say)]) from error
    except UnicodeDecodeError as error:
        say = f"byte {error.start} is not UTF-8; save it as UTF-8 text"
        raise SettingsFileError([Problem("not_utf8", Place(str(file)), say)]) from error


def _version(text: str | None) -> int | None:
    from tailsampler.decide.dialects.contrib import parse_compat  # noqa: PLC0415 - as above
    from tailsampler.settings.base import BadValueError  # noqa: PLC0415 - as above

    try:
        return None if text is None else parse_compat(text)
    except BadValueError as error:
        raise click.BadParameter(error.message(), param_hint="--compat") from error


def _check(done: Converted) -> None:
    """Let the data plane compile it, too, where it is there."""
    core = common.data_plane()
    if core is None:
        return
    try:
        core.check_plan(done.plan)
    except core.CoreError as error:
        code, say = error.args
        raise SettingsError([Problem(str(code), Place("the outcome"), str(say))]) from error


def _write(config: str, output: Path | None, *, force: bool, quiet: bool) -> None:
    if output is None:
        if not quiet:
            click.echo(config, nl=False)
        return
    try:
        with output.open("w" if force else "x", encoding="utf-8") as out:
            out.write(config)
    except FileExistsError as error:
        say = "there is such a file already; name another, or write --force"
        raise SettingsFileError([Problem("file_exists", Place(str(output)), say)]) from error
    except OSError as error:
        why = error.strerror or type(error).__name__
        say = f"it cannot be written ({why}); name a file in a directory that is there"
        raise SettingsFileError([Problem("file_unwritable", Place(str(output)), say)]) from error


def _tell(done: Converted, output: Path | None) -> None:
    where = "" if output is None else f", written to {output}"
    notes = done.notes
    say = (
        f"{done.kind}, {done.sampler}{where}: {len(notes.carried)} carried, "
        f"{len(notes.changed)} changed, {len(notes.left_out)} left out"
    )
    click.echo(_folded(say, ""), err=True)
    for lead, told in (
        ("carried: ", notes.carried),
        ("changed: ", notes.changed),
        ("left out: ", notes.left_out),
    ):
        for note in told:
            click.echo(_folded(_sentence(note), lead), err=True)
    if done.unset:
        say = f"{', '.join(done.unset)}; they stand in it as they were"
        click.echo(_folded(say, "without a value here: "), err=True)


def _sentence(note: Note) -> str:
    effect = "" if note.effect == "none" else f" [{note.effect}]"
    spot = ":".join(str(part) for part in (note.at.file, note.at.line) if part is not None)
    return f"{note.name} ({spot}): {note.what}{effect}"


def _folded(text: str, before: str) -> str:
    plain = "".join(each if each.isprintable() else " " for each in text)
    return click.wrap_text(plain, _WIDTH, before, "  ")
