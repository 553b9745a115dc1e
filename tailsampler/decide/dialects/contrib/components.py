"""What other components of a Collector do, and what it means that they are not carried over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from tailsampler.settings.base import Loc

Severity = Literal["changes data", "protects", "observes", "harmless"]
"""Spans would look or go elsewhere; something would not be guarded; not seen; nothing to miss."""

Kind = Literal["receiver", "processor", "connector", "exporter", "extension", "pipeline", "setting"]


@dataclass(frozen=True, slots=True)
class Left:
    """Something of the Collector's configuration that has no place here."""

    kind: Kind
    name: str
    """As in the file: ``redaction/cards``; for a setting its key below the component."""
    severity: Severity
    say: str
    """What it means that it is missing, and what does the same here if something does."""
    at: Loc
    """Where it is defined."""

    def __str__(self) -> str:
        """``processor redaction (changes data): ...``."""
        return f"{self.kind} {self.name} ({self.severity}): {self.say}"


_OLD_NAMES: Final = {
    "k8s_attributes": "k8sattributes",
    "resource_detection": "resourcedetection",
    "span_metrics": "spanmetrics",
    "service_graph": "servicegraph",
    "load_balancing": "loadbalancing",
    "group_by_trace": "groupbytrace",
    "group_by_attrs": "groupbyattrs",
    "metrics_transform": "metricstransform",
    "otlp_http": "otlphttp",
    "basic_auth": "basicauth",
    "bearer_token_auth": "bearertokenauth",
    "oauth2_client": "oauth2client",
    "health_check_v2": "health_check",
    "healthcheckv2": "health_check",
    "prometheus_remote_write": "prometheusremotewrite",
    "signal_to_metrics": "signaltometrics",
    "logging": "debug",
    "metadata_transform": "transform",
}

_MEANS: Final[dict[tuple[Kind, str], tuple[Severity, str]]] = {
    # processors
    ("processor", "redaction"): (
        "changes data",
        "what it masks would be stored in the clear; keep a Collector with it in front",
    ),
    ("processor", "attributes"): (
        "changes data",
        "attributes it sets, hashes or deletes would stay as senders wrote them, for policies too",
    ),
    ("processor", "transform"): (
        "changes data",
        "its statements would not run, neither for policies nor for what is stored",
    ),
    ("processor", "resource"): (
        "changes data",
        "resource attributes it sets or deletes would stay as senders wrote them",
    ),
    ("processor", "k8sattributes"): (
        "changes data",
        "spans would have no pod, namespace and node names; run it in agents in front",
    ),
    ("processor", "resourcedetection"): (
        "changes data",
        "spans would have no host and cloud attributes; run it in agents in front",
    ),
    ("processor", "filter"): (
        "changes data",
        "spans it removes would be judged and stored; a drop policy removes whole traces",
    ),
    ("processor", "span"): ("changes data", "span names and statuses would stay as they came"),
    ("processor", "probabilistic_sampler"): (
        "changes data",
        "the share it samples away would come through and be judged, which is more to store",
    ),
    ("processor", "schema"): ("changes data", "attributes would keep their old names"),
    ("processor", "groupbyattrs"): ("changes data", "resources would stay as senders grouped them"),
    ("processor", "isolationforest"): ("changes data", "its scores would be missing on spans"),
    ("processor", "geoip"): ("changes data", "spans would have no places"),
    ("processor", "unroll"): ("changes data", "what it splits would stay together"),
    ("processor", "interval"): ("observes", "it works on metrics only"),
    ("processor", "cumulativetodelta"): ("observes", "it works on metrics only"),
    ("processor", "tail_sampling"): (
        "changes data",
        "a second sampler would judge no more; one block is read here, so name the one you need",
    ),
    ("processor", "adaptive_tail_sampling"): (
        "changes data",
        "a second sampler would judge no more; its rules are not read here",
    ),
    ("processor", "logdedup"): ("observes", "it works on logs only"),
    ("processor", "spanmetrics"): (
        "observes",
        "its metrics would come to an end; count in a Collector in front, before sampling",
    ),
    ("processor", "servicegraph"): (
        "observes",
        "its graph would come to an end; let the trace store make it, or a Collector in front",
    ),
    ("processor", "memory_limiter"): (
        "protects",
        "receive.in_flight_bytes and buffer.max_bytes bound memory and disk in its place",
    ),
    ("processor", "groupbytrace"): (
        "harmless",
        "spans are grouped by trace anyway; decision_wait is the wait",
    ),
    ("processor", "batch"): ("harmless", "exporters batch on their own; see max_batch_bytes"),
    # connectors
    ("connector", "spanmetrics"): (
        "observes",
        "its metrics would come to an end; count in a Collector in front, before sampling",
    ),
    ("connector", "servicegraph"): (
        "observes",
        "its graph would come to an end; let the trace store make it, or a Collector in front",
    ),
    ("connector", "signaltometrics"): (
        "observes",
        "its metrics would come to an end; count in a Collector in front, before sampling",
    ),
    ("connector", "count"): ("observes", "its counts would come to an end"),
    ("connector", "exceptions"): ("observes", "its metrics and logs would come to an end"),
    ("connector", "datadog"): ("observes", "trace metrics of Datadog would come to an end"),
    ("connector", "grafanacloud"): (
        "observes",
        "host metrics of Grafana Cloud would come to an end",
    ),
    ("connector", "routing"): (
        "changes data",
        "every span would take one way; write one exporter for each backend, or split in front",
    ),
    ("connector", "failover"): (
        "protects",
        "there is no second way; kept traces wait on disk until the backend is back",
    ),
    ("connector", "roundrobin"): ("changes data", "spans would no longer be spread over pipelines"),
    ("connector", "forward"): ("harmless", "the pipelines it joins are one here"),
    # receivers
    ("receiver", "jaeger"): ("changes data", "its senders would find no door; send OTLP to 4317"),
    ("receiver", "zipkin"): ("changes data", "its senders would find no door; send OTLP to 4317"),
    ("receiver", "opencensus"): (
        "changes data",
        "its senders would find no door; send OTLP to 4317",
    ),
    ("receiver", "kafka"): (
        "changes data",
        "nothing would be read from Kafka; keep a Collector that reads it and sends OTLP",
    ),
    ("receiver", "datadog"): (
        "changes data",
        "agents of Datadog would find no door; keep a Collector that sends OTLP in front",
    ),
    ("receiver", "otelarrow"): (
        "changes data",
        "its senders would find no door; send plain OTLP, or keep a Collector in front",
    ),
    ("receiver", "nop"): ("harmless", "it receives nothing"),
    # exporters
    ("exporter", "otlphttp"): (
        "changes data",
        "kept traces are sent by gRPC only in this version; write the backend's gRPC address",
    ),
    ("exporter", "loadbalancing"): (
        "changes data",
        "kept traces would not be spread over several backends; name one, or a service in front",
    ),
    ("exporter", "kafka"): (
        "changes data",
        "kept traces would not go to Kafka; send them to a Collector that writes there",
    ),
    ("exporter", "prometheus"): ("observes", "it takes metrics only, which are not made here"),
    ("exporter", "prometheusremotewrite"): (
        "observes",
        "it takes metrics only, which are not made here",
    ),
    ("exporter", "debug"): ("observes", "kept traces would not be printed; write {type: file}"),
    ("exporter", "file"): ("observes", "kept traces would not be in its file; write {type: file}"),
    ("exporter", "nop"): ("harmless", "it sends nothing"),
    # extensions
    ("extension", "health_check"): ("harmless", "health is answered on 127.0.0.1:13133"),
    ("extension", "memory_ballast"): ("harmless", "there is no garbage collector to calm"),
    ("extension", "file_storage"): ("harmless", "the buffer log and the outbox stand on disk"),
    ("extension", "zpages"): ("observes", "its pages would be missing; see the pages on 7317"),
    ("extension", "pprof"): ("observes", "there are no profiles of Go to read"),
    ("extension", "opamp"): ("observes", "its server would not see or configure this gateway"),
    ("extension", "k8s_leader_elector"): ("harmless", "nothing here needs a leader"),
    ("extension", "basicauth"): ("protects", "nobody would be asked who they are; write tenants"),
    ("extension", "bearertokenauth"): (
        "protects",
        "no token would be asked for or sent; write receive.tenants, and headers of exporters",
    ),
    ("extension", "oidc"): (
        "protects",
        "senders would not be asked for tokens; write receive.tenants, or a proxy in front",
    ),
    ("extension", "oauth2client"): (
        "changes data",
        "no token would be fetched, so its backend would refuse; write headers, or a Collector",
    ),
    ("extension", "sigv4auth"): (
        "changes data",
        "requests would not be signed, so its backend would refuse; send by a Collector",
    ),
    ("extension", "headers_setter"): (
        "changes data",
        "headers of senders would not reach the backend; see tenant_header of the exporter",
    ),
}

_UNKNOWN: Final[dict[Kind, tuple[Severity, str]]] = {
    "receiver": ("changes data", "what it receives would not come in; send it as OTLP"),
    "processor": (
        "changes data",
        "what it does to spans is not known here and would not be done; keep a Collector with it",
    ),
    "connector": ("changes data", "what it hands on to other pipelines would not arrive there"),
    "exporter": ("changes data", "kept traces would not reach it; send them to a Collector"),
    "extension": ("protects", "what it does is not known here and would not be done"),
}


def component_type(name: str) -> str:
    """``span_metrics/red`` is ``spanmetrics``: the name before the slash, in its older spelling."""
    kind = name.partition("/")[0].strip()
    return _OLD_NAMES.get(kind, kind)


def left(kind: Kind, name: str, at: Loc) -> Left:
    """What it means that this component is not carried over."""
    severity, say = _MEANS.get((kind, component_type(name)), _UNKNOWN[kind])
    return Left(kind, name, severity, say, at)
