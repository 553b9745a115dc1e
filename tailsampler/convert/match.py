"""What a native policy can ask for, and how far that is from what was asked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from tailsampler.settings.values import shown

LONGEST_MS = 2**63 // 1_000_000


@dataclass(frozen=True, slots=True)
class Match:
    """The criteria of one native policy; all of them must hold, none matches every trace."""

    services: tuple[str, ...] | None = None
    least_ms: int | None = None
    codes: tuple[int, ...] | None = None
    """HTTP status codes on any span."""
    status: bool = False
    """Also span status ERROR and gRPC faults, as ``error_status`` has it."""
    wider: tuple[str, ...] = ()
    """Traces that match though they did not match the source, in words; empty: none."""
    narrower: tuple[str, ...] = ()
    """Traces that do not match though they did."""

    @property
    def everything(self) -> bool:
        """Whether every trace matches."""
        return not (self.services or self.least_ms or self._errors)

    @property
    def _errors(self) -> bool:
        return self.codes is not None or self.status

    def criteria(self) -> dict[str, Any]:
        """As a native policy spells them."""
        data: dict[str, Any] = {}
        if self.codes is not None:
            data["error_status_codes"] = list(self.codes)
        if self._errors and not (self.codes is not None and self.status):
            data["error_status"] = self.status
        if self.least_ms:
            data["duration_threshold_ms"] = self.least_ms
        if self.services is not None:
            one = len(self.services) == 1
            data["service_name"] = self.services[0] if one else list(self.services)
        return data

    def but(self, words: str) -> Match:
        """The same, matching more than it should."""
        return replace(self, wider=(*self.wider, words))


EVERYTHING = Match()


def both(one: Match, other: Match) -> Match:
    """Where both hold. A native policy has one list of a kind; what does not fit is left aside."""
    wider = (*one.wider, *other.wider)
    services, aside = _narrowest(one.services, other.services)
    if aside:
        wider = (*wider, f"traces without the service {' or '.join(map(shown, aside))}")
    errors, more = _errors(one, other)
    return Match(
        services=services,
        least_ms=max((each for each in (one.least_ms, other.least_ms) if each), default=None),
        codes=errors.codes,
        status=errors.status,
        wider=(*wider, *more),
        narrower=(*one.narrower, *other.narrower),
    )


def _narrowest(
    one: tuple[str, ...] | None, other: tuple[str, ...] | None
) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """The list that implies the other, and the one that is left aside where none does."""
    if one is None or other is None:
        return (other if one is None else one), ()
    if set(one) <= set(other):
        return one, ()
    return other, () if set(other) <= set(one) else one


def _errors(one: Match, other: Match) -> tuple[Match, tuple[str, ...]]:
    if not one._errors or not other._errors:  # noqa: SLF001 - a Match like this one
        return (other if other._errors else one), ()  # noqa: SLF001 - as above
    if _implies(one, other):
        return one, ()
    if _implies(other, one):
        return other, ()
    return one, ("traces that have one of two kinds of error and not the other",)


def _implies(one: Match, other: Match) -> bool:
    return set(one.codes or ()) <= set(other.codes or ()) and one.status <= other.status
