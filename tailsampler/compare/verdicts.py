"""What gateways say of a trace that one side lacks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from yarl import URL

from tailsampler.compare.asking import AT_ONCE, Asker, together
from tailsampler.compare.files import Progress
from tailsampler.errors import ControlError
from tailsampler.explain import sentences

MOST_UNKNOWN: Final = 100
"""Answers of that kind after which nobody is asked any more: a gateway reads its whole verdict log
for each trace that it does not remember."""

_KNOWN_TO_ALL: Final = ("Trace ", "Spans that come late")


class Verdict(BaseModel):
    """What of an answer of ``/api/v1/decisions`` is needed here."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    state: Literal["held", "judged"]
    kept: bool = False
    policy: str | None = None
    reason: str = ""
    early: str | None = None
    spans: int = Field(ge=0)
    judged_at_ns: int = Field(default=0, ge=0, lt=1 << 63)
    due_in_s: float = Field(default=0, allow_inf_nan=False)
    gateway: str
    why: tuple[str, ...] = ()
    """How it came about, in the words of ``tailsampler explain``."""

    @property
    def at(self) -> str:
        """When it fell."""
        moment = datetime.fromtimestamp(self.judged_at_ns / 1e9, tz=UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Unasked:
    """Stands for what nobody was asked about."""


UNASKED: Final = Unasked()
Said = Verdict | None | Unasked
"""None: no gateway knows the trace."""


class Gateways:
    """Asked one after another, until one has judged the trace."""

    def __init__(self, asker: Asker, urls: Sequence[URL]) -> None:
        """``urls``: their admin listeners."""
        self._asker = asker
        self._urls = urls
        self.unknown = 0

    async def ask(self, trace_ids: Sequence[bytes], tell: Progress) -> dict[bytes, Said]:
        """What is said of each; ``tell`` is told traces. Raises ``ControlError``."""
        said: dict[bytes, Said] = {}
        for at in range(0, len(trace_ids), AT_ONCE):
            few = trace_ids[at : at + AT_ONCE]
            if not self._urls or self.unknown >= MOST_UNKNOWN:
                said.update(dict.fromkeys(few, UNASKED))
                continue
            said.update(zip(few, await together(map(self._of, few)), strict=True))
            tell(at + len(few), len(trace_ids))
        return said

    async def _of(self, trace_id: bytes) -> Verdict | None:
        known = [
            verdict for url in self._urls if (verdict := await self._one(url, trace_id)) is not None
        ]
        self.unknown += not known
        # One that keeps goes before one that drops, and either before one that waits.
        return max(known, key=lambda one: (one.state == "judged", one.kept), default=None)

    async def _one(self, url: URL, trace_id: bytes) -> Verdict | None:
        answer = await self._asker.get(url / "api/v1/decisions" / trace_id.hex())
        body = answer.json()
        if answer.status == 404 and body.get("code") == "unknown_trace":
            return None
        if answer.status in {401, 403}:
            say = f"{answer.url} refused: {body.get('say')}; --token-file names a token"
            raise ControlError("refused", say)
        if answer.status == 200:
            try:
                why = tuple(_why(body))
                return Verdict.model_validate({**body, "gateway": str(url), "why": why})
            except (ValidationError, KeyError, TypeError, ValueError, AttributeError):
                pass  # the same as any other answer that is none
        say = f"{answer.url} did not answer as a gateway does; --verdicts names admin addresses"
        raise ControlError("not_a_gateway", say)


def _why(body: Mapping[str, Any]) -> Iterator[str]:
    return (say for say in sentences(body) if not say.startswith(_KNOWN_TO_ALL))
