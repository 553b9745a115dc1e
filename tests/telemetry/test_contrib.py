"""Contrib's metrics beside ours: their names, and what is made of the stats."""

from __future__ import annotations

import re
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tailsampler.errors import SettingsError
from tailsampler.settings.load import FromCollector, parse
from tailsampler.settings.root import Settings
from tailsampler.telemetry.contrib import EARLY_RELEASES, TABLE, Replaced, contrib_samples
from tailsampler.telemetry.exposition import registry, render
from tests.needs import ROOT
from tests.telemetry.contrib_facts import FAMILIES, PREFIX
from tests.telemetry.fakes import FakeCore, stats, status

PLAIN = Replaced(("veto", "errors"), drops=frozenset({"veto"}))
PAGE = (ROOT / "docs" / "reference" / "contrib.md").read_text()


def page(replaced: Replaced | None, accept: str = "*/*", core: FakeCore | None = None) -> str:
    gateway = status()
    gateway.replaced = replaced
    body, _ = render(registry(core or FakeCore(), gateway), accept)
    return body.decode()


def numbers(replaced: Replaced = PLAIN, **changes: Any) -> dict[tuple[str, ...], float]:
    """By contrib's own name, and the values of the labels."""
    found = contrib_samples(replaced, {**stats(), **changes})
    return {(metric.name.removeprefix(PREFIX), *labels): value for metric, labels, value in found}


def votes(policy: str, **said: int) -> dict[str, Any]:
    return {"policy": policy, "sampled": 0, "not_sampled": 0, "dropped": 0, "failed": 0, **said}


class TestNames:
    """What is offered has the name, the kind and the labels that it has on a Collector's page."""

    def test_every_metric_is_one_of_contribs(self) -> None:
        """But for the one label that is not known here."""
        for name, metric in TABLE.items():
            kind, labels = FAMILIES[name.removeprefix(PREFIX)]
            assert metric.kind == kind
            known = set(labels) - ({"sampled"} if metric is EARLY_RELEASES else set())
            assert set(metric.labels) == known

    def test_the_older_text_has_counters_as_a_collector_writes_them(self) -> None:
        """Counters without ``_total``; ours keep it."""
        text = page(PLAIN)
        kinds = dict(
            re.findall(r"^# TYPE otelcol_processor_tail_sampling_(\w+) (\w+)$", text, re.MULTILINE)
        )
        assert kinds == {name.removeprefix(PREFIX): metric.kind for name, metric in TABLE.items()}
        assert "\notelcol_processor_tail_sampling_new_trace_id_received 22.0\n" in text
        assert "# TYPE tailsampler_policy_votes_total counter\n" in text

    def test_open_metrics_has_the_same_samples_without_a_kind(self) -> None:
        """A counter would need ``_total`` there, and a strict parser minds."""
        text = page(PLAIN, "application/openmetrics-text; version=1.0.0")
        families = {
            family.name: family
            for family in text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
        }
        for name, metric in TABLE.items():
            assert families[name].type == ("gauge" if metric.kind == "gauge" else "unknown")
            assert {sample.name for sample in families[name].samples} == {name}

    def test_every_metric_has_a_sample_and_a_value_for_each_label(self) -> None:
        """Nothing is declared that is never offered."""
        emitted = list(contrib_samples(PLAIN, stats()))
        assert {metric.name for metric, _, _ in emitted} == set(TABLE)
        assert all(len(metric.labels) == len(labels) for metric, labels, _ in emitted)

    def test_the_page_says_of_each_of_contribs_what_it_is_here(self) -> None:
        """One row each, and "absent" where there is none."""
        [section] = re.findall(r"^## Metrics\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
        rows = dict(
            re.findall(r"^\| `(\w+)` \|.*\| (exact|differs|absent)\b", section, re.MULTILINE)
        )
        assert rows.keys() == FAMILIES.keys()
        offered = {name for name, how in rows.items() if how != "absent"}
        assert {PREFIX + name for name in offered} == set(TABLE)


class TestOff:
    """Who does not ask for them does not get them."""

    @pytest.mark.parametrize(
        "text",
        [
            {},
            {"tail_sampling": {"policies": [{"name": "all", "type": "always_sample"}]}},
        ],
    )
    def test_they_are_off_by_default(self, text: dict[str, Any]) -> None:
        """With a block of contrib's, too."""
        assert Replaced.of(Settings.model_validate(text)) is None

    def test_the_page_has_none_then(self) -> None:
        """Not one name of a Collector's."""
        assert "otelcol" not in page(None)

    def test_the_switch_turns_them_on(self) -> None:
        """The policies are those of the block, and those that drop are known."""
        chain = [
            {"name": "all", "type": "always_sample"},
            {
                "name": "veto",
                "type": "drop",
                "drop": {"drop_sub_policy": [{"name": "x", "type": "always_sample"}]},
            },
        ]
        text = {"compat_telemetry": True, "tail_sampling": {"policies": chain}}
        found = Replaced.of(Settings.model_validate(text))
        assert found == Replaced(("all", "veto"), drops=frozenset({"veto"}))


class TestComponent:
    """The processor whose block it was stays known by its name."""

    ONE = "{name: all, type: always_sample}"

    @pytest.mark.parametrize(
        ("written", "name"), [("true", ""), ("tail_sampling", ""), ("tail_sampling/edge", "edge")]
    )
    def test_a_file_of_ours_says_it(self, written: str, name: str) -> None:
        """Where the block was of a processor with a name."""
        text = f"tail_sampling: {{policies: [{self.ONE}]}}\ncompat_telemetry: {written}\n"
        found = Replaced.of(parse(text, environ={}))
        assert found is not None
        assert found.name == name

    def test_a_collectors_file_has_it(self) -> None:
        """``--compat-telemetry`` takes the processor that ``--processor`` takes."""
        text = f"processors: {{tail_sampling/edge: {{policies: [{self.ONE}]}}}}\n"
        asked = FromCollector(leave_out=True, compat_telemetry=True)
        found = Replaced.of(parse(text, environ={}, collector=asked))
        assert found == Replaced(("all",), drops=frozenset(), name="edge")
        assert Replaced.of(parse(text, environ={}, collector=FromCollector(leave_out=True))) is None

    def test_another_processor_is_refused(self) -> None:
        """Only the tail sampler has these metrics."""
        text = f"tail_sampling: {{policies: [{self.ONE}]}}\ncompat_telemetry: batch\n"
        with pytest.raises(SettingsError, match="neither a switch nor a tail sampler"):
            parse(text, environ={})


class TestNumbers:
    """What is made of the stats."""

    def test_a_policys_label_begins_with_the_name_of_its_processor(self) -> None:
        """As in ``edge.errors`` for ``tail_sampling/edge``; without a name it is the policy's."""
        edge = Replaced(("errors",), drops=frozenset(), name="edge")
        assert numbers(edge)["count_traces_sampled", "edge.errors", "true", "sampled"] == 9
        assert numbers()["count_traces_sampled", "errors", "true", "sampled"] == 9

    def test_a_failure_is_an_execution_and_no_vote(self) -> None:
        """9 for, 8 against, 3 failed: asked 20 times, and 17 answers."""
        found = numbers()
        assert found["sampling_policy_execution_count", "errors"] == 20
        assert found["sampling_policy_evaluation_error",] == 3
        answers = [key for key in found if key[0] == "count_traces_sampled"]
        assert sum(found[key] for key in answers) == 17

    def test_a_policy_that_is_never_asked_has_been_executed_0_times(self) -> None:
        """It is there all the same, and has said nothing."""
        found = numbers()
        assert found["sampling_policy_execution_count", "veto"] == 0
        assert not [key for key in found if key[:2] == ("count_traces_sampled", "veto")]

    def test_a_policy_of_an_earlier_block_is_counted(self) -> None:
        """Traces that were held over a restart are judged by the block that they began under."""
        old = votes("old", dropped=2)
        dropped = {"policy": "old", "kept": 0, "dropped": 2}
        found = numbers(votes=[old], policies=[dropped], verdict_reasons={})
        assert found["count_traces_sampled", "old", "false", "dropped"] == 2
        assert found["global_count_traces_sampled", "false", "dropped"] == 2

    def test_every_trace_is_decided_once(self) -> None:
        """Kept, dropped by a policy of type drop, or not sampled; too large is none of them."""
        judged = [
            {"policy": "errors", "kept": 5, "dropped": 1},
            {"policy": "veto", "kept": 0, "dropped": 3},
            {"policy": "none", "kept": 0, "dropped": 7},
        ]
        found = numbers(policies=judged, verdict_reasons={"trace_too_large": 2, "late_spans": 4})
        assert found["global_count_traces_sampled", "true", "sampled"] == 5
        assert found["global_count_traces_sampled", "false", "dropped"] == 3
        assert found["global_count_traces_sampled", "false", "not_sampled"] == 6
        assert found["traces_dropped_too_large",] == 2
        assert found["early_releases_from_cache_decision",] == 4
        assert found["new_trace_id_received",] == 5 + 1 + 3 + 7 + stats()["index"]["traces"]

    def test_nothing_is_forgotten_before_its_verdict(self) -> None:
        """An alert on it finds the metric, and stays silent."""
        assert numbers()["sampling_trace_dropped_too_early",] == 0

    def test_stats_that_cannot_be_read_are_not_zeros(self) -> None:
        """The page shows less."""
        assert list(contrib_samples(PLAIN, {})) == []
