"""The migration page says what `compare` says, and shows what stands in deploy/."""

from __future__ import annotations

import re
from typing import Any

import click
from ruamel.yaml import YAML

from tailsampler.cli import main
from tailsampler.compare.explaining import WORDS, Class
from tests.needs import ROOT

PAGE = (ROOT / "docs" / "migrating.md").read_text()
TEE: dict[str, Any] = YAML(typ="safe").load(ROOT / "deploy" / "collector" / "tee.yaml")


def test_every_class_is_explained() -> None:
    """In the page's table, in the order of the program's; each has its words in a report."""
    explained = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
    assert sorted(explained) == sorted(Class)
    assert set(WORDS) == set(Class)


def test_options_that_are_named_exist() -> None:
    """Those of every command on the page."""
    known = {
        option
        for command in main.commands.values()
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for option in (*parameter.opts, *parameter.secondary_opts)
    }
    assert set(re.findall(r"--[a-z][a-z-]+", PAGE)) - known == set()


def test_the_tee_is_the_one_that_is_there() -> None:
    """What the page shows of a Collector's configuration stands so in deploy/collector."""
    [shown] = re.findall(r"^```\n(processors:.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert list(_missing(YAML(typ="safe").load(shown), TEE, "")) == []


def _missing(shown: Any, there: Any, at: str) -> Any:
    if not isinstance(shown, dict) or not isinstance(there, dict):
        if shown != there:
            yield f"{at}: {shown} is not {there}"
        return
    for key, value in shown.items():
        yield from _missing(value, there.get(key), f"{at}.{key}")


def test_a_trial_costs_the_running_sampler_nothing() -> None:
    """Its pipeline swallows its errors, its queue is bounded and never holds a sender back."""
    beside = TEE["service"]["pipelines"]["traces/beside"]
    assert beside["processors"][-1] == "batch/beside"
    queue = TEE["exporters"]["otlp_grpc/beside"]["sending_queue"]
    assert (queue["block_on_overflow"], "storage" in queue) == (False, False)
    assert TEE["exporters"]["otlp_grpc/beside"]["retry_on_failure"]["max_elapsed_time"] != 0
    assert beside["receivers"] == TEE["service"]["pipelines"]["traces"]["receivers"]
