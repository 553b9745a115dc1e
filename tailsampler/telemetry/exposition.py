"""The metrics page: samples to text, in the format that the reader asks for."""

import functools
import itertools
import json
import re
from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, UnknownMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from tailsampler.telemetry import contrib
from tailsampler.telemetry.contained import is_ending
from tailsampler.telemetry.ledger import Ledger
from tailsampler.telemetry.metrics import TABLE, Metric, Sample
from tailsampler.telemetry.samples import samples
from tailsampler.telemetry.status import Core, Status

T = TypeVar("T")
Family = CounterMetricFamily | GaugeMetricFamily | UnknownMetricFamily

_UNTYPED: Final = re.compile(rb"^(# TYPE otelcol_\w+) untyped$", re.MULTILINE)


class GatewayCollector(Collector):
    """Reads the core when it is asked, and keeps no numbers of its own."""

    def __init__(self, read: Callable[[], Iterable[Sample]]) -> None:
        self._read = read

    def collect(self) -> Iterable[Family]:
        """One family a metric that has a value, in the order of the tables."""
        families: dict[str, Family] = {}
        for metric, labels, value in self._read():
            family = families.get(metric.name)
            if family is None:
                family = families[metric.name] = _family(metric)
            family.add_metric(labels, value)
        names = itertools.chain(TABLE, contrib.TABLE)
        return [families[name] for name in names if name in families]

    def describe(self) -> Iterable[Family]:
        """Nothing: registering must not read the core."""
        return []


def registry(core: Core, status: Status) -> CollectorRegistry:
    """All metrics of this process."""
    found = CollectorRegistry(auto_describe=False)
    found.register(GatewayCollector(functools.partial(_read, core, status)))
    ProcessCollector(registry=found)
    return found


def render(found: CollectorRegistry, accept: str) -> tuple[bytes, str]:
    """The page and its content type: OpenMetrics where it is asked for, else Prometheus' text."""
    encode, content_type = choose_encoder(accept)
    # The older text has counters of any name, and a Collector's own page is of that kind.
    return _UNTYPED.sub(rb"\1 counter", encode(found)), content_type


def _read(core: Core, status: Status) -> Iterable[Sample]:
    # A core that cannot be read hides its own numbers, and not that it cannot be read.
    ledger = _or_none(lambda: Ledger.parse(core.ledger()), status)
    stats = _or_none(lambda: json.loads(core.stats()), status)
    return samples(ledger, stats or {}, status)


def _or_none(read: Callable[[], T], status: Status) -> T | None:
    try:
        return read()
    except BaseException as error:
        if is_ending(error):
            raise
        status.contained.failed("metrics", error)
        return None


def _family(metric: Metric) -> Family:
    make: type[Family]
    if metric.kind == "gauge":
        make = GaugeMetricFamily
    elif metric.name.endswith("_total"):
        make = CounterMetricFamily
    else:
        make = UnknownMetricFamily  # OpenMetrics knows no counter without that ending
    return make(metric.name, metric.sentence, labels=metric.labels, unit=metric.unit)
