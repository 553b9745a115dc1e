"""``demo``, ``top``, ``explain``, ``version``: send to a gateway, look at one, ask it."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as distribution_version
from typing import TYPE_CHECKING, Any, Final

import click

from tailsampler.cli import common
from tailsampler.cli.access import access, credentials
from tailsampler.errors import TailsamplerError

if TYPE_CHECKING:
    from datetime import timedelta

_DEMO_RATE: Final = 20.0


class Lasting(click.ParamType[Any]):
    """A duration as the configuration spells it; seconds if there is no unit."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """``timedelta`` of ``10m``, ``1.5s``, or a plain number of seconds."""
        from tailsampler.settings.base import BadValueError  # noqa: PLC0415 - if it is given
        from tailsampler.settings.units import parse_duration  # noqa: PLC0415 - as above

        if not isinstance(value, str):
            return value
        try:
            plain = value.strip().replace(".", "", 1).isdigit()
            return parse_duration(value.strip() + "s" if plain else value)
        except BadValueError as error:
            self.fail(str(error), param, ctx)


@click.command()
@click.option(
    "--endpoint",
    help="Where services that speak OTLP/HTTP send, a URL.  [default: http://127.0.0.1:4318]",
)
@click.option(
    "--grpc-endpoint",
    help="Where services that speak OTLP/gRPC send, a URL.  [default: http://127.0.0.1:4317]",
)
@click.option(
    "--rate",
    type=click.FloatRange(0.01, 1000),
    default=_DEMO_RATE,
    show_default=True,
    help="Traces a second, on average.",
)
@click.option("--seed", type=int, help="Send the same traces, with the same ids, at each run.")
@click.option(
    "--for",
    "--duration",
    "lasting",
    type=Lasting(),
    metavar="DURATION",
    help="Stop after this long, e.g. 10m. Default: go on.",
)
@common.JSON
@click.option("--with-parent", is_flag=True, hidden=True)
def demo(  # noqa: PLR0913 - one argument an option
    endpoint: str | None,
    grpc_endpoint: str | None,
    rate: float,
    seed: int | None,
    lasting: timedelta | None,
    *,
    as_json: bool,
    with_parent: bool,
) -> None:
    """Send the traces of a demo shop to a running gateway.

    Ten services with OpenTelemetry's SDK and its OTLP exporters, half of them over gRPC: ordinary
    pages, errors of three kinds, slow, deep and wide traces, queues with links between traces,
    late spans, bursts, and one service whose clock is three seconds ahead.

    If one endpoint is given, all services send there; it need not be a tailsampler.

    \b
    Exit status: 0 all spans were taken, 1 some were not, 2 it could not start.

    \b
    Examples:
      tailsampler run --demo                        the gateway and the demo in one
      tailsampler demo --rate 50 --for 10m
      tailsampler demo --seed 1 --for 30s --json
    """  # noqa: D301 - click takes the backspace for "keep these lines"
    from tailsampler.demo.run import GRPC_URL, HTTP_URL, Options  # noqa: PLC0415 - slow to import

    if endpoint is None and grpc_endpoint is None:
        endpoint, grpc_endpoint = HTTP_URL, GRPC_URL
    options = Options(
        http_url=endpoint,
        grpc_url=grpc_endpoint,
        rate=rate,
        seed=seed,
        for_s=None if lasting is None else lasting.total_seconds(),
        as_json=as_json,
        with_parent=with_parent,
        # Beside a gateway's own log, a line a minute is enough.
        say_every_s=60.0 if with_parent else 10.0,
    )
    common.hand_over("tailsampler.demo.run", "run", options)


@click.command()
@click.option(
    "--endpoint", default=common.CONTROL, show_default=True, help="Control address, host:port."
)
@click.option(
    "--interval",
    type=Lasting(),
    default="1s",
    show_default=True,
    metavar="DURATION",
    help="How often the numbers change.",
)
@click.option("--once", is_flag=True, help="Print one picture and end.")
@common.JSON
@access
def top(endpoint: str, interval: timedelta, *, once: bool, as_json: bool, **shown: Any) -> None:
    """Watch a gateway live: what comes in, what is kept, dropped and exported, and by whom.

    q or Ctrl-C ends it; a gateway that restarts is found again. Where the output is no terminal,
    one picture is printed. NO_COLOR is honoured.

    \b
    Exit status: 0 well, 1 with --once: the books are not balanced, 2 it could not be asked.

    \b
    Examples:
      tailsampler top
      tailsampler top --once
      tailsampler top --json --interval 10s       one object a line, until Ctrl-C
    """  # noqa: D301 - click takes the backspace for "keep these lines"
    common.hand_over(
        "tailsampler.top.run",
        "top",
        endpoint,
        interval_s=interval.total_seconds(),
        once=once,
        as_json=as_json,
        credentials=credentials(**shown),
    )


@click.command()
@click.argument("trace_id")
@click.option(
    "--endpoint", default=common.ADMIN_URL, show_default=True, help="Admin address, a URL."
)
@common.JSON
@access
def explain(trace_id: str, endpoint: str, *, as_json: bool, **shown: Any) -> None:
    """Say what became of a trace, by which policy and on what evidence.

    TRACE_ID is up to 32 hex digits, in either case, as trace stores and logs show it; zeros in
    front may be missing.

    \b
    Exit status: 0 the trace is known, 1 it is not, 2 the gateway could not be asked.

    \b
    Examples:
      tailsampler explain 4bf92f3577b34da6a3ce929d0e0e4736
      tailsampler explain 4bf92f3577b34da6a3ce929d0e0e4736 --json
      tailsampler explain 4bf92f3577b34da6a3ce929d0e0e4736 --token-file /run/secrets/reader
    """  # noqa: D301 - click takes the backspace for "keep these lines"
    from tailsampler.admin.trace_ids import parse_trace_id  # noqa: PLC0415 - nothing else needs it

    try:
        digits = parse_trace_id(trace_id).hex()
    except ValueError as error:
        common.fail(TailsamplerError("bad_trace_id", str(error)))
    common.hand_over(
        "tailsampler.explain",
        "explain",
        digits,
        endpoint=endpoint,
        as_json=as_json,
        credentials=credentials(**shown),
    )


@click.command()
@common.JSON
def version(*, as_json: bool) -> None:
    """Print the versions of the program, its data plane and Python."""
    try:
        program: str | None = distribution_version("tailsampler")
    except PackageNotFoundError:
        program = None
    core = common.data_plane()
    versions = {
        "tailsampler": program,
        "core": None if core is None else core.__version__,
        "python": platform.python_version(),
    }
    if as_json:
        common.print_json(versions)
    else:
        click.echo(f"tailsampler {program or 'not installed, running from source'}")
        click.echo(f"core {versions['core'] or 'not built'}")
        click.echo(f"python {versions['python']}")
