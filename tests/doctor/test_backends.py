"""Backends: whether they answer, and what exporters say of them."""

from dataclasses import replace
from typing import Any

import pytest

from tailsampler.doctor import backends
from tailsampler.doctor.facts import Backend
from tailsampler.doctor.finding import Severity
from tests.doctor.builders import ROOMY, facts, live, one, tempo


def answer(code: str | None, words: str = "", *, tls: bool = True) -> Any:
    return (Backend(exporter="tempo", endpoint="tempo:4317", tls=tls, code=code, words=words),)


@pytest.mark.parametrize(
    ("code", "words", "tls", "means", "setting"),
    [
        ("UNIMPLEMENTED", "Method not found!", True, "no OTLP trace receiver", "endpoint"),
        ("UNAUTHENTICATED", "no org id", True, "wants to know who sends", "headers"),
        ("PERMISSION_DENIED", "", True, "does not let that one in", "headers"),
        ("RESOURCE_EXHAUSTED", "", True, "takes nothing at the moment", "in_flight"),
        ("DEADLINE_EXCEEDED", "", True, "does not answer in time", "endpoint"),
        ("TLS_FILE", "ca.pem cannot be read", True, "cannot be read", "tls"),
        ("UNAVAILABLE", "handshake failed: CERTIFICATE_VERIFY_FAILED", True, "not trusted", "tls"),
        ("UNAVAILABLE", "handshake failed: WRONG_VERSION_NUMBER", True, "speaks plain text", "tls"),
        ("UNAVAILABLE", "Trying to connect an http1.x server", True, "a web server", "endpoint"),
        ("UNAVAILABLE", "Socket closed", False, "as a TLS listener does", "tls"),
        ("UNAVAILABLE", "DNS resolution failed", True, "its name is not known", "endpoint"),
        ("UNAVAILABLE", "connection refused", True, "nobody answers there", "endpoint"),
    ],
)
def test_a_backend_that_cannot_be_used(
    code: str, words: str, tls: bool, means: str, setting: str
) -> None:
    """Each answer is told in words, with the key of the exporter to look at."""
    found = one(backends.answers(facts(tempo(), backends=answer(code, words, tls=tls))))
    assert (found.id, found.severity) == ("backend-does-not-answer", Severity.HARM_NOW)
    assert means in found.what
    assert found.evidence[0].say.startswith(code)
    assert found.evidence[1].say == "0 kept spans wait for it"
    assert found.changes[0].setting == f"export.tempo.{setting}"


@pytest.mark.parametrize("code", ["OK", "INVALID_ARGUMENT", None])
def test_a_backend_that_answers(code: str | None) -> None:
    """Whoever finds the empty request wrong has understood it; whoever was not asked is let be."""
    assert list(backends.answers(facts(tempo(), backends=answer(code)))) == []
    assert list(backends.answers(facts(tempo(), backends=None))) == []


def test_the_knob_shows_what_it_says_now() -> None:
    """Each key of the exporter as it is set."""
    now = {
        code: one(backends.answers(facts(tempo(), backends=answer(code)))).changes[0].now
        for code in ("RESOURCE_EXHAUSTED", "UNIMPLEMENTED", "TLS_FILE", "UNAUTHENTICATED")
    }
    silent = one(backends.answers(facts(tempo(), backends=answer("UNKNOWN"))))
    assert silent.evidence[0].say == "UNKNOWN: no words"
    assert list(now.values()) == ["4", "tempo:4317", "{insecure: false}", "none"]


def test_headers_are_named_and_never_shown() -> None:
    """The finding says which headers are sent, and none of their values."""
    text = tempo(", headers: {authorization: hunter2}")
    found = one(backends.answers(facts(text, backends=answer("UNAUTHENTICATED"))))
    assert found.changes[0].now == "authorization (secret)"
    assert "hunter2" not in str(found.as_json())


def exporting(retried: int, *, healthy: bool) -> Any:
    state = {"healthy": healthy, "requests": {"retried": retried}, "last_error": "UNAVAILABLE: no"}
    return live(exporters={"tempo": state})


def test_an_exporter_that_fails() -> None:
    """From the second repeated attempt on, in its own words."""
    found = one(backends.failing(facts(tempo(), live=exporting(2, healthy=False))))
    assert (found.id, found.severity) == ("exporter-failing", Severity.HARM_NOW)
    assert found.evidence[0].say == "UNAVAILABLE: no"
    assert list(backends.failing(facts(tempo(), live=exporting(1, healthy=False)))) == []
    assert list(backends.failing(facts(tempo(), live=exporting(9, healthy=True)))) == []
    assert list(backends.failing(facts(live=None))) == []


def test_the_local_store_alone() -> None:
    """In Kubernetes it is a hint, at more than 1,500 kept traces a second it will hurt."""
    pod = replace(ROOMY, container="Kubernetes")
    found = one(backends.only_local(facts(machine=pod)))
    assert (found.id, found.severity) == ("only-local-store", Severity.HINT)
    fast = live(increase={("traces", "kept"): 90_060})
    assert one(backends.only_local(facts(live=fast))).severity is Severity.WILL_HURT
    measured = live(increase={("traces", "kept"): 90_000})
    assert list(backends.only_local(facts(live=measured))) == []
    assert list(backends.only_local(facts(tempo(), machine=pod))) == []
    assert list(backends.only_local(facts("export: [{type: file}]", machine=pod))) == []
