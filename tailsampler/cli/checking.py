"""``check``: what a configuration means, before it runs."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from tailsampler.cli import common
from tailsampler.errors import Place, Problem, SettingsError, SettingsFileError

if TYPE_CHECKING:
    from tailsampler.settings.report import Report
    from tailsampler.settings.root import Settings

_WIDTH: Final = 100  # as click's help


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@common.JSON
@common.of_collector
@click.option("--print-config", is_flag=True, help="Print the configuration in force, as YAML.")
def check(
    file: Path | None,
    *,
    collector: common.OfCollector,
    as_json: bool,
    print_config: bool,
) -> None:
    """Read a configuration and say what it means, or everything that is wrong with it.

    The chain of policies is told in sentences, then where kept traces go, what may be lost and
    when, and what is allowed but may not be meant. Nothing is started and nothing is written.
    Secrets are not printed. `validate` is the same command.

    \b
    Exit status: 0 it can be used, 1 it cannot, 2 the file cannot be read.

    \b
    Examples:
      tailsampler check config/tailsampler.yaml
      tailsampler check config/tailsampler.yaml --print-config
      tailsampler check config/tailsampler.yaml --json
      tailsampler check otelcol.yaml --processor tail_sampling/edge --leave-out
    """  # noqa: D301 - click takes the backspace for "keep these lines"
    from tailsampler.settings.effective import effective, effective_yaml  # noqa: PLC0415
    from tailsampler.settings.fit import fit, too_small  # noqa: PLC0415
    from tailsampler.settings.machine import look  # noqa: PLC0415
    from tailsampler.settings.report import report  # noqa: PLC0415

    path = common.config_path(file)
    name = common.name_of(path)
    try:
        settings = common.load_settings(path, collector)
        _check_plan(settings, name)
    except SettingsError as error:
        if as_json:
            problems = [problem.as_json() for problem in error.problems]
            common.print_json({"file": name, "ok": False, "errors": problems})
        else:
            click.echo(error.render(), err=True)
        sys.exit(common.COULD_NOT if isinstance(error, SettingsFileError) else common.FINDING)
    machine = look(settings.data_directory)
    settings, fitted = fit(settings, machine)
    found = report(
        settings,
        in_memory=machine.disk_in_memory,
        on_this_machine=too_small(settings, machine),
    )
    if as_json:
        body = {"file": name, "ok": True, "errors": [], **found.as_json()}
        body["fitted"] = [asdict(bound) for bound in fitted]
        common.print_json(body | ({"config": effective(settings)} if print_config else {}))
    elif print_config:
        click.echo(effective_yaml(settings), nl=False)
    else:
        _print(found, name)
        for bound in fitted:
            click.echo(_folded(bound.say, "on this machine: "))


def _check_plan(settings: Settings, name: str) -> None:
    """Compile the chain, and let the data plane compile it too where it is there."""
    from tailsampler.settings.core_options import plan_json  # noqa: PLC0415

    plan = plan_json(settings)
    core = common.data_plane()
    if core is None:
        return
    try:
        core.check_plan(plan)
    except core.CoreError as error:
        code, say = error.args
        key = "sampling" if settings.tail_sampling is None else "tail_sampling"
        at = Place(file=name, key=key)
        raise SettingsError([Problem(str(code), at, str(say))]) from error


def _print(found: Report, name: str) -> None:
    click.echo(_folded(f"{name}: {found.how}.\n", ""))
    for number, sentence in enumerate(found.sentences, start=1):
        click.echo(_folded(sentence, f"{number:3}. "))
    click.echo(f"\n{found.waits}")
    for exporter in found.exporters:
        click.echo(f"export {exporter}")
    click.echo(_folded(found.loss_window, ""))
    click.echo(_folded(found.shutdown, ""))
    for remark in found.remarks:
        click.echo(_folded(remark, ""))
    for warning in found.warnings:
        click.echo(_folded(warning, "warning: "))


def _folded(text: str, before: str) -> str:
    return click.wrap_text(text, _WIDTH, before, " " * len(before))
