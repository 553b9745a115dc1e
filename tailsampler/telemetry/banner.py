"""What a person reads at the start: where to send, where to look, where kept traces go."""

from collections.abc import Container, Iterator, Mapping

from tailsampler.settings.report import Report


def text(
    report: Report,
    bound: Mapping[str, str],
    held_spans: int,
    version: str,
    encrypted: Container[str] = (),
) -> str:
    """A few lines for a terminal.

    ``bound`` holds the addresses by listener, ``encrypted`` those that speak TLS.
    """
    urls = {
        name: f"{'https' if name in encrypted else 'http'}://{address}"
        for name, address in bound.items()
    }
    return "\n".join(["", *_lines(report, urls, held_spans, version), "", ""])


def _lines(report: Report, urls: Mapping[str, str], held_spans: int, version: str) -> Iterator[str]:
    yield f"tailsampler {version} is ready."
    if "admin" in urls:
        yield f"  look at           {urls['admin']}/   what was kept and what was dropped"
    if "otlp_grpc" in urls:
        yield f"  send traces to    {urls['otlp_grpc']}   OTLP/gRPC"
    if "otlp_http" in urls:
        yield f"  send traces to    {urls['otlp_http']}/v1/traces   OTLP/HTTP"
    for exporter in report.exporters:
        yield f"  kept traces go    {exporter}"
    if "admin" in urls:
        yield f"  ask               tailsampler explain TRACE_ID{_admin(urls['admin'])}"
    if "control" in urls:
        yield f"  watch             tailsampler top{_control(urls['control'])}"
    if "telemetry" in urls:
        yield f"  scrape            {urls['telemetry']}/metrics"
    if held_spans:
        yield f"  held from before  {held_spans:,} spans"
    yield f"  {report.loss_window}"


def _admin(url: str) -> str:
    return "" if url == "http://127.0.0.1:7317" else f" --endpoint {url}"


def _control(url: str) -> str:
    scheme, _, address = url.partition("://")
    where = "" if address == "127.0.0.1:7318" else f" --endpoint {address}"
    return f"{where} --tls" if scheme == "https" else where
