"""What is read, from a gateway that a test plays."""

from pathlib import Path
from typing import Any

import pytest

from tailsampler.doctor.gather import Options, gather
from tailsampler.doctor.probe import HIDDEN
from tailsampler.errors import ControlError
from tailsampler.settings.effective import effective
from tailsampler.settings.export import OtlpGrpcExporter
from tailsampler.settings.root import Settings
from tailsampler.testing.clock import ManualClock
from tests.doctor.builders import ledger, settings, tempo
from tests.telemetry.fakes import stats, verdict

URL = "http://127.0.0.1:7317"
TWO = """
export:
  - {type: otlp_grpc, name: a, endpoint: 'a:1', headers: {authorization: one}}
  - {type: local}
"""


def status(**changes: Any) -> dict[str, Any]:
    well: dict[str, Any] = {
        "version": "0",
        "ready": True,
        "troubles": [],
        "uptime_seconds": 1.0,
        "wall_ns": 1_003_000_000_000,
        "ledger": ledger(),
        "stats": stats(),
        "window": {"seconds": 60.0, "increase": [[["spans", "received"], 60]]},
        "exporters": {},
        "contained": {},
        "machine": {"disk_free": 7},
        "recent": [],
    }
    return {**well, **changes}


class Played:
    """A gateway with these answers by path; anything else is a 404 or not there at all."""

    def __init__(self, answers: dict[str, Any] | None = None) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def __call__(self, url: str) -> tuple[int, dict[str, Any]]:
        self.asked.append(url)
        if self.answers is None:
            raise ControlError("unreachable", f"cannot ask {url}; --endpoint says where to ask")
        path = url.removeprefix(URL).partition("?")[0]
        if path in self.answers:
            return 200, self.answers[path]
        return 404, {}


def gateway(config: Settings, **changes: Any) -> Played:
    told = {"config": effective(config), "file": None, "addresses": {}}
    return Played({"/api/v1/status": status(**changes), "/api/v1/config": told})


def options(ask: Played, **changes: Any) -> Options:
    given: dict[str, Any] = {
        "settings": None,
        "settings_name": "f.yaml",
        "fallback": Settings(),
        "fallback_name": "built-in defaults",
        "url": None,
        "backends": False,
        "collector": None,
    }
    return Options(**{**given, **changes}, ask=ask)


def test_the_configuration_is_that_of_the_gateway() -> None:
    """Where no file is named, what runs is judged, with its machine and its clock."""
    facts = gather(options(gateway(settings("late: {max_age: 1h}"))), ManualClock())
    assert facts.settings.late.max_age.total_seconds() == 3600
    assert facts.config_name == f"the gateway at {URL}"
    assert (facts.machine.disk_free, facts.running) == (7, None)
    assert facts.live is not None
    # The clock of the test says 1,000 s.
    assert facts.live.wall_ahead_s == 3.0


def test_hidden_secrets_differ_and_are_known_as_such() -> None:
    """Nothing takes them for the secrets themselves."""
    facts = gather(options(gateway(settings(TWO))), ManualClock())
    exporter = facts.settings.export[0]
    assert isinstance(exporter, OtlpGrpcExporter)
    assert exporter.headers["authorization"].get_secret_value().startswith(HIDDEN)


def test_a_file_is_compared_with_what_runs() -> None:
    """The file is judged, and both are kept."""
    runs, file = settings(tempo()), settings("late: {max_age: 1h}")
    facts = gather(options(gateway(runs), settings=file), ManualClock())
    assert (facts.settings, facts.config_name) == (file, "f.yaml")
    assert facts.running == effective(runs)


def test_no_gateway() -> None:
    """Unless one was named the file alone is judged."""
    facts = gather(options(Played()), ManualClock())
    assert (facts.live, facts.config_name) == (None, "built-in defaults")
    assert facts.why_not_live == f"none answers at {URL}"
    with pytest.raises(ControlError, match="--url says where"):
        gather(options(Played(), url=URL), ManualClock())


def test_something_else_on_that_port() -> None:
    """A server without the address is no gateway, or one of an older version."""
    assert gather(options(Played({})), ManualClock()).live is None
    with pytest.raises(ControlError, match="older version"):
        gather(options(Played({}), url=URL), ManualClock())


def test_a_gateway_of_another_version() -> None:
    """Settings that are not known here are an error in words, and no guess."""
    odd = gateway(Settings())
    assert odd.answers is not None
    odd.answers["/api/v1/config"] = {"config": {"new": 1}}
    with pytest.raises(ControlError, match="use the doctor of its version"):
        gather(options(odd), ManualClock())


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("admin: {endpoint: '127.0.0.1:9'}", "http://127.0.0.1:9"),
        ("admin: {endpoint: '127.0.0.1:0'}", URL),
    ],
)
def test_the_gateway_is_where_the_settings_say(text: str, url: str) -> None:
    """A free port is known to nobody, so the default is tried."""
    ask = Played()
    gather(options(ask, settings=settings(text)), ManualClock())
    assert ask.asked == [f"{url}/api/v1/status?recent=128"]


def test_the_gateway_is_where_it_wrote_down(tmp_path: Path) -> None:
    """Its own word is better than the settings."""
    (tmp_path / "addresses.json").write_text('{"admin": "127.0.0.1:8"}')
    ask = Played()
    gather(options(ask, settings=settings(f"data_directory: {tmp_path}")), ManualClock())
    assert ask.asked[0].startswith("http://127.0.0.1:8/")


def test_kept_traces_are_read_from_the_local_store() -> None:
    """Those of the newest verdicts that kept; what is not there is left out."""
    kept, gone = verdict(trace_id="ab" * 16), verdict(trace_id="cd" * 16)
    recent = [kept, gone, verdict(kept=False)]
    ask = gateway(settings(TWO), recent=recent)
    assert ask.answers is not None
    span = {"traceId": "q" * 22 + "==", "spanId": "q" * 11 + "=", "name": "GET /"}
    ask.answers[f"/api/v2/traces/{'ab' * 16}"] = {
        "trace": {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
    }
    facts = gather(options(ask), ManualClock())
    assert facts.stored is not None
    (stored,) = facts.stored
    assert stored.trace.spans[0].name == "GET /"
    assert (stored.judged_ns, stored.spans) == (kept["judged_at_ns"], kept["spans"])
    elsewhere = gather(options(gateway(settings(tempo()), recent=recent)), ManualClock())
    assert elsewhere.stored is None
