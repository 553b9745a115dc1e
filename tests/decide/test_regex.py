"""An expression of Go's finds the same texts in the core as in RE2."""

from __future__ import annotations

import json

import pytest
import re2  # type: ignore[import-untyped]
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tailsampler import _core
from tailsampler.decide.plan import First, Matches, Plan, Predicate, Rule
from tailsampler.decide.regex import for_the_core
from tailsampler.decide.votes import Bit, Votes
from tailsampler.settings.core_options import gateway_options
from tailsampler.settings.root import Settings
from tests.model.build import request, span

TEXTS = (
    "a", "A", "b", "ab", "abc", "a.b", "a-b", "a]b", "a[b", "a^b", "a&b", "a&&b", "a~b", "a{,5}",
    "a{b", "aaaaa", "0", "7", "\u0663", "_", " ", "\t", "\v", "\n", "a\nb", "a\n", "\u00e9",
    "\u00c9", "\u00df",
    "ss", "k", "\u212a", "s", "\u017f", "\u03b1", "\u03a9", "\u65e5\u672c", "-", "--",
    "/api/v1/x", "<a>",
    "x\\d",
    "\x07", "\x1b", "foo bar", "foo_bar", "(a)", "a|b", "a+b", "*", "?", "$", "\u00a0", "\u2028",
    "HELLO world", "!", "~~", "::", "a\u0301", "\U0001f600",
)  # fmt: skip
PATTERNS = (
    "a", "^a$", "a$", r"a\z", r"\Aa", "(?m)^b$", ".", "(?s)a.b", r"\d", r"\D", r"\w+$", r"^\W$",
    r"\s", r"^\S$", r"\bfoo\b", r"foo\b", r"[\d]", r"[^\d]", r"[\D]", r"[^\D\d]", r"[\w-]",
    r"[\s\S]", "[[:alpha:]]", "[[:^alpha:]]", "[[:digit:][:space:]]", "[[:word:]]", "[a-c]", "[]a]",
    "[^]a]", "[a-]", "[-a]", "[a&&b]", "[a[b]", "[a~~b]", "[+--]",
    "[+--x]", "[a-c--e]", r"[\d-x]", r"[a\-\-z]", r"[a\-z]", r"[\]\[]", r"[\^a]",
    "[^^]", r"\.", r"\_", r"\-", r"\<a\>", r"\/", r"\Qa.b\E", r"\Qa.b\E?", r"\Q[", r"\Qab\E+",
    r"\141", r"[\141-\143]", r"\x61", r"\x{61}", r"\x{1F600}", r"[\x{3b1}-\x{3c9}]", r"\pL", r"\PL",
    r"\p{Greek}", r"\P{Greek}", r"\p{^Greek}", r"[\p{Lu}\d]", r"[^\pN]", "(?i)k", "(?i)S",
    "(?i)\u00df",
    r"(?i)[a-k]", r"(?i)\w", "(?i:hello) world", "(?i)\u00e9", "(?U)a+$", "a{2,3}", "a{5}", "a{2,}",
    "a{,5}", "a{", "a{b", "{", "}", "(a)(b)", "(?P<n>a)(?P<m>b)", "(?<n>a)", "(?P<n>a)|(?P<n>b)",
    "(?:a|b)c?", "a|", "", "()", "^", "$", "^$", r"\a", r"\f", r"\t", r"\n", r"\r", r"\v", "a??b",
    "a*?", "x*", r"\$", r"\*", r"\?", r"\(a\)", "[.]", "[$]", "[()]", "[|]", r"\p{Lu}{2}", "\u65e5",
    "[\u65e5\u672c]+", "[^\u65e5]", r"(?m)a$", r"(?-s).", "[[:print:]]", "[[:punct:]]",
    "[[:xdigit:]]+$",
    r"\pN",
)  # fmt: skip


def found_by_the_core(pattern: str) -> list[str]:
    """The texts that pass, each as an attribute of a trace of its own."""
    test = First(key="k", asks=Matches(patterns=(for_the_core(pattern),)))
    plan = Plan(
        wait_ms=0,
        predicates=(Predicate(reason="string_attribute", test=test),),
        rules=(Rule(name="p", all=(), threshold=0),),
        votes=Votes(policies=(Bit(bit=0),), tick_ms=1),
    )
    simulation = _core.Simulation(gateway_options(Settings()))
    simulation.install_plan(plan.model_dump_json())
    spans = [
        span(number.to_bytes(16, "big"), number, values={"k": text})
        for number, text in enumerate(TEXTS, start=1)
    ]
    body: ExportTraceServiceRequest = request(spans)
    simulation.ingest(body.SerializeToString(), 10**9)
    verdicts = [json.loads(verdict) for verdict in simulation.advance(2 * 10**9)]
    kept = {int(one["trace_id"], 16) for one in verdicts if one["kept"]}
    return [text for number, text in enumerate(TEXTS, start=1) if number in kept]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_it_finds_what_re2_finds(pattern: str) -> None:
    """Classes are ASCII, brackets in classes are characters, ``(?i)`` folds Unicode."""
    compiled = re2.compile(pattern)
    assert found_by_the_core(pattern) == [text for text in TEXTS if compiled.search(text)]
