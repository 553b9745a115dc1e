"""What a start found, in the log and in a sentence."""

import json
from typing import Any

from structlog.testing import capture_logs

from tailsampler.telemetry.found import Found
from tests.telemetry.fakes import found

TAIL = {"log": "buffer", "path": "buffer/00.log", "position": 96, "bytes": 40, "at_end": True}
FLIP = {**TAIL, "position": 4_096, "at_end": False}
LOSS = {"lost": {"spans": 12, "bytes": 3_240, "requests": 1}, "damage": [FLIP]}


def start(**changes: Any) -> Found:
    return Found.parse(json.dumps(found(**changes)))


def test_a_clean_start_is_one_quiet_line() -> None:
    """Counts and time, and no warning."""
    with capture_logs() as logs:
        start().say()
    [line] = logs
    assert (line["event"], line["log_level"]) == ("started.replayed", "info")
    assert (line["requests"], line["held_spans"], line["took_s"]) == (7, 10, 0.25)
    assert "lost_spans" not in line
    assert start().sentence.endswith("in 0.2 s; nothing was lost.")


def test_a_torn_tail_is_no_damage() -> None:
    """That is how a log looks when its writer was killed."""
    torn = start(damage=[TAIL], notes=["the last 40 bytes of buffer/00.log are a torn record"])
    assert torn.clean
    with capture_logs() as logs:
        torn.say()
    assert [(line["log_level"], len(line["notes"])) for line in logs] == [("info", 1)]


def test_a_loss_is_a_warning_with_numbers_and_a_way_out() -> None:
    """How much, where, and what to do."""
    with capture_logs() as logs:
        start(**LOSS).say()
    [line] = logs
    assert line["log_level"] == "warning"
    assert (line["lost_spans"], line["lost_bytes"], line["lost_requests"]) == (12, 3_240, 1)
    assert line["damaged"] == ["buffer/00.log:4096+40"]
    assert "12 spans of 1 request could not be read back" in line["message"]
    assert "Look at the disk" in line["message"]
    assert "12 spans of 1 request" in start(**LOSS).sentence


def test_what_is_quarantined_is_no_clean_start() -> None:
    """It is on the disk and in nobody's hands: a person has to look."""
    assert not start(quarantined={"spans": 3}).clean
    assert "3 spans are quarantined" in start(quarantined={"spans": 3}).sentence
