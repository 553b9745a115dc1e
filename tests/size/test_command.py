"""`tailsampler size`: what can be asked, and in which forms it is answered."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from ruamel.yaml import YAML

from tailsampler.cli import main, sizing
from tailsampler.settings.fit import fit
from tailsampler.settings.machine import Machine
from tailsampler.settings.root import Settings
from tailsampler.settings.units import parse_size
from tailsampler.size.demand import CHAINS, PROTOCOLS
from tests.needs import ROOT

MIB = 1 << 20
FEW_BODIES = """
receive:
  in_flight_bytes: 1MiB
  otlp_grpc: {max_recv_msg_size_mib: 1}
  otlp_http: {max_request_body_size: 1MiB}
"""


def size(*args: str, rate: str = "100k") -> Result:
    return CliRunner().invoke(main, ["size", "--spans-per-second", rate, *args])


def told(*args: str, rate: str = "100k", status: int = 0) -> dict[str, Any]:
    result = size(*args, "--json", rate=rate)
    assert result.exit_code == status, result.output
    body: dict[str, Any] = json.loads(result.output)
    return body


def test_a_person_reads_every_part_with_its_source() -> None:
    """Cores, memory, disk, what measured them, what is not in them, and what to paste."""
    result = size()
    assert result.exit_code == 0
    for words in (
        "100,000 spans a second for one gateway",
        "cores",
        "waking up",
        "memory",
        "page cache",
        "buffer.max_bytes",
        "outbox.max_bytes",
        "ready again",
        "trace_shapes",
        "limits: {memory:",
        "Not in these numbers:",
        "TLS handshakes",
    ):
        assert words in result.output
    assert max(map(len, result.output.splitlines())) <= 120


def test_numbers_are_written_as_people_do() -> None:
    """With k and M, with separators, sizes and durations as in the configuration."""
    one = told("--decision-wait", "30s", "--bytes-per-span", "2KiB", "--kept", "5%", rate="0.05M")
    assert one["demand"]["spans_per_second"] == 50_000
    assert one["demand"]["decision_wait_s"] == 30
    assert one["demand"]["bytes_per_span"] == 2048
    assert one["demand"]["kept"] == 0.05
    same = [told(rate=rate)["demand"] for rate in ("200000", "200,000", "200_000", "200k")]
    assert all(demand == same[0] for demand in same)


def test_programs_read_the_same() -> None:
    """The sums, and the parts that add up to them."""
    body = told("--gateways", "3", "--missing", "1", rate="300k")
    each = body["each_gateway"]
    assert each["spans_per_second"] == 150_000
    for name, key in (
        ("cores", "cores_busy"),
        ("memory_bytes", "process_memory_bytes"),
        ("written_bytes_per_second", "written_bytes_per_second"),
    ):
        assert sum(part["value"] for part in body["parts"][name]) == pytest.approx(each[key])
    assert body["enough"] is True
    assert body["not_covered"]
    assert set(body["measured"]["results"]) >= {"standard_chain", "latency"}


def test_the_command_line_knows_what_the_model_knows() -> None:
    """Its choices, which stand there twice so that help imports nothing."""
    assert sizing.PROTOCOLS == PROTOCOLS
    assert sizing.CHAINS == CHAINS


@pytest.mark.parametrize(
    ("args", "rate", "words"),
    [
        ((), "0", "write e.g. 200000"),
        ((), "-5", "is not a number"),
        ((), "many", "write e.g. 200000, 200k or 1.5M"),
        ((), "10G", "write e.g. 200000, 200k or 1.5M"),
        ((), "nan", "is not a number"),
        (("--decision-wait", "0s"), "1k", "a wait of nothing"),
        (("--decision-wait", "-10s"), "1k", "is negative"),
        (("--decision-wait", "10 parsecs"), "1k", "is not a duration"),
        (("--bytes-per-span", "0"), "1k", "is no size"),
        (("--bytes-per-span", "-3"), "1k", "is not a size"),
        (("--bytes-per-span", "2KX"), "1k", "write 2KiB"),
        (("--kept", "5"), "1k", "write 5%"),
        (("--kept", "150%"), "1k", "more than 100%"),
        (("--kept", "some"), "1k", "write e.g. 1% or 0.01"),
        (("--headroom", "100%"), "1k", "nothing would be left"),
        (("--spans-per-request", "0"), "1k", "write e.g."),
        (("--spans-per-trace", "0.5"), "1k", "no whole number"),
        (("--gateways", "0"), "1k", "--gateways"),
        (("--missing", "-1"), "1k", "--missing"),
        (("--missing", "1"), "1k", "write --gateways 2"),
        (("--requests-per-trace", "9"), "1k", "raise --spans-per-trace"),
        (("--spans-per-trace", "200", "--requests-per-trace", "1"), "1k", "needs 4 requests"),
        (("--fsync", "sometimes"), "1k", "is not a duration"),
        (("--fsync", "1h"), "1k", "from 10ms to 1m"),
        (("--protocol", "kafka"), "1k", "--protocol"),
        (("--disk-rate", "fast"), "1k", "is not a size"),
        (("--json", "--kubernetes"), "1k", "write one of them"),
    ],
)
def test_nonsense_is_refused_with_what_to_write(
    args: tuple[str, ...], rate: str, words: str
) -> None:
    """Status 2, and no traceback."""
    result = CliRunner().invoke(main, ["size", f"--spans-per-second={rate}", *args])
    assert result.exit_code == 2
    assert isinstance(result.exception, SystemExit)
    assert words in result.output


def test_what_is_not_enough_is_a_finding() -> None:
    """Status 1, in every form."""
    for form in ((), ("--json",), ("--kubernetes",)):
        result = size(*form, rate="20M")
        assert result.exit_code == 1
        assert "write --gateways" in " ".join(result.output.split())


def test_as_many_gateways_as_were_advised_are_enough() -> None:
    """The advice holds, with one that may be missing."""
    say = told("--missing", "1", "--gateways", "2", rate="20M", status=1)["findings"][0]["say"]
    wanted = say.rpartition(" ")[2]
    assert told("--missing", "1", "--gateways", wanted, rate="20M")["enough"]


@pytest.mark.parametrize("rate", ["1", "1k", "100k", "1M"])
@pytest.mark.parametrize("wait", ["1s", "30s"])
def test_what_the_program_takes_of_it_holds_the_load(rate: str, wait: str) -> None:
    """A gateway in that memory, on that volume and with those settings has bounds that suffice."""
    body = told("--decision-wait", wait, rate=rate)
    kubernetes, each = body["kubernetes"], body["each_gateway"]
    written: dict[str, dict[str, str]] = {}
    for key, value in kubernetes["settings"].items():
        section, _, name = key.partition(".")
        written.setdefault(section, {})[name] = value
    there = Machine(
        memory_bytes=parse_size(kubernetes["memory"] + "B"),
        disk_bytes=parse_size(kubernetes["volume"] + "B"),
    )
    settings, _ = fit(Settings.model_validate(written), there)
    index = next(
        part["value"] for part in body["parts"]["memory_bytes"] if part["what"].startswith("index")
    )
    # Bounds are whole MiB, rounded down.
    assert settings.buffer.max_bytes + MIB > each["buffer_bytes"]
    assert settings.outbox.max_bytes + MIB > each["outbox_bytes"]
    assert settings.buffer.max_index_bytes + MIB > index
    total = settings.buffer.max_bytes + settings.outbox.max_bytes + settings.decisions.max_bytes
    assert there.disk_bytes is not None
    assert total <= there.disk_bytes


def test_values_are_those_of_the_chart() -> None:
    """Every key is one that values.yaml has, and memory is request and limit."""
    result = size("--kubernetes", "--decision-wait", "10m", rate="200k")
    values: dict[str, Any] = YAML(typ="safe").load(result.output)
    known = YAML(typ="safe").load(ROOT / "deploy" / "helm" / "tailsampler" / "values.yaml")
    assert values.keys() <= known.keys()
    assert values["resources"]["requests"]["memory"] == values["resources"]["limits"]["memory"]
    assert "cpu" not in values["resources"]["limits"]
    Settings.model_validate(values["config"])
    assert parse_size(values["config"]["buffer"]["max_bytes"]) > 8 << 30


def configured(tmp_path: Path, text: str, *args: str, status: int) -> dict[str, Any]:
    path = tmp_path / "gateway.yaml"
    path.write_text(text)
    return told("--config", str(path), *args, status=status)


def test_a_configuration_says_how_long_traces_wait(tmp_path: Path) -> None:
    """The longest of its waits, and how often it syncs; what is written beside it wins."""
    text = """
buffer: {fsync: {interval: 5s}}
sampling:
  decision_wait: 3s
  policies: [{name: patient, sample_rate: 1, decision_wait: 20s}]
"""
    demand = configured(tmp_path, text, status=0)["demand"]
    assert (demand["decision_wait_s"], demand["fsync"]) == (20, 5)
    assert demand["chain"] == "standard"
    said = configured(tmp_path, text, "--decision-wait", "7s", "--fsync", "always", status=0)
    assert (said["demand"]["decision_wait_s"], said["demand"]["fsync"]) == (7, "always")


def test_a_collectors_block_costs_what_voting_costs(tmp_path: Path) -> None:
    """Of its own wait, which is 30 s by default, and its tick of a second."""
    text = "tail_sampling: {policies: [{name: all, type: always_sample}]}\n"
    demand = configured(tmp_path, text, status=0)["demand"]
    assert (demand["chain"], demand["decision_wait_s"]) == ("contrib", 31)


@pytest.mark.parametrize(
    ("text", "code", "key"),
    [
        ("buffer: {max_bytes: 256MiB}", "buffer_max_bytes_too_small", "buffer.max_bytes"),
        (
            "buffer: {max_index_bytes: 16MiB}",
            "buffer_max_index_bytes_too_small",
            "buffer.max_index_bytes",
        ),
        ("outbox: {max_bytes: 64MiB}", "outbox_max_bytes_too_small", "outbox.max_bytes"),
        (
            FEW_BODIES,
            "receive_in_flight_bytes_too_small",
            "receive.in_flight_bytes",
        ),
        (
            "receive: {rate_limit_spans_per_second: 1000}",
            "rate_limit_too_low",
            "receive.rate_limit_spans_per_second",
        ),
    ],
)
def test_a_bound_that_is_too_small_is_a_finding(
    tmp_path: Path, text: str, code: str, key: str
) -> None:
    """Named by its key, with what happens at it and what to write."""
    (found,) = configured(tmp_path, text, status=1)["findings"]
    assert found["code"] == code
    assert found["say"].startswith(key)


def test_a_bound_as_advised_is_enough(tmp_path: Path) -> None:
    """What it says to write is taken and is well."""
    (found,) = configured(tmp_path, "buffer: {max_bytes: 256MiB}", status=1)["findings"]
    advised = found["say"].split("write ")[1].split()[0]
    assert configured(tmp_path, f"buffer: {{max_bytes: {advised}}}", status=0)["enough"]


def test_what_of_a_configuration_was_not_measured_is_said(tmp_path: Path) -> None:
    """The local store's cost, and a wait after the root that is shorter."""
    text = "sampling: {decision_wait_after_root_received: 1s}\nexport: [{type: local}]\n"
    remarks = " ".join(configured(tmp_path, text, status=0)["remarks"])
    assert "otlp_grpc" in remarks
    assert "decision_wait_after_root_received" in remarks


def test_a_configuration_that_cannot_be_read_ends_with_its_place(tmp_path: Path) -> None:
    """As in every other command."""
    path = tmp_path / "gateway.yaml"
    path.write_text("buffer: {max_byte: 1GiB}\n")
    result = size("--config", str(path))
    assert result.exit_code == 2
    assert "did you mean max_bytes?" in result.output
