"""Patterns are Go's: what its parser takes, and nothing else."""

import pytest

from tailsampler.decide.ottl.regex import check

ACCEPTED = (
    "",
    "^(GET|POST) /a.*$",
    r"\z|\A|\pL|\p{^Greek}|\PN",
    r"\Qa.b\E|\Q(",
    r"\141|\_|\x{10FFFF}|\08",
    "(?P<n>a)(?<m>b)(?P<n>c)",
    "(?U)a+|(?i)k|(?s-m:a)",
    "a{,5}|{|x{1",
    "[a&&b]|[]a]|[^]a]|[[:^alpha:]]|[(]",
    "a{1000}|a??|(|a)*|^*",
    r"[]Q]|\Q\C\E|\\C",
    "(" * 900 + ")" * 900,
    r"\d\w\s\b\B",
)
REFUSED = {
    "(": "missing )",
    "a)": "unexpected )",
    "(?=a)": "Go has no look-around",
    "(?!a)": "Go has no look-around",
    "(?<=a)b": "Go has no look-around",
    "(?<!a)b": "Go has no look-around",
    r"(a)\1": "Go has no back-references",
    "(?P=n)": "invalid",
    "(?>a)": "invalid",
    "a++": "Go has no possessive",
    "a**": "bad repetition operator",
    "a{1001}": "a repetition counts to 1000 at most",
    "(a{100}){11}": "a repetition counts to 1000 at most",
    "*a": "no argument for repetition operator",
    r"a\Z": r"write \\z for the end of the text",
    r"\C": r"invalid escape sequence: \C",
    r"(?:a|\C)+": r"invalid escape sequence: \C",
    r"\G": "invalid escape sequence",
    r"\R": "invalid escape sequence",
    r"\X": "invalid escape sequence",
    r"\h": "invalid escape sequence",
    r"\e": "invalid escape sequence",
    r"\u00e9": r"write a character by its number as \\x{e9}",
    "(?x)a": "invalid",
    "(?#a)": "invalid",
    "[[:foo:]]": "invalid character class range",
    "[z-a]": "invalid character class range",
    r"[\C]": "invalid escape sequence",
    r"\p{Foo}": "invalid character class range",
    "(?P<\u00e9>a)": "write ASCII letters and digits",
    "(?<\u00e9>a)": "write ASCII letters and digits",
    "(?P<a-b>a)": "invalid named capture",
    "a\\": "trailing \\",
    "(" * 1001 + ")" * 1001: "nests too deeply",
}


@pytest.mark.parametrize("pattern", ACCEPTED)
def test_patterns_that_go_takes(pattern: str) -> None:
    """Nothing that works in contrib is refused."""
    check(pattern)


@pytest.mark.parametrize(("pattern", "say"), REFUSED.items())
def test_patterns_that_go_refuses(pattern: str, say: str) -> None:
    """Refused here as there, with a way out where other dialects have one."""
    with pytest.raises(ValueError, match=r".") as caught:
        check(pattern)
    assert say in str(caught.value)
