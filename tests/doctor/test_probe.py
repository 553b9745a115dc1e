"""Backends that are really asked, over loopback."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import trustme

from tailsampler.doctor.backends import answers
from tailsampler.doctor.facts import Backend
from tailsampler.doctor.probe import HIDDEN, probe
from tailsampler.settings.export import OtlpGrpcExporter
from tailsampler.testing.backend import Answer, CapturingBackend
from tests.doctor.builders import facts, one, settings


def exporter(endpoint: str, **more: Any) -> OtlpGrpcExporter:
    fields = {"type": "otlp_grpc", "endpoint": endpoint, "tls": {"insecure": True}, **more}
    found = settings(f"export: [{fields}]").export[0]
    assert isinstance(found, OtlpGrpcExporter)
    return found


async def asked(one: OtlpGrpcExporter) -> Backend:
    (answer,) = await probe([one])
    return answer


async def test_a_backend_takes_an_empty_request() -> None:
    """It is asked with its headers, and gets no span."""
    with CapturingBackend() as backend:
        answer = await asked(exporter(backend.endpoint, headers={"x-scope-orgid": "shop"}))
        (came,) = backend.requests
    assert (answer.code, answer.endpoint, answer.tls) == ("OK", backend.endpoint, False)
    assert (came.payload, came.headers["x-scope-orgid"]) == (b"", "shop")


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.UNIMPLEMENTED])
async def test_a_refusal_is_reported_in_its_words(code: grpc.StatusCode) -> None:
    """The status by its name, and what the backend said with it."""
    with CapturingBackend([Answer(code, "not like this")]) as backend:
        answer = await asked(exporter(backend.endpoint))
    assert (answer.code, answer.words) == (code.name, "not like this")


async def test_nobody_there() -> None:
    """A port that nobody listens on any more is UNAVAILABLE."""
    with CapturingBackend() as backend:
        endpoint = backend.endpoint
    assert (await asked(exporter(endpoint))).code == "UNAVAILABLE"


async def test_hidden_headers_are_not_sent() -> None:
    """What stands for a secret is no secret; asking with it would only mislead."""
    with CapturingBackend() as backend:
        answer = await asked(exporter(backend.endpoint, headers={"authorization": f"{HIDDEN}7"}))
        assert backend.requests == []
    assert answer.code is None
    assert "--config" in answer.words


@pytest.fixture(scope="module")
def certified() -> Iterator[CapturingBackend]:
    """A backend with TLS, by an authority that nobody knows."""
    issued = trustme.CA().issue_cert("localhost")
    pair = (issued.private_key_pem.bytes(), issued.cert_chain_pems[0].bytes())
    with CapturingBackend(credentials=grpc.ssl_server_credentials([pair])) as backend:
        yield backend


@pytest.mark.parametrize(
    ("tls", "means"),
    [
        ({"insecure": True}, "hangs up on plain text"),
        ({"insecure": False}, "its certificate is not trusted"),
    ],
)
async def test_a_backend_with_tls(
    certified: CapturingBackend, tls: dict[str, bool], means: str
) -> None:
    """What grpc says of a handshake is understood, whichever side is wrong."""
    answer = await asked(exporter(f"localhost:{certified.port}", tls=tls))
    assert means in one(answers(facts(backends=(answer,)))).what


async def test_a_backend_without_tls() -> None:
    """An exporter whose tls: is not set speaks TLS, which surprises many."""
    with CapturingBackend() as backend:
        answer = await asked(exporter(backend.endpoint, tls={}))
    assert (
        "it speaks plain text, and this exporter TLS"
        in one(answers(facts(backends=(answer,)))).what
    )


async def test_a_tls_file_that_cannot_be_read(tmp_path: Path) -> None:
    """It is named; the backend is not asked."""
    tls = {"ca_file": str(tmp_path / "none.pem")}
    answer = await asked(exporter("127.0.0.1:1", tls=tls))
    assert (answer.code, answer.tls) == ("TLS_FILE", True)
    assert "none.pem cannot be read" in answer.words
