"""``size``: how many cores, how much memory and disk."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import click

from tailsampler.cli import common
from tailsampler.cli.looking import Lasting
from tailsampler.errors import TailsamplerError

# As `tailsampler.size.demand` has them, which `--help` does not import; a test compares them.
PROTOCOLS: Final = ("grpc", "grpc+gzip", "grpc+tls", "http", "http+gzip", "json")
CHAINS: Final = ("standard", "twenty", "contrib")
_COUNT: Final = re.compile(r"([0-9][0-9_,]*(?:\.[0-9]+)?)([kM]?)")
_TIMES: Final = {"": 1.0, "k": 1e3, "M": 1e6}
_SHARE: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(%?)")


class Count(click.ParamType[Any]):
    """A number over 0: ``200000``, ``200k``, ``1.5M``."""

    name = "count"

    def __init__(self, *, whole: bool = False) -> None:
        """``whole``: it is none under 1, because there is no part of a span in a request."""
        self._whole = whole

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """A float."""
        if not isinstance(value, str):
            return value
        found = _COUNT.fullmatch(value.strip())
        if found is None:
            self.fail(f"{value} is not a number; write e.g. 200000, 200k or 1.5M", param, ctx)
        count = float(found[1].replace("_", "").replace(",", "")) * _TIMES[found[2]]
        if count <= 0:
            self.fail(f"{value} is nothing to size for; write e.g. 200000 or 200k", param, ctx)
        if self._whole and not count.is_integer():
            self.fail(f"{value} is no whole number; write 1 or more", param, ctx)
        return count


class Bytes(click.ParamType[Any]):
    """A size as the configuration spells it, or plain bytes."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Whole bytes, at least one."""
        from tailsampler.settings.base import BadValueError  # noqa: PLC0415 - if it is given
        from tailsampler.settings.units import parse_size  # noqa: PLC0415 - as above

        if not isinstance(value, str):
            return value
        text = value.strip()
        try:
            size = int(text) if text.isdigit() else parse_size(text)
        except BadValueError as error:
            self.fail(str(error), param, ctx)
        if size <= 0:
            self.fail(f"{value} is no size; write e.g. 300, 2KiB or 125MB", param, ctx)
        return size


class Share(click.ParamType[Any]):
    """A part of a whole: ``1%`` or ``0.01``."""

    name = "share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """From 0 to 1."""
        if not isinstance(value, str):
            return value
        found = _SHARE.fullmatch(value.strip())
        if found is None:
            self.fail(f"{value} is not a share; write e.g. 1% or 0.01", param, ctx)
        share = float(found[1]) / (100 if found[2] else 1)
        if share > 1:
            say = f"{value} is more than everything; write {found[1]}% or a number up to 1"
            self.fail(say if not found[2] else f"{value} is more than 100%", param, ctx)
        return share


class Fsync(click.ParamType[Any]):
    """``never``, ``always``, or how often."""

    name = "fsync"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The word, or seconds."""
        if not isinstance(value, str) or value in {"never", "always"}:
            return value
        found = Lasting().convert(value, param, ctx)
        if not timedelta(milliseconds=10) <= found <= timedelta(minutes=1):
            say = f"{value} is no interval; write never, always, or from 10ms to 1m"
            self.fail(say, param, ctx)
        return found.total_seconds()


@click.command()
@click.option(
    "--spans-per-second",
    type=Count(),
    metavar="COUNT",
    required=True,
    help="Of the busiest minute, all gateways together: 200000, 200k, 1.5M.",
)
@click.option(
    "--decision-wait",
    type=Lasting(),
    metavar="DURATION",
    help="How long a trace is held.  [default: of --config, else 10s]",
)
@click.option(
    "--bytes-per-span",
    type=Bytes(),
    metavar="SIZE",
    default="270",
    show_default=True,
    help="On the wire in protobuf, with its share of resource and scope: 500, 2KiB.",
)
@click.option(
    "--kept", type=Share(), metavar="SHARE", default="1%", show_default=True, help="Of all spans."
)
@click.option(
    "--spans-per-request",
    type=Count(whole=True),
    metavar="COUNT",
    default="64",
    show_default=True,
    help="Small requests are what costs.",
)
@click.option(
    "--spans-per-trace",
    type=Count(whole=True),
    metavar="COUNT",
    default="8",
    show_default=True,
    help="On the average.",
)
@click.option(
    "--requests-per-trace",
    type=Count(whole=True),
    metavar="COUNT",
    help="Over how many requests the spans of a trace are spread.  [default: as few as hold it]",
)
@click.option(
    "--headroom",
    type=Share(),
    metavar="SHARE",
    default="50%",
    show_default=True,
    help="What stays free of cores, memory and disk, for bursts.",
)
@click.option("--protocol", type=click.Choice(PROTOCOLS), default="grpc", show_default=True)
@click.option(
    "--chain",
    type=click.Choice(CHAINS),
    help="Whose cost yours is nearest to: the standard one of four policies, twenty of ours, or "
    "twenty voting ones of a Collector's block.  [default: by --config, else standard]",
)
@click.option(
    "--export/--no-export",
    default=True,
    show_default=True,
    help="Count what it costs to send kept traces by OTLP/gRPC.",
)
@click.option(
    "--gateways", type=click.IntRange(1), metavar="N", default=1, show_default=True, help="In all."
)
@click.option(
    "--missing",
    type=click.IntRange(0),
    metavar="N",
    default=0,
    show_default=True,
    help="How many of them may be missing while the others take their share.",
)
@click.option(
    "--fsync",
    type=Fsync(),
    metavar="never|always|INTERVAL",
    help="As buffer.fsync.  [default: of --config, else 1s]",
)
@click.option(
    "--outage",
    type=Lasting(),
    metavar="DURATION",
    default="1h",
    show_default=True,
    help="How long a backend may be away while the outbox holds what is kept.",
)
@click.option(
    "--disk-rate",
    type=Bytes(),
    metavar="SIZE",
    help="What the disk of each gateway takes a second, 125MB: is it enough?",
)
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Take waits, fsync and the chain from this configuration, and say which of its bounds are "
    "too small.",
)
@common.PROCESSOR
@click.option("--kubernetes", is_flag=True, help="Print values of the chart alone, as YAML.")
@common.JSON
def size(  # noqa: PLR0913 - one argument an option
    *,
    config: Path | None,
    processor: str | None,
    disk_rate: int | None,
    decision_wait: timedelta | None,
    outage: timedelta,
    bytes_per_span: int,
    kubernetes: bool,
    as_json: bool,
    **asked: Any,
) -> None:
    """Say how many cores, how much memory and disk a gateway needs for a load.

    Every number is what was measured of one gateway, multiplied: the table says by which cases of
    benchmarks/, and what is in none of them. Nothing is started and no gateway is asked.

    \b
    Exit status: 0 it is enough, 1 something is not: gateways, a disk, a bound of --config;
    2 could not do it.

    \b
    Examples:
      tailsampler size --spans-per-second 100k
      tailsampler size --spans-per-second 1M --bytes-per-span 500 --gateways 6 --missing 1
      tailsampler size --spans-per-second 50k --kept 5% --config config/tempo.yaml
      tailsampler size --spans-per-second 50k --decision-wait 30s --kubernetes > values.yaml
    """  # noqa: D301 - click takes the backspace for "keep these lines"
    from tailsampler.size.run import Options  # noqa: PLC0415 - `--help` needs none of it

    if as_json and kubernetes:
        raise click.UsageError("--json and --kubernetes are two forms; write one of them")
    if asked["headroom"] >= 1:
        raise click.BadParameter(
            "nothing would be left to use; write e.g. 50%", param_hint="--headroom"
        )
    wait_s = None if decision_wait is None else decision_wait.total_seconds()
    if wait_s is not None and wait_s <= 0:
        say = "a wait of nothing holds no trace; write e.g. 10s"
        raise click.BadParameter(say, param_hint="--decision-wait")
    asked |= {
        "bytes_per_span": float(bytes_per_span),
        "outage_s": outage.total_seconds(),
        "decision_wait_s": wait_s,
    }
    try:
        settings = None
        if config is not None:
            # Only bounds and policies matter: whatever else a Collector has may be missing.
            settings = common.load_settings(config, common.OfCollector(processor, leave_out=True))
        options = Options(
            asked={name: value for name, value in asked.items() if value is not None},
            settings=settings,
            disk_rate=disk_rate,
        )
    except TailsamplerError as error:
        common.fail(error)
    form = "json" if as_json else "kubernetes" if kubernetes else "table"
    common.hand_over("tailsampler.size.run", "size", options, form)
