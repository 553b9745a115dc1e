"""The chain in sentences, as a table of what an operator writes and what is said."""

from datetime import timedelta
from typing import Any

import pytest

from tailsampler.decide.policy import Policy
from tailsampler.decide.sentences import chain_doubts, kept, sentences, waiting
from tailsampler.settings.sampling import STANDARD_CHAIN


def policy(name: str = "p", rate: float = 1.0, **criteria: Any) -> Policy:
    return Policy.model_validate({"name": name, "sample_rate": rate, **criteria})


def test_the_standard_chain_reads_as_a_person_would_tell_it() -> None:
    """Each sentence says what is left for its policy, what it asks for and what it keeps."""
    assert list(sentences(STANDARD_CHAIN)) == [
        (
            "errors: every trace with HTTP status 500, 502, 503 or 504, or an error status, "
            "or a gRPC server fault; all kept."
        ),
        "slow: of the rest, traces that last 1 s or longer; 1 in 10 kept (T = e6666666666666).",
        (
            "api-gateway: of the rest, traces in which api-gateway took part; 1 in 100 kept "
            "(T = fd70a3d70a3d71)."
        ),
        "default: whatever is left; 1 in 1,000 kept (T = ffbe76c8b43958).",
    ]


@pytest.mark.parametrize(
    ("criteria", "said"),
    [
        ({}, "every trace"),
        (
            {"error_status_codes": [500]},
            "every trace with HTTP status 500, or an error status, or a gRPC server fault",
        ),
        (
            {"error_status_codes": [503, 500], "error_status": False},
            "every trace with HTTP status 500 or 503",
        ),
        ({"error_status": True}, "every trace with an error status, or a gRPC server fault"),
        ({"duration_threshold_ms": 250}, "every trace that lasts 250 ms or longer"),
        ({"duration_threshold_ms": 90_000}, "every trace that lasts 90 s or longer"),
        ({"service_name": "cart"}, "every trace in which cart took part"),
        ({"service_name": ["a", "b", "c"]}, "every trace in which a, b or c took part"),
        (
            {"service_name": "cart", "duration_threshold_ms": 1500, "error_status_codes": [500]},
            (
                "every trace in which cart took part and that lasts 1,500 ms or longer and with "
                "HTTP status 500, or an error status, or a gRPC server fault"
            ),
        ),
    ],
)
def test_every_criterion_has_its_words(criteria: dict[str, Any], said: str) -> None:
    """Nothing that a policy asks for is left out."""
    [sentence] = sentences([policy(**criteria)])
    assert sentence == f"p: {said}; all kept."


@pytest.mark.parametrize(
    ("rate", "said"),
    [
        (1.0, "all kept"),
        (0.0, "none kept"),
        (0.5, "1 in 2 kept (T = 8)"),
        (0.001, "1 in 1,000 kept (T = ffbe76c8b43958)"),
        (0.3, "30 % kept (T = b3333333333334)"),
        (0.375, "37.5 % kept (T = a)"),
    ],
)
def test_a_rate_is_told_as_people_count(rate: float, said: str) -> None:
    """One in so many where that is exact, else in per cent, and the threshold beside it."""
    assert kept(rate) == said


def test_a_policy_with_its_own_wait_says_so() -> None:
    """It is not the one that holds for the rest of the chain."""
    [sentence] = sentences([policy(decision_wait="30s")])
    assert sentence == "p: every trace; all kept; held for 30s."


def test_how_long_a_trace_is_held() -> None:
    """After the first span, and after the root where that is set."""
    ten, one = timedelta(seconds=10), timedelta(seconds=1)
    assert "for 10s after its first span;" in waiting(ten, None)
    assert "for 10s after its first span, or 1s after its root;" in waiting(ten, one)


@pytest.mark.parametrize(
    ("chain", "words"),
    [
        ([policy(rate=0.0, service_name="cart")], ["each trace it matches is dropped"]),
        ([policy(duration_threshold_ms=3_001)], ["before it has lasted 3001 ms"]),
        ([policy(duration_threshold_ms=3_000)], []),
        (
            [policy(duration_threshold_ms=5_000, decision_wait="10s")],
            ["before it has lasted 5000 ms"],
        ),
        (list(STANDARD_CHAIN), []),
    ],
)
def test_what_may_not_be_meant_is_named(chain: list[Policy], words: list[str]) -> None:
    """A policy's own wait counts from when it matches, which is too late for its duration."""
    doubts = list(chain_doubts(chain, timedelta(seconds=3)))
    assert len(doubts) == len(words)
    assert all(word in doubt for word, doubt in zip(words, doubts, strict=True))
