"""The model against what the real processor kept: 256 configurations of 400 traces each."""

from __future__ import annotations

import base64
import gzip
import json
from functools import cache
from typing import Any, NamedTuple

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.contrib.model.config import decode
from tests.contrib.model.processor import Processor
from tests.contrib.model.trace import Arrival, arrivals_in
from tests.contrib.model.votes import Decision
from tests.needs import ROOT, lack

RECORDED = ROOT.parent / "shared" / "data" / "contrib-0.155-verdicts.jsonl.gz"
VERSION = "0.155"
CASES = 256
GROUPS = 16  # so that workers can share them out


class Traffic(NamedTuple):
    """Requests in order, as sent and taken apart, and the ids of all traces in them."""

    sent: list[ExportTraceServiceRequest]
    requests: list[list[Arrival]]
    trace_ids: list[str]


class Recording(NamedTuple):
    """Everything that was recorded; requests are taken apart once for all cases."""

    traffic: dict[int, Traffic]
    cases: list[dict[str, Any]]


@cache
def recording() -> Recording:
    if not RECORDED.exists():
        lack(f"no recorded verdicts at ../shared/data/{RECORDED.name}")
    recorded = Recording({}, [])
    with gzip.open(RECORDED, "rt") as lines:
        for line in map(json.loads, lines):
            if "kept" in line:
                recorded.cases.append(line)
                continue
            bodies = map(base64.b64decode, line["requests"])
            sent = [ExportTraceServiceRequest.FromString(body) for body in bodies]
            requests = [arrivals_in(request) for request in sent]
            recorded.traffic[line["traffic"]] = Traffic(sent, requests, line["trace_ids"])
    return recorded


def kept(config: dict[str, Any], traffic: Traffic) -> str:
    """One character a trace: 1 if the model keeps it."""
    processor = Processor(decode(config, VERSION), VERSION)
    events = [event for request in traffic.requests for event in processor.take(request, 0.5)]
    assert events == []
    for second in range(1, processor.settings.batches + 2):
        events += processor.tick(second)
    sampled = {e.trace_id.hex() for e in events if e.decision is Decision.SAMPLED}
    assert len(events) == len(traffic.trace_ids)
    return "".join("1" if trace_id in sampled else "0" for trace_id in traffic.trace_ids)


def test_the_recording_is_whole() -> None:
    """No case goes unasked, and they tell right from wrong: most keep some and drop some."""
    cases = recording().cases
    assert len(cases) == CASES
    assert sum(set(case["kept"]) == {"0", "1"} for case in cases) > CASES * 0.8


@pytest.mark.parametrize("group", range(GROUPS))
def test_the_model_keeps_what_the_processor_kept(group: int) -> None:
    """Every trace of every recorded case, none excepted."""
    recorded = recording()
    for case in recorded.cases[group::GROUPS]:
        outcome = kept(case["tail_sampling"], recorded.traffic[case["traffic"]])
        assert outcome == case["kept"], json.dumps({"id": case["id"], **case["tail_sampling"]})
