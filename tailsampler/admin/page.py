"""The books as a page of plain text."""

from collections.abc import Iterator

from tailsampler.telemetry.ledger import Books, Ledger
from tailsampler.telemetry.reasons import DROP_REASONS, is_intended
from tailsampler.telemetry.status import Status


def ledger_page(ledger: Ledger, status: Status) -> str:
    """All books, aligned, with the invariant spelled out."""
    return "\n".join([*_head(ledger, status), *_books(ledger), *_exporters(ledger, status), ""])


def _head(ledger: Ledger, status: Status) -> Iterator[str]:
    traces = ledger.traces
    yield f"tailsampler {status.version}   {status.phase.value}   up {status.uptime_s:,.0f} s"
    yield ""
    yield (
        f"traces   judged {traces.judged:,} = kept {traces.kept:,} + dropped {traces.dropped:,}"
        f"   waiting {traces.open:,} (the oldest for {ledger.oldest_held_s:.1f} s)"
    )
    yield ""


def _books(ledger: Ledger) -> Iterator[str]:
    spans, octets = ledger.primary.spans, ledger.primary.bytes
    yield f"{'':34}{'spans':>20}{'bytes':>24}"
    yield _row("received", spans.received, octets.received)
    yield _row("= exported", spans.exported, octets.exported)
    for reason in sorted(spans.dropped, key=_policy_first):
        count = spans.dropped[reason]
        note = "   (a loss)" if count and not is_intended(reason) else ""
        yield _row(f"+ dropped {reason}", count, octets.dropped.get(reason, 0), note)
    yield _row("+ held in the buffer", spans.buffer, octets.buffer)
    yield _row("+ held in the outbox", spans.outbox, octets.outbox)
    yield _balance(ledger)
    yield ""
    yield _row("refused at the doors", ledger.refused_spans, ledger.refused_bytes)
    yield f"{'rejected in accepted requests':34}{sum(ledger.rejected.values()):>20,}"
    yield _row("exported again", spans.exported_again, octets.exported_again)
    if spans.restored or octets.restored:
        yield _row("restored, counted twice", spans.restored, octets.restored)
    yield ""
    for reason in sorted(set(spans.dropped) & set(DROP_REASONS), key=_policy_first):
        if spans.dropped[reason]:
            yield f"{reason}: {DROP_REASONS[reason].sentence}"
    yield ""


def _balance(ledger: Ledger) -> str:
    if ledger.balanced:
        return "balanced: every accepted span is accounted for"
    wrong = {"the primary": ledger.primary.spans.missing}
    wrong |= {name: pair.spans.missing for name, pair in ledger.exporters.items()}
    parts = ", ".join(f"{count:,} spans in the books of {name}" for name, count in wrong.items())
    return f"NOT BALANCED: missing {parts}. This is a bug; please report it with this page."


def _exporters(ledger: Ledger, status: Status) -> Iterator[str]:
    now_s = status.clock.monotonic_s()
    yield f"{'exporter':34}{'exported':>20}{'in the outbox':>24}"
    for name, pair in ledger.exporters.items():
        state = status.exporters.get(name)
        yield f"{name:34}{pair.spans.exported:>20,}{pair.spans.outbox:>24,}{_lost(pair.spans)}"
        if state is not None and not state.healthy:
            yield f"    failing, again in {state.pause_s(now_s):.0f} s: {state.last_error}"


def _lost(books: Books) -> str:
    lost = sum(count for reason, count in books.dropped.items() if not is_intended(reason))
    return f"   lost {lost:,}" if lost else ""


def _row(label: str, spans: int, octets: int, note: str = "") -> str:
    return f"{label:34}{spans:>20,}{octets:>24,}{note}"


def _policy_first(reason: str) -> tuple[bool, str]:
    return (not is_intended(reason), reason)
