"""Waits and memories of verdicts."""

from typing import Any

import pytest

from tailsampler.doctor import waiting
from tailsampler.doctor.facts import Upstream
from tailsampler.doctor.finding import Severity
from tests.doctor.builders import facts, live, one, sender, tempo


def waits(wait: str, name: str = "tempo") -> str:
    return tempo().replace(
        "name: tempo, endpoint: 'tempo:", f"name: {name}, endpoint: '{name}:"
    ) + (f"sampling: {{decision_wait: {wait}, policies: [{{name: all, sample_rate: 1}}]}}\n")


@pytest.mark.parametrize(
    ("wait", "name", "severity"),
    [
        ("30s", "tempo", Severity.HARM_NOW),
        ("25s", "tempo", Severity.WILL_HURT),
        ("60s", "backend", Severity.WILL_HURT),
        ("25s", "backend", Severity.HINT),
    ],
)
def test_a_wait_beyond_tempos_slack(wait: str, name: str, severity: Severity) -> None:
    """Certain from 30 s of our own on, by the SDK's delay from 25 s; worse where Tempo is named."""
    found = one(waiting.beyond_tempo_slack(facts(waits(wait, name))))
    assert (found.id, found.severity) == ("wait-beyond-tempo-slack", severity)
    assert (found.changes[0].setting, found.changes[0].now) == (
        "sampling.decision_wait",
        parsed(wait),
    )
    assert found.changes[0].to == "20s"
    assert ("if it is Tempo" in found.what) is (name != "tempo")


def parsed(wait: str) -> str:
    return {"60s": "1m"}.get(wait, wait)


def test_the_longest_wait_of_a_policy_counts() -> None:
    """A policy may hold its traces beyond the slack though the default does not."""
    text = tempo() + (
        "sampling: {policies: [{name: slow, duration_threshold_ms: 1, sample_rate: 1, "
        "decision_wait: 40s}, {name: all, sample_rate: 1}]}"
    )
    found = one(waiting.beyond_tempo_slack(facts(text)))
    assert found.changes[0].setting == "sampling.policies.slow.decision_wait"


def test_every_wait_beyond_the_slack_is_a_knob() -> None:
    """Who turns one of two must not find the other at the next look."""
    text = waits("45s").replace("sample_rate: 1}]", "sample_rate: 1, decision_wait: 5m}]")
    found = one(waiting.beyond_tempo_slack(facts(text)))
    settings = [change.setting for change in found.changes[:-1]]
    assert settings == ["sampling.decision_wait", "sampling.policies.all.decision_wait"]
    assert "up to 5 m 5 s after they ended" in found.what
    assert found.changes[-1].to == "7m"


def test_a_short_wait_or_no_backend_fits_the_slack() -> None:
    """24 s with the SDK's 5 s and the linger is within 30 s; a local store has no slack."""
    assert list(waiting.beyond_tempo_slack(facts(waits("24s")))) == []
    local = "sampling: {decision_wait: 60s, policies: [{name: all, sample_rate: 1}]}"
    assert list(waiting.beyond_tempo_slack(facts(local))) == []


def test_a_wait_shorter_than_the_sdks_delay() -> None:
    """5 s is what an SDK waits by default, so a wait of 5 s is a hint and 6 s is none."""
    found = one(waiting.shorter_than_senders(facts(waits("5s"))))
    assert (found.id, found.severity) == ("wait-shorter-than-senders", Severity.HINT)
    assert found.changes[0].to == "10s"
    assert list(waiting.shorter_than_senders(facts(waits("6s")))) == []


def test_a_short_wait_after_the_root_counts_as_well() -> None:
    """The root of a trace may be sent before the spans of other services."""
    text = waits("10s").replace("10s,", "10s, decision_wait_after_root_received: 2s,")
    found = one(waiting.shorter_than_senders(facts(text)))
    assert found.changes[0].setting == "sampling.decision_wait_after_root_received"


def test_many_late_spans_are_harm_whatever_the_wait() -> None:
    """More than one in a hundred spans after its verdict: the wait is too short, as measured."""
    late = live(increase={("late", "spans"): 6_001})
    found = one(waiting.shorter_than_senders(facts(waits("10s"), live=late)))
    assert found.severity is Severity.HARM_NOW
    assert "6,001 of 600,000 spans" in found.evidence[2].say
    assert found.changes[0].to == "20s"
    least = live(increase={("late", "spans"): 11, ("spans", "received"): 1_000})
    assert one(waiting.shorter_than_senders(facts(waits("10s"), live=least))).evidence[2:]
    silent = live(increase={("spans", "received"): 0})
    assert not one(waiting.shorter_than_senders(facts(waits("5s"), live=silent))).evidence[2:]
    few = live(increase={("late", "spans"): 6_000})
    assert list(waiting.shorter_than_senders(facts(waits("10s"), live=few))) == []


@pytest.mark.parametrize(
    ("late", "setting"),
    [("{max_age: 59s}", "late.max_age"), ("{max_traces: 0}", "late.max_traces")],
)
def test_a_memory_too_short_for_a_retry(late: str, setting: str) -> None:
    """Under a minute one failed attempt of a sender splits a trace."""
    found = one(waiting.memory_too_short(facts(f"late: {late}")))
    assert (found.id, found.changes[0].setting) == ("late-memory-short", setting)
    assert list(waiting.memory_too_short(facts("late: {max_age: 1m}"))) == []


def remembered(judged: int, held: int) -> Any:
    return live(
        increase={("traces", "judged"): judged},
        stats={"late": {"traces": held, "reach_seconds": 200.0}},
    )


def test_a_memory_that_forgets_by_count() -> None:
    """300,000 verdicts a minute fill a million in 200 s, and the setting says ten minutes."""
    found = one(waiting.memory_too_few(facts(live=remembered(300_000, 500_000))))
    assert (found.id, found.severity) == ("late-memory-full", Severity.WILL_HURT)
    assert "for 200 s, not for the 600 s" in found.what
    assert found.changes[0].to == "3600000"
    assert "86 MB" in found.effect
    full = one(waiting.memory_too_few(facts(live=remembered(300_000, 950_000))))
    assert full.severity is Severity.HARM_NOW
    assert full.evidence[2].say == "the oldest of them is 200 s old"


def test_a_memory_that_is_large_enough() -> None:
    """A tenth under the bound is the noise of a rate; no verdicts are no finding."""
    assert list(waiting.memory_too_few(facts(live=remembered(100_000, 0)))) == []
    assert list(waiting.memory_too_few(facts(live=remembered(111_000, 0)))) == []
    assert list(waiting.memory_too_few(facts(live=remembered(0, 0)))) == []
    assert list(waiting.memory_too_few(facts(live=None))) == []


def up(**changes: Any) -> Upstream:
    return Upstream(file="otelcol.yaml", senders=(sender(**changes),))


@pytest.mark.parametrize(("limit", "now"), [(611.0, "611s"), (None, "0s")])
def test_retries_that_outlast_the_memory(limit: float | None, now: str) -> None:
    """10 s held and 10 m remembered are 610 s; who sends later begins a trace of its own."""
    found = one(waiting.retries_outlast(facts(upstream=up(gives_up_after_s=limit))))
    assert found.id == "upstream-retries-outlast-memory"
    assert (found.changes[0].now, found.changes[0].to) == (now, "300s")
    assert "10m10s" in found.what
    assert found.evidence[0].source == "otelcol.yaml"


def test_retries_that_end_in_time() -> None:
    """The Collector's default does, and so does one that does not retry at all."""
    assert list(waiting.retries_outlast(facts(upstream=up(gives_up_after_s=610.0)))) == []
    assert list(waiting.retries_outlast(facts(upstream=up(retries=False)))) == []
    assert list(waiting.retries_outlast(facts(upstream=None))) == []
