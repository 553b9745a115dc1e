"""A side that answers Tempo's search: a Tempo, or a gateway with its local trace store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from yarl import URL

from tailsampler.admin.trace_ids import parse_trace_id
from tailsampler.compare.asking import Answer, Asker
from tailsampler.compare.collected import Collected, again
from tailsampler.compare.files import Progress
from tailsampler.compare.spans import BadRequestError, MessageRequest
from tailsampler.errors import ControlError

LIMIT: Final = 1_000
"""Traces a search; more is refused by a gateway's own store."""
_LONGEST_S: Final = 3_600
_MOST_LIMIT: Final = 100_000
_NS_PER_MS: Final = 1_000_000
_MOST_NS: Final = (1 << 64) - 1


class Tempo:
    """Everything that was kept in a time, found by searches that each find all of their slice."""

    def __init__(self, asker: Asker, url: URL, tenant: str | None = None) -> None:
        """``tenant``: what Tempo's ``X-Scope-OrgID`` says."""
        self._asker = asker
        self._url = url
        self._headers = {} if tenant is None else {"X-Scope-OrgID": tenant}
        self._incomplete = 0

    async def collect(self, begin_s: int, end_s: int, tell: Progress) -> Collected:
        """Every trace that has a part within these seconds since 1970; ``tell`` is told seconds.

        Raises ``ControlError``: it cannot be asked, or one second holds more than it tells.
        """
        found = Collected(combine=again)
        # The latest first, as a stack: what is left of it is what is still to be asked for.
        slices = [
            (at, min(at + _LONGEST_S, end_s), LIMIT) for at in range(begin_s, end_s, _LONGEST_S)
        ]
        while slices:
            tell(end_s - begin_s - sum(end - at for at, end, _ in slices), end_s - begin_s)
            at, end, limit = slices.pop()
            hits, complete = await self._search(at, end, limit)
            if len(hits) < limit and (complete or end - at == 1):
                self._incomplete += not complete
                self._take(found, hits)
            elif end - at > 1:
                middle = (at + end) // 2
                slices += [(at, middle, limit), (middle, end, limit)]
            elif limit < _MOST_LIMIT:
                slices.append((at, end, limit * 10))
            else:
                raise self._too_many(at, limit)
        if self._incomplete:
            say = f"{self._incomplete:,} searches of {self._url} did not look at everything"
            found.notes.append(f"{say}: traces may be missing here that are there")
        return found

    async def trace(self, trace_id: bytes) -> bytes | None:
        """The spans of one trace as a request in protobuf; None if it is not there."""
        answer = await self._asker.get(
            self._url / "api/traces" / trace_id.hex(),
            headers={**self._headers, "Accept": "application/protobuf"},
        )
        if answer.status == 404:
            return None
        self._well(answer)
        try:
            MessageRequest.parse(answer.body)
        except BadRequestError as error:
            raise ControlError("not_tempo", f"{answer.url} is no trace: {error}") from error
        return answer.body

    async def _search(self, at: int, end: int, limit: int) -> tuple[list[Any], bool]:
        # A span of each trace is enough: how many there are is said beside it.
        asked = {"q": "{}", "start": str(at), "end": str(end), "limit": str(limit), "spss": "1"}
        url = self._url / "api/search"
        answer = await self._asker.get(url, params=asked, headers=self._headers)
        if answer.status == 400 and limit > LIMIT:
            raise self._too_many(at, limit // 10)
        self._well(answer)
        body = answer.json()
        hits, metrics = body.get("traces") or [], body.get("metrics") or {}
        if not isinstance(hits, list) or not isinstance(metrics, dict):
            raise ControlError("not_tempo", f"{answer.url} did not answer as Tempo does")
        done, of = (metrics.get(key, 0) for key in ("completedJobs", "totalJobs"))
        return hits, done == of

    def _take(self, found: Collected, hits: list[Any]) -> None:
        for hit in hits:
            try:
                trace_id = parse_trace_id(hit["traceID"])
                start_ns = int(hit.get("startTimeUnixNano", 0))
                last_ns = start_ns + int(hit.get("durationMs", 0)) * _NS_PER_MS
                spans = _spans(hit)
            except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
                say = f"{self._url} found what is no trace ({str(hit)[:100]!r})"
                raise ControlError("not_tempo", say) from error
            if 0 <= start_ns <= last_ns <= _MOST_NS:
                found.add(trace_id, spans, 0, start_ns, last_ns)

    def _well(self, answer: Answer) -> None:
        if answer.status == 200:
            return
        if answer.status in {401, 403}:
            say = f"{answer.url} refused; --token-file is shown to gateways named by --verdicts"
            raise ControlError("refused", f"{say}, --tenants names tenants of a Tempo")
        say = f"{answer.url} answered {answer.status}: {answer.words()}"
        raise ControlError("not_tempo", f"{say}; name the address of Tempo's HTTP API")

    def _too_many(self, at: int, limit: int) -> ControlError:
        say = (
            f"{self._url} holds more than {limit:,} traces of one second ({at} s since 1970), and "
            "tells no more of them at once; compare files of a file exporter"
        )
        return ControlError("too_many_traces", say)


def _spans(hit: Mapping[str, Any]) -> int:
    """How many the search counted: of a trace in several blocks it may be some."""
    sets = hit.get("spanSets") or [hit.get("spanSet") or {}]
    return max(0, min(max(int(one.get("matched", 0)) for one in sets), (1 << 32) - 1))
