"""The settings of what is passed on."""

import json

from tailsampler.errors import SettingsError
from tailsampler.settings.core_options import listen_options
from tailsampler.settings.load import parse

LOKI = "{name: loki, signals: [logs], endpoint: loki:4317}"


def options(text: str) -> object:
    """What crosses to the core."""
    return json.loads(listen_options(parse(text, environ={})))["pass_through"]


def said(text: str) -> str:
    """What is wrong with it."""
    try:
        parse(text, environ={})
    except SettingsError as error:
        return str(error)
    raise AssertionError("nothing is wrong with it")


def test_what_crosses() -> None:
    """Which signals, and the bound; nothing where nothing is passed on."""
    assert options("data_directory: data") is None
    assert options(f"pass_through: [{LOKI}]") == {
        "logs": True,
        "metrics": False,
        "max_bytes": 32 << 20,
    }


def test_a_signal_has_one_backend() -> None:
    """And traces are not passed on at all."""
    other = LOKI.replace("name: loki", "name: other")
    assert "loki already" in said(f"pass_through: [{LOKI}, {other}]")
    traces = LOKI.replace("[logs]", "[traces]")
    assert "sampled here" in said(f"pass_through: [{traces}]")
