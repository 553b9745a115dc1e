"""One file a criterion: each is found, says what it asks for, and lowers to its part."""

from pathlib import Path
from typing import Any

import pytest

import tailsampler.decide.policies as package
from tailsampler.decide.plan import AnyBit, DurationAtLeast, PredicateTable, SpanIntIn
from tailsampler.decide.policies import default, duration, errors, service
from tailsampler.decide.policy import CRITERIA, Policy, conditions, lower


def policy(**criteria: Any) -> Policy:
    return Policy.model_validate({"name": "p", "sample_rate": 0.5, **criteria})


def test_every_module_is_a_criterion_or_the_default() -> None:
    """A file that nobody lists would be a criterion that nobody can use."""
    folder = Path(str(package.__file__)).parent
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    listed = {str(getattr(module, "__name__", "")).rpartition(".")[2] for module in CRITERIA}
    assert modules == listed | {"default"}


def test_error_status_false_leaves_the_literal_list() -> None:
    """One predicate, on the two names that the attribute has had."""
    table = PredicateTable()
    part = errors.clause(policy(error_status_codes=[503, 500], error_status=False), table)
    assert part == AnyBit(bits=(0,))
    (predicate,) = table.predicates()
    assert predicate.reason == "http_status"
    assert predicate.test == SpanIntIn(
        keys=("http.response.status_code", "http.status_code"), values=(500, 503)
    )


def test_error_status_true_alone_asks_for_no_http_status() -> None:
    """Span status and gRPC's server faults."""
    table = PredicateTable()
    assert errors.clause(policy(error_status=True), table) == AnyBit(bits=(0, 1, 2))
    reasons = [predicate.reason for predicate in table.predicates()]
    assert reasons == ["span_status", "grpc_status", "grpc_status"]


def test_a_duration_is_exact_in_nanoseconds() -> None:
    """At or over; no bit is needed."""
    table = PredicateTable()
    part = duration.clause(policy(duration_threshold_ms=1500), table)
    assert part == DurationAtLeast(ns=1_500_000_000)
    assert table.predicates() == ()


def test_a_criterion_that_is_not_asked_for_adds_nothing() -> None:
    """No clause means every trace."""
    table = PredicateTable()
    assert all(criterion.clause(policy(), table) is None for criterion in CRITERIA)
    assert lower(policy(), table).all == ()
    assert conditions(policy()) == [default.WORDS]


def test_several_criteria_must_all_hold() -> None:
    """One clause each."""
    asked = policy(error_status_codes=[500], duration_threshold_ms=1, service_name=["a", "b"])
    assert len(lower(asked, PredicateTable()).all) == 3
    assert conditions(asked) == [
        "HTTP status 500, or span status ERROR, or a gRPC server fault",
        "trace takes 1 ms or longer",
        "service a or b took part",
    ]


@pytest.mark.parametrize(("value", "names"), [("a", ("a",)), (["b", "a", "b"], ("b", "a"))])
def test_a_service_may_be_one_or_several(value: object, names: tuple[str, ...]) -> None:
    """A list means any of them."""
    assert policy(service_name=value).service_name == names
    assert service.words(policy(service_name=value)) == f"service {' or '.join(names)} took part"
