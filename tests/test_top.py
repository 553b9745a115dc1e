"""``tailsampler top``: rates, the picture as text, and how it finds a gateway again."""

import json
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

import pytest
from rich.console import Console

from tailsampler.control.messages import sample_message
from tailsampler.control.v1 import control_pb2 as pb
from tailsampler.errors import ControlError
from tailsampler.telemetry.ledger import Ledger
from tailsampler.telemetry.status import Phase
from tailsampler.testing.clock import ManualClock
from tailsampler.top import as_json
from tailsampler.top.feed import Feed
from tailsampler.top.picture import picture
from tailsampler.top.rates import Watched
from tailsampler.top.run import top
from tailsampler.top.words import age, per_second, plain, sparkline
from tests.telemetry.fakes import books, ledger, stats, status, verdict

RATES = {"errors": 1.0, "default": 0.05}
FILLED = "\u2588"


def sample(
    *,
    up_s: float = 60.0,
    received: int = 100,
    exported: int = 40,
    error: str = "",
    recent: int = 0,
    rates: dict[str, float] | None = None,
    balanced: bool = True,
) -> pb.StatsSample:
    found = ledger(balanced=balanced)
    changed = books(received=received, exported=exported)
    # What was not exported was dropped, so that the books stay balanced.
    changed["dropped"] = {"policy": received - exported - 16, "backend_refused": 1}
    pair = {"spans": changed, "bytes": changed}
    found.update(pair, exporters={"tempo": pair})
    gateway = status(Phase.READY)
    assert isinstance(gateway.clock, ManualClock)
    gateway.clock.now_s += up_s - 60.0
    gateway.exporters["tempo"].last_error = error
    newest = [verdict(kept=number % 2 == 0) for number in range(recent)]
    return sample_message(Ledger.of(found), stats(), newest, gateway, rates or RATES)


def watched(*samples: pb.StatsSample) -> Watched:
    found = Watched()
    for one in samples:
        found.add(one)
    return found


def text(shown: Watched, width: int = 80, height: int | None = 24, trouble: str = "") -> str:
    console = Console(width=width, color_system=None)
    with console.capture() as captured:
        console.print(picture(shown, width, height, trouble))
    return captured.get()


def test_rates_are_differences_over_the_gateways_own_time() -> None:
    """Not over ours: a sample that comes late is not a lull."""
    found = watched(sample(), sample(up_s=62.0, received=300, exported=60))
    assert found.flows["received"] == 100.0
    assert found.flows["exported"] == 10.0
    assert found.flows["dropped on purpose"] == 90.0
    assert found.flows["lost"] == 0.0
    assert found.exporters == {"tempo": 10.0}


def test_rates_begin_anew_with_the_gateway() -> None:
    """A restart is no negative rate, and no jump."""
    found = watched(sample(up_s=100.0), sample(up_s=1.0, received=900))
    assert found.flows == {}
    assert found.policies == {}


def test_the_picture_says_how_it_is_going() -> None:
    """Ready, balanced, held; every flow, policy and exporter."""
    shown = text(watched(sample(), sample(up_s=61.0, received=300)))
    assert "tailsampler 1.2.3  ready, up 1 m 1 s  balanced  held 15 (oldest 1.5 s)" in shown
    for words in ("received", "200/s", "1. errors", "100 %", "2. default", "5 %", "tempo", "well"):
        assert words in shown
    assert FILLED in shown


def test_books_that_are_not_balanced_cannot_be_overlooked() -> None:
    """It is the one thing that must never be."""
    assert "BOOKS NOT BALANCED" in text(watched(sample(balanced=False)))


def test_an_exporter_that_fails_says_why() -> None:
    """In its own words, without what could steer the terminal."""
    shown = text(watched(sample(error="refused \x1b[2Jby tempo")), width=120)
    assert "failing, again in 0.0 s: refused  [2Jby tempo" in shown


def test_verdicts_fill_what_is_left() -> None:
    """The newest with its trace id, to be pasted into `explain`."""
    shown = text(watched(sample(recent=30)), height=24)
    assert verdict()["trace_id"] in shown
    assert "dropped" in shown


@pytest.mark.parametrize("width", [30, 50, 80, 200])
@pytest.mark.parametrize("height", [10, 24, 60])
@pytest.mark.parametrize("policies", [2, 40])
def test_it_fits_every_terminal(width: int, height: int, policies: int) -> None:
    """No line is wider than the window, and where there is room for a table none is cut off."""
    rates = {f"policy-{number}-with-a-long-name": 0.5 for number in range(policies)}
    found = watched(sample(), sample(up_s=61.0, received=300, recent=40, rates=rates))
    lines = text(found, width, height).splitlines()
    assert max(len(line) for line in lines) <= width
    if height >= 24:
        assert len(lines) <= height
        assert any("tempo" in line for line in lines)
    if policies == 40:
        assert any("more" in line for line in lines) == (height < 60)


def test_trouble_stands_over_the_last_numbers() -> None:
    """They are old, and it says so."""
    shown = text(watched(sample()), trouble="not answering, trying again in 2 s: gone")
    assert "not answering, trying again in 2 s" in shown
    assert "received" in shown
    assert "not answering" in text(Watched(), trouble="not answering")


@dataclass
class Gateways:
    """One gateway after the other, each for some samples; then the feed is closed."""

    lives: list[int]
    feed: Feed | None = None
    waits: list[float] = field(default_factory=list)
    closed: int = 0

    def connect(self) -> "Gateways":
        return self

    def watch(self, interval_s: float, recent: int) -> Generator[pb.StatsSample, None, None]:
        for _ in range(self.lives.pop(0)):
            yield sample()
        raise ControlError("unreachable", "cannot reach it")

    def close(self) -> None:
        self.closed += 1

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        return not self.lives


def test_a_gateway_that_restarts_is_found_again() -> None:
    """By a new connection every two seconds; each failure is told."""
    gateways = Gateways([2, 0, 1])
    feed = Feed(gateways.connect, 1.0, gateways.wait)
    feed.start()
    kinds = [type(feed.items.get(timeout=30)).__name__ for _ in range(6)]
    feed.close()
    wanted = ["StatsSample", "StatsSample", "ControlError", "ControlError", "StatsSample"]
    assert kinds == [*wanted, "ControlError"]
    assert gateways.waits == [2.0, 2.0, 2.0]
    assert gateways.closed >= 3


def test_json_has_the_names_of_the_admin_api() -> None:
    """One object on one line; no rates before there are any."""
    line = as_json.line(watched(sample()))
    assert "\n" not in line
    found: dict[str, Any] = json.loads(line)
    assert found["spans"]["held"] == {"buffer": 10, "outbox": 5}
    assert found["spans_per_second"] is None
    assert [one["name"] for one in found["policies"]] == ["errors", "default"]
    later = json.loads(as_json.line(watched(sample(), sample(up_s=61.0, received=300))))
    assert later["spans_per_second"]["received"] == 200.0


@pytest.mark.parametrize(
    ("endpoint", "interval_s", "words"),
    [
        ("http://127.0.0.1:7318", 1.0, "127.0.0.1:7318"),
        ("nowhere", 1.0, "port"),
        ("127.0.0.1:1", 0.01, "100ms"),
        ("127.0.0.1:1", 1.0, r"cannot reach 127\.0\.0\.1:1"),
    ],
)
def test_what_cannot_be_asked_is_an_error_in_words(
    endpoint: str, interval_s: float, words: str
) -> None:
    """And ends a call that is made once."""
    with pytest.raises(ControlError, match=words):
        top(endpoint, interval_s=interval_s, once=True, as_json=False)


@pytest.mark.parametrize(
    ("values", "width", "bars"),
    [
        ([], 5, ""),
        ([0.0, 0.0], 5, ""),
        ([1.0, 2.0], 0, ""),
        ([0.0, 4.0, 8.0], 5, " \u2585\u2588"),
        ([9.0, 1.0, 1.0], 2, "\u2588\u2588"),
    ],
)
def test_bars_show_the_newest_values(values: list[float], width: int, bars: str) -> None:
    """The highest that is shown is full, and nothing has no bar."""
    assert sparkline(values, width) == bars


def test_numbers_are_short() -> None:
    """They fit into a column, and still say enough."""
    assert [per_second(value) for value in (None, 0, 1.25, 12_345.6)] == [
        "-",
        "0/s",
        "1.2/s",
        "12,346/s",
    ]
    assert [age(value) for value in (4.23, 200, 7_500, 273_600)] == [
        "4.2 s",
        "3 m 20 s",
        "2 h 5 m",
        "3 d 4 h",
    ]
    assert plain("x" * 300) == "x" * 200 + "..."
