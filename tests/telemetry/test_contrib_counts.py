"""Contrib's metrics of a gateway at work, beside what a Collector counted for the same traffic."""

from __future__ import annotations

import json
import os
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

pytest.importorskip("tailsampler._core", reason="the native part is not built: make setup")

from tailsampler.app import Gateway, build  # after the check
from tailsampler.clock import SystemClock
from tailsampler.settings.root import Settings
from tailsampler.telemetry.exposition import registry, render
from tests.telemetry.contrib_facts import COUNTED, ERRORS, FIRST, LAST, LATE, PREFIX, Counted, drop

Page = dict[tuple[str, frozenset[tuple[str, str]]], float]


@contextmanager
def gateway_of(directory: Path, block: dict[str, Any]) -> Iterator[Gateway]:
    """One that judges only when it is told to."""
    settings = Settings.model_validate(
        {
            "data_directory": str(directory),
            "receive": {
                "otlp_grpc": {"enabled": False},
                "otlp_http": {"endpoint": "127.0.0.1:0"},
            },
            "export": [{"type": "file", "path": str(directory / "kept.jsonl")}],
            "tail_sampling": {"decision_wait": "1h", **block},
            "compat_telemetry": True,
        }
    )
    gateway = build(settings, SystemClock())
    try:
        yield gateway
    finally:
        gateway.core.close()


def send(endpoint: str, requests: Iterable[ExportTraceServiceRequest]) -> None:
    for message in requests:
        asked = urllib.request.Request(
            f"http://{endpoint}/v1/traces",
            data=message.SerializeToString(),
            headers={"Content-Type": "application/x-protobuf"},
        )
        with urllib.request.urlopen(asked, timeout=30) as answer:  # noqa: S310 - our own loopback
            assert answer.status == 200


def judge(gateway: Gateway) -> None:
    gateway.core.judge_all()
    while json.loads(gateway.core.stats())["index"]["traces"]:
        os.sched_yield()


def page_of(gateway: Gateway) -> Page:
    """What a scrape shows of contrib's, by name and labels."""
    # OpenMetrics, since the library's parser of the older text adds `_total` to counters.
    body, _ = render(registry(gateway.core, gateway.status), "application/openmetrics-text")
    families = text_string_to_metric_families(body.decode())  # type: ignore[no-untyped-call]
    return {
        (sample.name.removeprefix(PREFIX), frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
        if sample.name.startswith(PREFIX)
    }


def after(directory: Path, block: dict[str, Any], name: str = "") -> Page:
    """The page after all of the traffic."""
    with gateway_of(directory, block) as gateway:
        assert gateway.status.replaced is not None
        gateway.status.replaced = replace(gateway.status.replaced, name=name)
        endpoint = gateway.receive.open()["otlp_http"]
        send(endpoint, FIRST)
        judge(gateway)
        send(endpoint, [*LATE, LAST])
        judge(gateway)
        return page_of(gateway)


def labels(**values: str) -> frozenset[tuple[str, str]]:
    return frozenset(values.items())


NONE = labels()


@pytest.mark.parametrize("counted", COUNTED, ids=lambda one: one.name or "without a name")
def test_policies_count_as_a_collector_counted_them(counted: Counted, tmp_path: Path) -> None:
    """The same series with the same numbers, none more and none fewer."""
    page = after(tmp_path, counted.block, counted.name)
    traces = {
        (key["policy"], key["decision"]): value
        for (name, pairs), value in page.items()
        if name == "count_traces_sampled" and (key := dict(pairs))
    }
    executions = {
        dict(pairs)["policy"]: value
        for (name, pairs), value in page.items()
        if name == "sampling_policy_execution_count"
    }
    assert traces == counted.traces
    assert executions == counted.executions
    assert all(
        ("sampled", "true" if ("decision", "sampled") in pairs else "false") in pairs
        for name, pairs in page
        if name == "count_traces_sampled"
    )


def test_traces_are_counted_by_what_became_of_them(tmp_path: Path) -> None:
    """Four traces: B is dropped, the others are kept; the broken policy failed on these three."""
    page = after(tmp_path, COUNTED[0].block)
    decided = "global_count_traces_sampled"
    assert {key: value for key, value in page.items() if key[0] == decided} == {
        (decided, labels(sampled="true", decision="sampled")): 3,
        (decided, labels(sampled="false", decision="dropped")): 1,
    }
    assert page["new_trace_id_received", NONE] == 4
    assert page["sampling_policy_evaluation_error", NONE] == 3
    assert page["sampling_traces_on_memory", NONE] == 0
    assert page["sampling_trace_dropped_too_early", NONE] == 0
    assert page["traces_dropped_too_large", NONE] == 0


def test_late_spans_are_released_early(tmp_path: Path) -> None:
    """One each of A, B and D, whatever became of their traces; E began afterwards."""
    page = after(tmp_path, COUNTED[2].block)
    assert page["early_releases_from_cache_decision", NONE] == 3
    decided = "global_count_traces_sampled"
    assert page[decided, labels(sampled="true", decision="sampled")] == 2
    assert page[decided, labels(sampled="false", decision="not_sampled")] == 2


def test_what_is_too_large_is_decided_by_nobody(tmp_path: Path) -> None:
    """D is: it counts as received and as too large, and no policy was asked."""
    page = after(tmp_path, COUNTED[3].block)
    decided = {pairs: value for (name, pairs), value in page.items() if name.startswith("global")}
    assert decided == {labels(sampled="true", decision="sampled"): 3}
    assert page["traces_dropped_too_large", NONE] == 1
    assert page["new_trace_id_received", NONE] == 4


def test_votes_at_ingest_count_each_time(tmp_path: Path) -> None:
    """A came in two pieces, and while the drop may still drop, nobody else is asked."""
    block = {"sampling_strategy": "span-ingest", "policies": [drop("veto"), ERRORS]}
    page = after(tmp_path, block)
    votes = "count_traces_sampled"
    assert page[votes, labels(policy="veto", sampled="false", decision="dropped")] == 1
    assert page[votes, labels(policy="veto", sampled="false", decision="not_sampled")] == 4
    assert page["sampling_policy_execution_count", labels(policy="errors")] == 0
    decided = {pairs: value for (name, pairs), value in page.items() if name.startswith("global")}
    assert decided == {
        labels(sampled="false", decision="dropped"): 1,
        labels(sampled="false", decision="not_sampled"): 3,
    }


def test_traces_that_wait_are_on_memory(tmp_path: Path) -> None:
    """A, B and D, before anything is judged."""
    with gateway_of(tmp_path, {"policies": [ERRORS]}) as gateway:
        send(gateway.receive.open()["otlp_http"], FIRST)
        page = page_of(gateway)
    assert page["sampling_traces_on_memory", NONE] == 3
    assert page["new_trace_id_received", NONE] == 3
    assert not [name for name, _ in page if name.startswith("global")]
