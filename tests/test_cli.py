"""The command line: what it says, and with which status it ends."""

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tailsampler.access.credentials import Credentials
from tailsampler.cli import main
from tailsampler.demo.run import GRPC_URL, HTTP_URL
from tailsampler.demo.settings import demo_settings
from tailsampler.errors import ControlError, StartError
from tailsampler.settings import machine
from tailsampler.settings.load import parse
from tailsampler.settings.root import Settings

GOOD = "sampling: {policies: [{name: all, sample_rate: 1}]}\n"
ID = "4bf92f3577b34da6a3ce929d0e0e4736"


def call(*args: str, **options: Any) -> Result:
    return CliRunner().invoke(main, args, **options)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory without a configuration, and an environment without settings.

    On a disk, wherever temporary files really are.
    """
    monkeypatch.setattr(machine, "lives_in_memory", lambda _: False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TAILSAMPLER_CONFIG", raising=False)
    return tmp_path


@pytest.fixture
def written(here: Path) -> Path:
    path = here / "gateway.yaml"
    path.write_text(GOOD)
    return path


class Stand:
    """Stands for a part of the program that is imported when it is called."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch = monkeypatch
        self.calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
        self.answer: Any = None

    def put(self, module: str, name: str) -> None:
        def function(*args: Any, **options: Any) -> Any:
            self.calls.append((args, options))
            if isinstance(self.answer, Exception):
                raise self.answer
            return self.answer

        fake = ModuleType(module)
        setattr(fake, name, function)
        self.monkeypatch.setitem(sys.modules, module, fake)

    def core(self) -> None:
        class CoreError(Exception):
            pass

        def check_plan(plan: str) -> None:
            self.calls.append(((plan,), {}))
            if self.answer:
                raise CoreError("bad_plan", self.answer)

        fake = ModuleType("tailsampler._core")
        fake.__dict__.update(CoreError=CoreError, check_plan=check_plan, __version__="1.2.3")
        self.monkeypatch.setitem(sys.modules, "tailsampler._core", fake)


@pytest.fixture
def stand(monkeypatch: pytest.MonkeyPatch) -> Stand:
    return Stand(monkeypatch)


@pytest.fixture
def no_core(monkeypatch: pytest.MonkeyPatch) -> None:
    """An import of a module that is None fails."""
    monkeypatch.setitem(sys.modules, "tailsampler._core", None)


def test_help_teaches_the_first_steps() -> None:
    """What it is, what to type first, and what the exit status means."""
    result = call("--help")
    assert result.exit_code == 0
    for words in (
        "The first minute",
        "tailsampler run --demo",
        "http://127.0.0.1:7317",
        "tailsampler top",
        "tailsampler check",
        "4317",
        "Exit status",
    ):
        assert words in result.output


@pytest.mark.parametrize("command", sorted(main.commands))
def test_every_command_has_help(command: str) -> None:
    """A sentence and its options, without a module of the data plane or of the SDK."""
    result = call(command, "--help")
    assert result.exit_code == 0
    assert "Options:" in result.output


@pytest.mark.parametrize("command", sorted(set(main.commands) - {"version", "gateway"}))
def test_help_teaches_by_examples(command: str) -> None:
    """Each command that takes a thought shows how it is typed."""
    assert f"  tailsampler {command.replace('validate', 'check')}" in call(command, "--help").output


@pytest.mark.usefixtures("no_core")
def test_check_shows_the_chain_and_what_may_be_lost(written: Path) -> None:
    """In words a person on call understands."""
    result = call("check", str(written))
    assert result.exit_code == 0, result.output
    for words in ("1. all: every trace; all kept.", "10s", "when the power goes", "primary"):
        assert words in result.output


@pytest.mark.usefixtures("no_core")
def test_validate_is_check(written: Path) -> None:
    """Whoever types the other word gets the same answer."""
    assert call("validate", str(written)).output == call("check", str(written)).output


@pytest.mark.usefixtures("here", "no_core")
def test_check_without_a_file_judges_the_built_in_defaults() -> None:
    """The same that run would start with."""
    result = call("check")
    assert result.exit_code == 0
    assert "built-in defaults" in result.output
    assert "fd70a3d70a3d71" in result.output


@pytest.mark.usefixtures("no_core")
def test_check_finds_the_default_file_of_the_working_directory(here: Path) -> None:
    """config/tailsampler.yaml, if it is there; TAILSAMPLER_CONFIG and --config go before it."""
    (here / "config").mkdir()
    (here / "config" / "tailsampler.yaml").write_text(GOOD)
    assert "config/tailsampler.yaml" in call("check").output


@pytest.mark.usefixtures("no_core")
def test_check_reports_every_problem_and_ends_with_1(here: Path) -> None:
    """A finding, on standard error, one line each."""
    (here / "bad.yaml").write_text("buffer: {max_bytes: 8G}\nlate: {max_age: 5}\n")
    result = call("check", "bad.yaml")
    assert result.exit_code == 1
    lines = result.stderr.splitlines()
    assert [line.split(" ")[0] for line in lines] == ["bad.yaml:1:21", "bad.yaml:2:17"]
    body = json.loads(call("check", "bad.yaml", "--json").stdout)
    assert body["ok"] is False
    assert body["errors"][0] == {
        "code": "unknown_size_unit",
        "at": {"file": "bad.yaml", "line": 1, "column": 21, "key": "buffer.max_bytes"},
        "say": "8G has no known unit; write 8GiB",
    }


@pytest.mark.usefixtures("here", "no_core")
def test_check_of_a_missing_file_ends_with_2() -> None:
    """It could not be done, which is no finding."""
    result = call("check", "missing.yaml")
    assert result.exit_code == 2
    assert "missing.yaml" in result.stderr


@pytest.mark.usefixtures("no_core")
def test_check_speaks_json(written: Path) -> None:
    """Chain, exporters, loss window and warnings; the configuration too, if asked for."""
    body = json.loads(call("check", str(written), "--json", "--print-config").stdout)
    assert body["ok"] is True
    assert body["chain"][0]["name"] == "all"
    assert body["sentences"] == ["all: every trace; all kept."]
    assert body["warnings"] == []
    assert body["config"]["buffer"]["max_bytes"] == "8GiB"
    assert "config" not in json.loads(call("check", str(written), "--json").stdout)


@pytest.mark.usefixtures("no_core")
@pytest.mark.parametrize(
    ("mode", "window"),
    [
        ("always", "no accepted span is lost when the process dies or the power goes"),
        ("{interval: 200ms}", "when the power goes, at most the last 200ms of accepted spans"),
        ("never", "about 40 s of accepted spans with Linux's defaults"),
    ],
)
def test_check_says_what_each_mode_of_fsync_may_lose(here: Path, mode: str, window: str) -> None:
    """One sentence, for people and for programs."""
    (here / "f.yaml").write_text(f"{GOOD}buffer: {{fsync: {mode}}}\n")
    assert window in json.loads(call("check", "f.yaml", "--json").stdout)["loss_window"]
    assert window in " ".join(call("check", "f.yaml").output.split())


@pytest.mark.usefixtures("no_core")
def test_check_suggests_drain_where_the_directory_is_memory(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It warns of what a rollout would lose, and explains the bound where drain is set."""
    monkeypatch.setattr(machine, "lives_in_memory", lambda _: True)
    (here / "f.yaml").write_text(GOOD)
    [warning] = json.loads(call("check", "f.yaml", "--json").stdout)["warnings"]
    assert "shutdown: {mode: drain}" in warning
    (here / "f.yaml").write_text(GOOD + "shutdown: {mode: drain, export_within: 25s}\n")
    output = " ".join(call("check", "f.yaml").output.split())
    assert "warning" not in output
    assert "exporters have 25s to send what is kept" in output


@pytest.mark.usefixtures("no_core")
def test_print_config_prints_a_configuration_without_secrets(here: Path) -> None:
    """Every default filled in."""
    (here / "f.yaml").write_text(
        GOOD + "export: [{type: otlp_grpc, endpoint: 'a:1', headers: {x: '${env:TOKEN}'}}]\n"
    )
    result = call("check", "f.yaml", "--print-config", env={"TOKEN": "hunter2"})
    assert result.exit_code == 0
    assert "hunter2" not in result.output
    settings = parse(result.stdout, environ={})
    assert settings.sampling == parse(GOOD, environ={}).sampling


def test_check_asks_the_data_plane_too(written: Path, stand: Stand) -> None:
    """Where it is built; what it refuses is a finding."""
    stand.core()
    assert call("check", str(written)).exit_code == 0
    assert json.loads(stand.calls[0][0][0])["rules"][0]["name"] == "all"
    stand.answer = "two rules are called all; rename one"
    result = call("check", str(written))
    assert result.exit_code == 1
    assert "two rules are called all" in result.stderr


def test_warnings_are_shown_and_do_not_fail(here: Path, stand: Stand) -> None:
    """A chain without a default, and a door that is open to everybody."""
    stand.core()
    (here / "f.yaml").write_text(
        "sampling: {policies: [{name: a, service_name: x, sample_rate: 1}]}\n"
        "receive: {otlp_grpc: {endpoint: 0.0.0.0:4317}}\n"
    )
    result = call("check", "f.yaml")
    assert result.exit_code == 0
    assert result.output.count("warning:") == 2
    assert "is dropped" in result.output


@pytest.mark.parametrize("command", ["run", "gateway"])
def test_run_hands_the_settings_to_the_app(command: str, written: Path, stand: Stand) -> None:
    """With the data directory of the command line, and the app's status at the end."""
    stand.core()
    stand.put("tailsampler.app", "run")
    stand.answer = 0
    result = call(command, "--config", str(written), "--data-directory", "/elsewhere")
    assert result.exit_code == 0, result.output
    ((settings,), options), *more = stand.calls
    assert more == []
    assert options == {"config_file": str(written), "demo": False}
    assert isinstance(settings, Settings)
    assert settings.data_directory == Path("/elsewhere")
    assert str(written) in result.stderr


@pytest.mark.usefixtures("here")
def test_run_demo_has_settings_of_its_own(stand: Stand) -> None:
    """Unless a configuration is named; then that one is used as it is."""
    stand.core()
    stand.put("tailsampler.app", "run")
    result = call("run", "--demo")
    assert result.exit_code == 0, result.output
    [((settings,), options)] = stand.calls
    assert settings == demo_settings()
    assert options == {"config_file": None, "demo": True}
    assert "data directory: data/demo" in result.stderr


def test_run_demo_uses_the_configuration_that_is_named(written: Path, stand: Stand) -> None:
    """The operator's chain judges the demo's traces."""
    stand.core()
    stand.put("tailsampler.app", "run")
    assert call("run", "--demo", "--config", str(written)).exit_code == 0
    [((settings,), options)] = stand.calls
    assert [policy.name for policy in settings.sampling.policies] == ["all"]
    assert options == {"config_file": str(written), "demo": True}


@pytest.mark.usefixtures("no_core")
def test_run_demo_ignores_the_default_file(here: Path, stand: Stand) -> None:
    """A file that merely lies there is not named: the demo is the same everywhere."""
    (here / "config").mkdir()
    (here / "config" / "tailsampler.yaml").write_text(GOOD)
    stand.core()
    stand.put("tailsampler.app", "run")
    call("run", "--demo")
    [((settings,), _)] = stand.calls
    assert settings == demo_settings()


def test_run_that_cannot_start_ends_with_2(written: Path, stand: Stand) -> None:
    """In words, without a traceback."""
    stand.core()
    stand.put("tailsampler.app", "run")
    stand.answer = StartError("directory_in_use", "data is in use; stop the other gateway")
    result = call("run", "--config", str(written))
    assert result.exit_code == 2
    assert "stop the other gateway" in result.stderr
    assert "Traceback" not in result.output


def test_run_with_a_wrong_configuration_ends_with_2(here: Path, stand: Stand) -> None:
    """Nothing is started."""
    stand.core()
    stand.put("tailsampler.app", "run")
    (here / "bad.yaml").write_text("buffer: {max_bytes: 8G}\n")
    result = call("run", "--config", "bad.yaml")
    assert result.exit_code == 2
    assert "write 8GiB" in result.stderr
    assert stand.calls == []


@pytest.mark.usefixtures("no_core")
def test_run_without_the_data_plane_says_how_to_build_it(written: Path) -> None:
    """Not an ImportError."""
    result = call("run", "--config", str(written))
    assert result.exit_code == 2
    assert "make setup" in result.stderr


@pytest.mark.parametrize("status", [0, 1])
def test_explain_asks_the_gateway(status: int, stand: Stand) -> None:
    """The id in small letters, and the answer's status."""
    stand.put("tailsampler.explain", "explain")
    stand.answer = status
    result = call("explain", ID.upper(), "--json")
    assert result.exit_code == status
    wanted = {"endpoint": "http://127.0.0.1:7317", "as_json": True, "credentials": Credentials()}
    assert stand.calls == [((ID,), wanted)]


def test_explain_ends_with_2_when_the_gateway_cannot_be_asked(stand: Stand) -> None:
    """A trace that is not known is something else."""
    stand.put("tailsampler.explain", "explain")
    stand.answer = ControlError("unreachable", "nothing listens there; start the gateway")
    assert call("explain", ID).exit_code == 2


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (ID.upper(), ID),
        ("abc", "abc".zfill(32)),
        ("0x4bf92f3577b34da6", "4bf92f3577b34da6".zfill(32)),
        ("4bf92f35-77b3-4da6-a3ce-929d0e0e4736", ID),
    ],
)
def test_explain_takes_ids_as_people_paste_them(typed: str, meant: str, stand: Stand) -> None:
    """Upper case, without the zeros in front, as a UUID."""
    stand.put("tailsampler.explain", "explain")
    call("explain", typed)
    [((asked,), _)] = stand.calls
    assert asked == meant


@pytest.mark.parametrize("wrong", ["", ID + "0", "0" * 32, "g" * 32])
def test_explain_refuses_what_is_no_trace_id(wrong: str, stand: Stand) -> None:
    """Before anybody is asked, with what to write instead."""
    stand.put("tailsampler.explain", "explain")
    result = call("explain", wrong)
    assert result.exit_code == 2
    assert "write" in result.stderr
    assert stand.calls == []


def test_demo_sends_to_both_doors_of_a_local_gateway(stand: Stand) -> None:
    """With nothing said: at its default rate, until a signal."""
    options = demo_options(stand)
    assert options["grpc_url"] == "http://127.0.0.1:4317"
    assert options["http_url"] == "http://127.0.0.1:4318"
    assert options["for_s"] is None


@pytest.mark.parametrize("option", ["--for", "--duration"])
@pytest.mark.parametrize(("typed", "seconds"), [("10m", 600.0), ("1.5", 1.5), ("500ms", 0.5)])
def test_demo_ends_after_a_duration(option: str, typed: str, seconds: float, stand: Stand) -> None:
    """Spelled as in the configuration, or in seconds."""
    assert demo_options(stand, option, typed)["for_s"] == seconds


def test_demo_sends_to_the_one_address_that_is_given(stand: Stand) -> None:
    """Also a backend that has only one of both doors can be tried."""
    options = demo_options(stand, "--endpoint", "http://tempo:4318", "--rate", "5", "--seed", "3")
    assert (options["http_url"], options["grpc_url"]) == ("http://tempo:4318", None)
    assert (options["rate"], options["seed"]) == (5.0, 3)


@pytest.mark.parametrize("wrong", [("--for", "soon"), ("--rate", "0"), ("--for", "-1s")])
def test_demo_refuses_what_makes_no_sense(wrong: tuple[str, str], stand: Stand) -> None:
    """Before anything is sent."""
    stand.put("tailsampler.demo.run", "run")
    assert call("demo", *wrong).exit_code == 2
    assert stand.calls == []


def demo_options(stand: Stand, *args: str) -> dict[str, Any]:
    stand.put("tailsampler.demo.run", "run")
    fake = sys.modules["tailsampler.demo.run"].__dict__
    fake.update(GRPC_URL=GRPC_URL, HTTP_URL=HTTP_URL, Options=dict)
    result = call("demo", *args)
    assert result.exit_code == 0, result.output
    [((options,), _)] = stand.calls
    assert isinstance(options, dict)
    return options


SHOWN = Credentials(tls=True)


def test_top_watches_the_control_service(stand: Stand) -> None:
    """The address, the pace, and how often."""
    stand.put("tailsampler.top.run", "top")
    assert call("top", "--interval", "500ms", "--once", "--tls").exit_code == 0
    wanted = {"interval_s": 0.5, "once": True, "as_json": False, "credentials": SHOWN}
    assert stand.calls == [(("127.0.0.1:7318",), wanted)]


def test_version_names_the_parts(stand: Stand) -> None:
    """Program, data plane, Python."""
    stand.core()
    assert "core 1.2.3" in call("version").output
    body = json.loads(call("version", "--json").stdout)
    assert set(body) == {"tailsampler", "core", "python"}
    assert body["core"] == "1.2.3"


@pytest.mark.usefixtures("no_core")
def test_version_works_without_the_data_plane() -> None:
    """It is the first thing that is asked in a bug report."""
    assert "core not built" in call("version").output
