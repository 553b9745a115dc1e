"""docs/sizing.md shows what `tailsampler size` says."""

from __future__ import annotations

import re

import click

from scripts.sizing import PAGE, page
from tailsampler.cli import main


def test_examples_and_table_are_what_the_program_says() -> None:
    """`python -m benchmarks.fit_sizes` and `python scripts/sizing.py` renew them."""
    text = PAGE.read_text()
    assert page(text) == text
    assert text.count("$ tailsampler size ") == 2
    assert "| 1,000,000 | 6 | 200,000 |" in text


def test_options_that_are_named_exist() -> None:
    """Those of `size`."""
    known = {
        option
        for parameter in main.commands["size"].params
        if isinstance(parameter, click.Option)
        for option in parameter.opts
    }
    named = set(re.findall(r"--[a-z][a-z-]+", PAGE.read_text()))
    assert named - known - {"--help"} == set()


def test_what_was_there_is_replaced() -> None:
    """An answer of yesterday does not stay."""
    old = "```console\n$ tailsampler size --spans-per-second 1k --kubernetes\nold\n```\n"
    assert "old" not in page(old)
    assert "replicas: 1" in page(old)
