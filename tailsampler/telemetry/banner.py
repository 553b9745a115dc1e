"""What a person reads at the start: where to send, where to look, where kept traces go."""

from collections.abc import Iterator, Mapping

from tailsampler.settings.report import Report


def text(report: Report, bound: Mapping[str, str], held_spans: int, version: str) -> str:
    """A few lines for a terminal. ``bound`` holds the addresses by listener."""
    return "\n".join(["", *_lines(report, bound, held_spans, version), "", ""])


def _lines(
    report: Report, bound: Mapping[str, str], held_spans: int, version: str
) -> Iterator[str]:
    yield f"tailsampler {version} is ready."
    if "admin" in bound:
        yield f"  look at           http://{bound['admin']}/   what was kept and what was dropped"
    if "otlp_grpc" in bound:
        yield f"  send traces to    http://{bound['otlp_grpc']}   OTLP/gRPC"
    if "otlp_http" in bound:
        yield f"  send traces to    http://{bound['otlp_http']}/v1/traces   OTLP/HTTP"
    for exporter in report.exporters:
        yield f"  kept traces go    {exporter}"
    if "admin" in bound:
        yield f"  ask               tailsampler explain TRACE_ID{_admin(bound['admin'])}"
    if "control" in bound:
        yield f"  watch             tailsampler top{_control(bound['control'])}"
    if "telemetry" in bound:
        yield f"  scrape            http://{bound['telemetry']}/metrics"
    if held_spans:
        yield f"  held from before  {held_spans:,} spans"
    yield f"  {report.loss_window}"


def _admin(address: str) -> str:
    return "" if address == "127.0.0.1:7317" else f" --endpoint http://{address}"


def _control(address: str) -> str:
    return "" if address == "127.0.0.1:7318" else f" --endpoint {address}"
