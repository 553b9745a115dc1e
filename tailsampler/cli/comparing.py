"""``compare``: whether two sides kept the same traces."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import click

from tailsampler.cli import common
from tailsampler.cli.access import access, credentials
from tailsampler.cli.looking import Lasting
from tailsampler.errors import TailsamplerError

_NS: Final = 10**9
_SECONDS: Final = re.compile(r"[0-9]{9,10}")


class Moment(click.ParamType[Any]):
    """A moment: how long ago, or when; ``timedelta`` or ``datetime``."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Of ``2h``, ``2026-05-01T12:00:00Z`` or seconds since 1970."""
        if not isinstance(value, str):
            return value
        if _SECONDS.fullmatch(value):
            return datetime.fromtimestamp(int(value), tz=UTC)
        try:
            when = datetime.fromisoformat(value)
        except ValueError:
            return Lasting().convert(value, param, ctx)
        return when if when.tzinfo else when.replace(tzinfo=UTC)


class Two(click.ParamType[Any]):
    """Two words with a comma between."""

    name = "two"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """``(first, second)``; either may be empty."""
        if not isinstance(value, str):
            return value
        words = tuple(word.strip() for word in value.split(","))
        if len(words) != 2:
            self.fail(f"{value} is not two words; write contrib,tailsampler", param, ctx)
        return words


@click.command()
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@click.option(
    "--names",
    type=Two(),
    metavar="A,B",
    default="A,B",
    show_default=True,
    help="What to call the sides.",
)
@click.option(
    "--since",
    type=Moment(),
    metavar="WHEN",
    help="Only traces that begin after this: so long ago (2h), or a moment (2026-05-01T12:00:00Z).",
)
@click.option(
    "--until",
    type=Moment(),
    metavar="WHEN",
    help="Only traces that begin before this.  [default: now, with --since]",
)
@click.option(
    "--settle",
    type=Lasting(),
    default="60s",
    show_default=True,
    metavar="DURATION",
    help="At both ends of the time a trace may be on one side only, which is no difference.",
)
@click.option(
    "--verdicts",
    multiple=True,
    metavar="URL",
    help="Admin address of a gateway of B, which says what became of a trace; may be repeated.",
)
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Configuration of B: traces of one side alone are judged by its policies.",
)
@common.PROCESSOR
@click.option(
    "--tenants",
    type=Two(),
    metavar="A,B",
    help="Tenants (X-Scope-OrgID) of sides that are a Tempo; either may be empty.",
)
@click.option(
    "--show",
    type=click.IntRange(0),
    metavar="N",
    default=20,
    show_default=True,
    help="How many differences to print, some of every kind; --json prints all.",
)
@click.option(
    "--most",
    type=click.IntRange(0, 100_000),
    metavar="N",
    default=1_000,
    show_default=True,
    help="How many differences to look into; the others are only counted.",
)
@click.option("--skip-bad", is_flag=True, help="Name lines that cannot be read, and go on.")
@common.JSON
@access
def compare(  # noqa: PLR0913, PLR0917 - one argument an option
    a: str,
    b: str,
    names: tuple[str, str],
    since: datetime | timedelta | None,
    until: datetime | timedelta | None,
    settle: timedelta,
    verdicts: tuple[str, ...],
    config: Path | None,
    processor: str | None,
    tenants: tuple[str, str] | None,
    show: int,
    most: int,
    *,
    skip_bad: bool,
    as_json: bool,
    **shown: Any,
) -> None:
    """Say whether two sides kept the same traces, and why not.

    A and B are each a file or a directory that a Collector's file exporter wrote (JSON lines or
    format: proto, also with gzip), a list of trace ids, or the URL of a Tempo or of a gateway with
    a local trace store; a URL needs --since. A is the sampler that runs, B is Tailsampler.

    \b
    Exit status: 0 no difference, 1 differences, 2 could not do it.

    \b
    Examples:
      tailsampler compare contrib.json kept.jsonl --names contrib,tailsampler
      tailsampler compare contrib.json kept.jsonl --verdicts http://127.0.0.1:7317
      tailsampler compare http://tempo:3200 http://127.0.0.1:7317 --since 2h --until 5m
      tailsampler compare old/ new/ --config otelcol.yaml --processor tail_sampling/edge --json
    """  # noqa: D301 - click takes the backspace for "keep these lines"
    from tailsampler.clock import SystemClock  # noqa: PLC0415 - `--help` needs none of it
    from tailsampler.compare.explaining import Names  # noqa: PLC0415
    from tailsampler.compare.run import Options  # noqa: PLC0415

    if not all(names) or names[0] == names[1]:
        raise click.BadParameter("write two different names", param_hint="--names")
    now_ns = SystemClock().wall_ns()
    since_ns, until_ns = _ns(since, now_ns), _ns(until, now_ns)
    if since_ns and not until_ns:
        until_ns = now_ns
    if until_ns and since_ns >= until_ns:
        raise click.BadParameter("it lies after --until", param_hint="--since")
    try:
        settings = None
        if config is not None:
            # Only the policies matter: whatever else a Collector has may be missing.
            settings = common.load_settings(config, common.OfCollector(processor, leave_out=True))
        options = Options(
            sides=(a, b),
            names=Names(*names),
            tenants=(None, None) if tenants is None else (tenants[0] or None, tenants[1] or None),
            verdicts=verdicts,
            settings=settings,
            since_ns=since_ns,
            until_ns=until_ns,
            settle_ns=int(settle.total_seconds() * _NS),
            show=show,
            most=most,
            skip_bad=skip_bad,
            credentials=credentials(**shown),
        )
    except TailsamplerError as error:
        common.fail(error)
    common.hand_over("tailsampler.compare.run", "compare", options, as_json=as_json)


def _ns(moment: datetime | timedelta | None, now_ns: int) -> int:
    if moment is None:
        return 0
    if isinstance(moment, timedelta):
        return max(1, now_ns - int(moment.total_seconds() * _NS))
    return max(1, int(moment.timestamp() * _NS))
