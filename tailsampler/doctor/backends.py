"""Whether each backend is there, and is what the configuration takes it for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tailsampler.doctor.facts import STATUS, Backend, Facts
from tailsampler.doctor.finding import Change, Evidence, Finding, Severity

PROBE: Final = "an empty ExportTraceServiceRequest, sent now"
_MEANINGS: Final = {
    "UNIMPLEMENTED": (
        "something answers, and it is no OTLP trace receiver",
        "endpoint",
        "the port of its OTLP/gRPC receiver, often 4317",
    ),
    "UNAUTHENTICATED": (
        "it wants to know who sends, and no header, or a wrong one, tells it",
        "headers",
        "{authorization: ...}, or {x-scope-orgid: ...} for a tenant of Tempo",
    ),
    "PERMISSION_DENIED": (
        "it knows who sends, and does not let that one in",
        "headers",
        "credentials that may write traces",
    ),
    "RESOURCE_EXHAUSTED": (
        "it takes nothing at the moment, not even an empty request",
        "in_flight",
        "less, or a larger ingestion limit at the backend",
    ),
    "TLS_FILE": (
        "a file of its TLS settings cannot be read",
        "tls",
        "files that this user may read",
    ),
    "DEADLINE_EXCEEDED": (
        "it does not answer in time",
        "endpoint",
        "the right port; or look at what overloads the backend",
    ),
}
_NOBODY: Final = ("nobody answers there", "endpoint", "where the backend listens, if it runs")
# What grpc says where no connection comes about: with or without TLS (None: either), its words in
# small letters, what they mean, and the key to turn.
_UNAVAILABLE: Final[tuple[tuple[bool | None, tuple[str, ...], tuple[str, str, str]], ...]] = (
    (
        None,
        ("http1",),
        (
            "a web server answers, and gRPC is no language of its",
            "endpoint",
            "the port of its OTLP/gRPC receiver, often 4317; 4318 is that of OTLP/HTTP",
        ),
    ),
    (
        None,
        ("name resolution", "dns", "name or service", "not known", "resolv", "lookup"),
        ("its name is not known", "endpoint", "a name that this machine can resolve"),
    ),
    (
        True,
        ("wrong_version",),
        ("it speaks plain text, and this exporter TLS", "tls", "{insecure: true}"),
    ),
    (
        True,
        ("handshake", "certificate"),
        (
            "its certificate is not trusted, or names another host",
            "tls",
            "{ca_file: ...}, or {server_name_override: ...} as well",
        ),
    ),
    (
        False,
        ("socket closed", "reset", "goaway"),
        ("it hangs up on plain text, as a TLS listener does", "tls", "{insecure: false}"),
    ),
)


def answers(facts: Facts) -> Iterator[Finding]:
    """An exporter whose backend did not answer an empty request with OK.

    The request holds no span, so it changes nothing; any OTLP receiver takes it. Kept spans wait in
    the outbox meanwhile, so it is no loss before the outbox is full, but it is harm now.
    """
    for backend in facts.backends or ():
        if backend.code in (None, "OK", "INVALID_ARGUMENT"):
            continue  # an empty request may be invalid to some; it was understood
        meaning, key, to = _meaning(backend)
        yield Finding(
            id="backend-does-not-answer",
            severity=Severity.HARM_NOW,
            what=f"The backend of {backend.exporter} cannot be used: {meaning}.",
            evidence=(
                Evidence(f"{backend.code}: {backend.words or 'no words'}", PROBE),
                *_waiting(facts, backend.exporter),
            ),
            changes=(Change(f"export.{backend.exporter}.{key}", _now(facts, backend, key), to),),
            effect="Kept spans leave the outbox; until then they wait there, and nothing is lost "
            "before it is full.",
        )


def _meaning(backend: Backend) -> tuple[str, str, str]:
    if backend.code in _MEANINGS:
        return _MEANINGS[backend.code]
    words = backend.words.lower()
    return next(
        (
            meaning
            for tls, marks, meaning in _UNAVAILABLE
            if tls in (None, backend.tls) and any(mark in words for mark in marks)
        ),
        _NOBODY,
    )


def _now(facts: Facts, backend: Backend, key: str) -> str:
    exporter = next((one for one in facts.remote if one.name == backend.exporter), None)
    if exporter is None or key == "endpoint":
        return backend.endpoint
    if key == "headers":
        return f"{', '.join(exporter.headers)} (secret)" if exporter.headers else "none"
    if key == "in_flight":
        return str(exporter.in_flight)
    return f"{{insecure: {str(not backend.tls).lower()}}}"


def _waiting(facts: Facts, exporter: str) -> Iterator[Evidence]:
    pair = facts.live.ledger.exporters.get(exporter) if facts.live else None
    if pair is not None:
        yield Evidence(f"{pair.spans.outbox:,} kept spans wait for it", STATUS)


def failing(facts: Facts) -> Iterator[Finding]:
    """An exporter whose newest attempt failed, in the gateway's own words.

    One failure may pass, so it counts from the second repeated attempt on.
    """
    for name, state in (facts.live.exporters if facts.live else {}).items():
        retried = int((state.get("requests") or {}).get("retried", 0))
        if state.get("healthy", True) or retried < 2:
            continue
        yield Finding(
            id="exporter-failing",
            severity=Severity.HARM_NOW,
            what=f"Exporter {name} fails again and again.",
            evidence=(
                Evidence(f"{state.get('last_error')}", STATUS),
                Evidence(f"{retried:,} attempts repeated since the start", STATUS),
                *_waiting(facts, name),
            ),
            changes=(
                Change(f"export.{name}", "as the error says", "a backend that takes its spans"),
            ),
            effect=f"tailsampler_exporter_healthy of {name} is 1.",
        )


def only_local(facts: Facts) -> Iterator[Finding]:
    """The local trace store as the only place for traces, in a cluster or at speed.

    It writes somewhat under 2,000 traces of 8 spans a second on one core, and lives in the data
    directory of one gateway: good for a first look. In Kubernetes, where pods come and go, it is
    hardly meant.
    """
    if facts.remote or any(one.type != "local" for one in facts.settings.export):
        return
    rate = facts.live.window.rate("traces", "kept") if facts.live else 0.0
    fast = rate > 1500
    if not fast and facts.machine.container != "Kubernetes":
        return
    evidence = [Evidence("export has type: local alone", facts.config_name)]
    if facts.live:
        evidence.append(Evidence(f"{rate:,.0f} traces kept a second {facts.live.lately}", STATUS))
    if facts.machine.container:
        evidence.append(Evidence(f"runs in {facts.machine.container}", facts.where))
    yield Finding(
        id="only-local-store",
        severity=Severity.WILL_HURT if fast else Severity.HINT,
        what="Kept traces go to the local trace store alone, which takes under 2,000 a second and "
        "belongs to this one gateway.",
        evidence=tuple(evidence),
        changes=(
            Change("export", "[{type: local}]", "[{type: otlp_grpc, endpoint: tempo:4317}, ...]"),
        ),
        effect="Traces of all gateways stand in one place, for as long as that keeps them.",
    )
