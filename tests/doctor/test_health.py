"""What the gateway knows of itself."""

import json
from typing import Any

from tailsampler.doctor import health
from tailsampler.doctor.finding import Severity
from tailsampler.settings.effective import effective
from tailsampler.telemetry.reasons import DROP_REASONS
from tests.doctor.builders import facts, ledger, live, one, settings


def dropped(reason: str, count: int) -> dict[str, Any]:
    books = ledger()
    books["spans"]["dropped"] = {"policy": 100 - count, reason: count}
    return books


def test_books_that_do_not_balance() -> None:
    """They are added up here once more, whatever the gateway says of them."""
    books = ledger()
    books["spans"]["exported"] = 899
    found = one(health.unbalanced(facts(live=live(ledger=books))))
    assert (found.id, found.severity) == ("ledger-unbalanced", Severity.HARM_NOW)
    assert found.evidence[0].say.endswith("1 missing")
    assert list(health.unbalanced(facts())) == []
    assert list(health.unbalanced(facts(live=None))) == []


def test_spans_that_were_lost() -> None:
    """An old loss is told, a growing one is harm."""
    old = one(health.losses(facts(live=live(ledger=dropped("corrupt", 7)))))
    assert (old.id, old.severity) == ("spans-lost", Severity.WILL_HURT)
    assert old.what.startswith("7 accepted spans were lost as corrupt. ")
    assert old.what.endswith(DROP_REASONS["corrupt"].sentence)
    grows = live(ledger=dropped("corrupt", 7), increase={("spans", "dropped", "corrupt"): 2})
    assert one(health.losses(facts(live=grows))).severity is Severity.HARM_NOW


def test_what_was_dropped_on_purpose_is_no_loss() -> None:
    """Policies drop; what backends refuse is told elsewhere."""
    assert list(health.losses(facts())) == []
    assert list(health.losses(facts(live=live(ledger=dropped("backend_refused", 7))))) == []
    assert list(health.losses(facts(live=None))) == []


def test_troubles() -> None:
    """Not ready is harm; failures that were survived will hurt."""
    unready = live(ready=False, troubles=[{"component": "writer", "say": "It has ended."}])
    found = one(health.troubles(facts(live=unready)))
    assert (found.id, found.severity) == ("gateway-in-trouble", Severity.HARM_NOW)
    assert found.evidence[0].say == "It has ended."
    assert found.what == "The gateway is not ready."
    survived = one(health.troubles(facts(live=live(contained={"history": 3}))))
    assert survived.severity is Severity.WILL_HURT
    assert survived.evidence[0].say.endswith("history 3")
    assert one(health.troubles(facts(live=live(ready=False)))).evidence
    assert list(health.troubles(facts())) == []
    assert list(health.troubles(facts(live=None))) == []


def test_overdue_verdicts() -> None:
    """Ten seconds beyond the longest wait, which is 10 s here."""
    found = one(health.behind(facts(live=live(ledger=ledger(oldest_held_seconds=20.1)))))
    assert (found.id, found.severity) == ("verdicts-overdue", Severity.HARM_NOW)
    assert found.evidence[0].say == "the oldest held trace is 20.1 s old"
    assert list(health.behind(facts(live=live(ledger=ledger(oldest_held_seconds=20.0))))) == []
    assert list(health.behind(facts(live=None))) == []


def test_silence() -> None:
    """Nothing in the first minute; before that nobody can know."""
    books = ledger()
    books["spans"]["received"] = 0
    found = one(health.silence(facts(live=live(ledger=books, uptime_seconds=60.0))))
    assert (found.id, found.severity) == ("nothing-received", Severity.HINT)
    assert list(health.silence(facts(live=live(ledger=books, uptime_seconds=59.9)))) == []
    assert list(health.silence(facts())) == []
    assert list(health.silence(facts(live=None))) == []


def test_a_file_that_is_not_in_force() -> None:
    """The keys that differ are named; the same settings are no finding."""
    runs = json.loads(json.dumps(effective(settings("late: {max_age: 1h}"))))
    found = one(health.not_what_runs(facts(running=runs)))
    assert (found.id, found.severity) == ("config-not-in-force", Severity.HINT)
    assert found.evidence[0].say == "differs in late.max_age"
    never = json.loads(json.dumps(effective(settings("buffer: {fsync: never}"))))
    assert one(health.not_what_runs(facts(running=never))).evidence[0].say.endswith("buffer.fsync")
    text = "buffer: {max_bytes: 1GiB, segment_bytes: 1MiB, fsync: always}\n"
    text += "late: {max_age: 1h, max_traces: 1}\noutbox: {max_bytes: 1GiB}\n"
    text += "decisions: {max_bytes: 2GiB}\nsampling: {decision_wait: 1s%s}\n"
    eight = json.loads(json.dumps(effective(settings(text % ""))))
    told = one(health.not_what_runs(facts(running=eight))).evidence[0].say
    assert told.count(",") == 7
    assert "more" not in told
    nine = json.loads(json.dumps(effective(settings(text % ", annotate: false"))))
    assert one(health.not_what_runs(facts(running=nine))).evidence[0].say.endswith(" and 1 more")
    same = json.loads(json.dumps(effective(settings())))
    assert list(health.not_what_runs(facts(running=same))) == []
    assert list(health.not_what_runs(facts(running=None))) == []
