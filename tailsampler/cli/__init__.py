"""The command line. Exit status: 0 well, 1 a finding, 2 could not do it."""

from __future__ import annotations

import click

from tailsampler.cli.buffer import buffer
from tailsampler.cli.checking import check
from tailsampler.cli.comparing import compare
from tailsampler.cli.converting import convert
from tailsampler.cli.doctor import doctor
from tailsampler.cli.looking import demo, explain, top, version
from tailsampler.cli.sizing import size
from tailsampler.cli.starting import gateway, run


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def main() -> None:
    """Keep the traces that matter, and account for every span.

    Tailsampler stands between your SDKs or Collectors and your trace store. It holds the spans of
    a trace until the trace is complete, judges the whole trace once, and forwards what is worth
    keeping.

    \b
    The first minute:
      tailsampler run --demo                   a gateway, and a shop of ten services that sends
      open http://127.0.0.1:7317               what was kept, what was dropped, and why
      tailsampler top                          the same in a terminal

    \b
    With traces of your own:
      tailsampler check                        what the configuration means, before it runs
      tailsampler run                          OTLP in on 127.0.0.1:4317 (gRPC) and :4318 (HTTP)
      export OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318    for SDKs (HTTP; gRPC: 4317)
      tailsampler explain TRACE_ID             why that trace was kept or dropped
      tailsampler doctor                       what will hurt, on what evidence, and what to set
      tailsampler size --spans-per-second 50k  cores, memory and disk for such a load

    \b
    Exit status: 0 well, 1 a finding, 2 could not do it.
    """  # noqa: D301 - click takes the backspace for "keep these lines"


COMMANDS = (
    run,
    gateway,
    demo,
    check,
    size,
    compare,
    convert,
    doctor,
    explain,
    top,
    buffer,
    version,
)
for command in COMMANDS:
    main.add_command(command)
main.add_command(check, "validate")
