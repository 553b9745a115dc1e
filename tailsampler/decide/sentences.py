"""The chain told in sentences, in its order, as a person would tell it to another.

"1. errors: every trace with HTTP status 500 or 503, or an error status, or a gRPC server fault;
all kept." "2. slow: of the rest, traces that last 1 s or longer; 1 in 10 kept (T = e666...)."
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from tailsampler.decide.plan import NEVER
from tailsampler.decide.policies.errors import ErrorCriterion
from tailsampler.decide.policy import Policy, is_catch_all
from tailsampler.decide.threshold import th, threshold
from tailsampler.settings.units import duration_text, milliseconds


def sentences(policies: Sequence[Policy]) -> Iterator[str]:
    """One a policy, in order; the number in front is the reader's."""
    for index, policy in enumerate(policies):
        what = _first(policy) if index == 0 else _later(policy)
        wait = policy.decision_wait
        held = "" if wait is None else f"; held for {duration_text(wait)}"
        yield f"{policy.name}: {what}; {kept(policy.sample_rate)}{held}."


def kept(rate: float) -> str:
    """``all kept``, ``none kept``, ``1 in 10 kept (T = ...)`` or ``30 % kept (T = ...)``."""
    limit = threshold(rate)
    if limit == NEVER:
        return "none kept"
    if limit == 0:
        return "all kept"
    one_in = 1 / rate
    whole = round(one_in)
    share = f"1 in {whole:,}" if abs(one_in - whole) < 1e-9 * one_in else f"{rate * 100:.6g} %"
    return f"{share} kept (T = {th(limit)})"


def waiting(wait: timedelta, after_root: timedelta | None) -> str:
    """How long traces are held."""
    held = f"A trace is held for {duration_text(wait)} after its first span"
    sooner = "" if after_root is None else f", or {duration_text(after_root)} after its root"
    return f"{held}{sooner}; then it is judged, once."


def chain_doubts(policies: Sequence[Policy], wait: timedelta) -> Iterator[str]:
    """What is allowed, and may not be meant: nothing is kept, or slow traces are judged too soon.

    ``wait`` is ``sampling.decision_wait``.
    """
    for policy in policies:
        if policy.sample_rate == 0:
            yield f"policy {policy.name}: sample_rate is 0, so each trace it matches is dropped"
        least = policy.duration_threshold_ms
        # Before it matches, a trace waits as the default says: no policy has claimed it.
        if least is not None and milliseconds(wait) < least:
            yield (
                f"policy {policy.name}: a trace is judged {duration_text(wait)} after its first "
                f"span, which may be before it has lasted {least} ms; raise "
                "sampling.decision_wait, or lower duration_threshold_ms"
            )


def _first(policy: Policy) -> str:
    return "every trace" if is_catch_all(policy) else f"every trace {_which(policy, 'lasts')}"


def _later(policy: Policy) -> str:
    if is_catch_all(policy):
        return "whatever is left"
    return f"of the rest, traces {_which(policy, 'last')}"


def _which(policy: Policy, last: str) -> str:
    # Errors stand last: their own list of alternatives then cannot be read as one with the others.
    parts = [part for part in (_service(policy), _lasting(policy, last), _errors(policy)) if part]
    return " and ".join(parts)


def _service(policy: Policy) -> str | None:
    names = policy.service_name
    return None if names is None else f"in which {_or(names)} took part"


def _lasting(policy: Policy, last: str) -> str | None:
    least = policy.duration_threshold_ms
    return None if least is None else f"that {last} {_span(least)} or longer"


def _errors(policy: ErrorCriterion) -> str | None:
    codes = sorted(set(policy.error_status_codes or ()))
    if not codes and not policy.error_status:
        return None
    parts = [f"HTTP status {_or([str(code) for code in codes])}"] if codes else []
    if policy.error_status is not False:
        parts += ["an error status", "a gRPC server fault"]
    return "with " + ", or ".join(parts)


def _or(words: Sequence[str]) -> str:
    return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _span(ms: int) -> str:
    return f"{ms:,} ms" if ms % 1000 else f"{ms // 1000:,} s"
