"""The table of checks, and how a diagnosis is shown."""

import inspect
import io
import json
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from tailsampler.doctor import (
    backends,
    batches,
    chain,
    clocks,
    connections,
    disk,
    health,
    ratios,
    requests,
    room,
    waiting,
)
from tailsampler.doctor.checks import CHECKS, Diagnosis, examine
from tailsampler.doctor.facts import Backend, Facts
from tailsampler.doctor.show import as_json, picture
from tests.doctor.builders import ROOMY, facts, live, settings, tempo

MODULES = (
    backends, batches, chain, clocks, connections, disk, health, ratios, requests, room, waiting
)  # fmt: skip
BAD = tempo(", max_batch_bytes: 16MiB") + "buffer: {fsync: never}\nlate: {max_age: 10s}\n"


def judges(module: Any) -> set[Any]:
    """The public functions of a module that take facts."""
    return {
        one
        for name, one in vars(module).items()
        if not name.startswith("_")
        and getattr(one, "__module__", "") == module.__name__
        and getattr(one, "__annotations__", {}).get("facts") == "Facts"
    }


def test_no_check_is_forgotten() -> None:
    """Every judge that a module of checks offers stands in the table, once."""
    listed = [check.judge for check in CHECKS]
    assert len(listed) == len(set(listed))
    assert set(listed) == set().union(*map(judges, MODULES))


def test_every_check_finds_what_it_says() -> None:
    """The id in the table is that of its findings, and no other check has it."""
    ids = [check.finds for check in CHECKS]
    assert len(ids) == len(set(ids))
    for check in CHECKS:
        assert f'id="{check.finds}"' in inspect.getsource(check.judge)


def test_every_check_argues_its_threshold() -> None:
    """A judge says in its docstring from when on it finds something, and why then."""
    for check in CHECKS:
        assert len((check.judge.__doc__ or "").split()) > 12, check.judge


def test_a_gateway_that_is_well() -> None:
    """Nothing is found, whatever is known of it."""
    diagnosis = examine(
        facts(
            tempo(),
            running={},
            backends=(Backend(exporter="tempo", endpoint="tempo:4317", tls=True, code="OK"),),
        )
    )
    # An empty configuration is not the one in force: the only thing that is wrong here.
    assert [finding.id for finding in diagnosis.findings] == ["config-not-in-force"]
    assert examine(facts()).findings == ()


def test_the_worst_stands_first() -> None:
    """Harm before what will hurt before hints."""
    found = examine(facts(BAD, upstream=None, live=live(stats={"storage_errors": 1}))).findings
    assert [finding.id for finding in found] == [
        "storage-errors",
        "late-memory-short",
        "batch-over-backend-limit",
        "long-loss-window",
    ]


def test_what_was_not_looked_at_is_said() -> None:
    """Without a gateway its checks are skipped, each with what it needs."""
    little = Facts(settings=settings(), config_name="f", machine=replace(ROOMY, memory_limit=None))
    diagnosis = examine(little)
    assert len(diagnosis.made) + len(diagnosis.skipped) == len(CHECKS)
    body = as_json(little, diagnosis)
    assert body["gateway"] is None
    assert {one["why"].split()[0] for one in body["skipped"]} == {"no", "backends"}
    assert "no running gateway was asked" in shown(little, diagnosis)


def shown(of: Facts, diagnosis: Diagnosis, width: int = 100) -> str:
    out = io.StringIO()
    Console(file=out, width=width, highlight=False).print(picture(of, diagnosis))
    return out.getvalue()


def test_well_is_said_with_what_was_checked() -> None:
    """To have found nothing is cheap without the list of what was looked for."""
    text = shown(facts(), examine(facts()))
    made = examine(facts()).made
    assert f"Nothing found: these {len(made)} checks were made." in text
    assert all(f"{check.asks}?" in text for check in made)


@pytest.mark.parametrize("width", [40, 100, 200])
def test_all_of_a_finding_is_shown(width: int) -> None:
    """Sentence, evidence with its source, knob and effect, at any width."""
    of = facts(BAD, upstream=None)
    diagnosis = examine(of)
    words = " ".join(shown(of, diagnosis, width).split())
    assert "3 findings by" in words
    for finding in diagnosis.findings:
        assert finding.id in words
        if width == 200:
            assert finding.what in words
            assert f"{finding.evidence[0].say} [{finding.evidence[0].source}]" in words
            change = finding.changes[0]
            assert f"{change.setting}: {change.now} -> {change.to}" in words
            assert finding.effect in words


def test_json_says_the_same() -> None:
    """Every finding is there with all of its parts, as plain data."""
    of = facts(BAD, upstream=None)
    body = json.loads(json.dumps(as_json(of, examine(of))))
    assert body["well"] is False
    first = body["findings"][0]
    assert (first["id"], first["severity"]) == ("late-memory-short", "will_hurt")
    assert first["changes"] == [{"setting": "late.max_age", "now": "10s", "to": "10m"}]
    assert set(first) == {"id", "severity", "what", "evidence", "changes", "effect"}


def test_foreign_words_do_not_steer_the_terminal() -> None:
    """A backend's answer comes from outside; its escapes are blanks."""
    words = "\x1b[2Jgone\x07"
    answer = Backend(exporter="tempo", endpoint="t:1", tls=False, code="ABORTED", words=words)
    of = facts(tempo(), backends=(answer,))
    text = shown(of, examine(of))
    assert "\x1b" not in text
    assert "\x07" not in text
