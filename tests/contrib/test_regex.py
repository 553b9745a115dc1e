"""Go's regular expressions, from the reference's list."""

from __future__ import annotations

import pytest

from tests.contrib.model.regex import BadRegexError, Regex

MATCHES = [
    (r"\d", "5", True),
    (r"\d", "\u0665", False),  # an Arabic digit
    (r"\w", "\u00e9", False),
    (r"\s", "\v", False),
    (r"\s", "\u00a0", False),
    (r"[[:alpha:]]", "\u00e9", False),
    (r"\bx", "\u00e9x", True),
    (r"(?i)k", "\u212a", True),  # the Kelvin sign
    (r"(?i)s", "\u017f", True),  # the long s
    (r"(?i)ss", "\u00df", False),  # sharp s
    (r"a$", "a\n", False),
    (r"(?m)a$", "a\n", True),
    (r"a.b", "a\nb", False),
    (r"(?s)a.b", "a\nb", True),
    (r"a.b", "a\u00e9b", True),
    (r"a\z", "ba", True),
    (r"\Ab", "ab", False),
    (r"\pL", "\u00e9", True),
    (r"\Qa.b\E", "axb", False),
    (r"\Qa.b\E", "a.b", True),
    (r"\141", "a", True),
    (r"\_", "_", True),
    (r"(?<n>a)", "a", True),
    (r"(?P<n>a)(?P<n>b)", "ab", True),
    (r"(?U)a+", "a", True),
    (r"^a{,5}$", "a{,5}", True),
    (r"^{$", "{", True),
    (r"^[a&&b]$", "&", True),
    (r"\Q\C\E", r"\C", True),
    (r"\\C", r"\C", True),
]
REFUSED = [
    "(?=a)",
    "(?!a)",
    "(?<=a)",
    "(?<!a)",
    r"(a)\1",
    "a++",
    "a**",
    "a{1001}",
    r"\Z",
    r"\C",
    r"\G",
    r"\R",
    r"\X",
    r"\h",
    r"\e",
    r"\u0041",
    "(?x)a",
    "(?#a)",
    "[[:foo:]]",
    "(?P<\u00e9>a)",
    "(?<\u00e9>a)",
    "(",
    "[",
]


@pytest.mark.parametrize(("pattern", "text", "expected"), MATCHES)
def test_what_matches(pattern: str, text: str, expected: bool) -> None:
    """Classes are ASCII, folding is Unicode, the end is the very end."""
    assert Regex(pattern).matches(text) is expected


@pytest.mark.parametrize("pattern", REFUSED)
def test_what_go_refuses(pattern: str) -> None:
    """What other dialects have, and what only RE2's C++ library has."""
    with pytest.raises(BadRegexError, match="error parsing regexp"):
        Regex(pattern)
