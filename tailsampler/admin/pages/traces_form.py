"""The search form of the traces page: what its fields mean, as TraceQL and as ``Needs``."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Final, Self
from urllib.parse import urlencode

from tailsampler.store.query import Needs, Term
from tailsampler.traces.traceql import Query, needs, parse
from tailsampler.traces.traceql.literals import duration_ns

NS_PER_S: Final = 1_000_000_000
STATUSES: Final = ("error", "ok", "unset")
SINCE: Final = {
    "5m": ("last 5 minutes", 300),
    "15m": ("last 15 minutes", 900),
    "1h": ("last hour", 3_600),
    "6h": ("last 6 hours", 21_600),
    "24h": ("last 24 hours", 86_400),
    "7d": ("last 7 days", 604_800),
}
"""What a choice of time is called, and its length in seconds; by what stands in the address."""
LIMITS: Final = (20, 50, 100, 250)
SORTS: Final = ("newest", "longest")

_LONGEST_FIELD: Final = 4_096
_PAIR: Final = re.compile(r'\s*([^\s="]+)=("(?:[^"\\]|\\.)*"|[^\s"]+)(?=\s|$)')
_NUMBER: Final = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,15})?")
_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_./-]+")
_UNSAFE: Final = re.compile(r'["\\\x00-\x1f\x7f]')


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The fields as they stand in the address; empty means any.

    Whatever somebody typed is shown to them again, so nothing is refused here: ``problems`` says
    what cannot be searched for.
    """

    service: str = ""
    name: str = ""
    status: str = ""
    policy: str = ""
    min: str = ""
    max: str = ""
    since: str = ""
    start: str = ""
    """Seconds since 1970, as Tempo has it; with ``end`` a time that does not move on."""
    end: str = ""
    attributes: str = ""
    q: str = ""
    sort: str = "newest"
    limit: str = "50"

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Self:
        """From the query string; what is not known is left out."""
        names = [each.name for each in fields(cls)]
        given = {name: query[name].strip()[:_LONGEST_FIELD] for name in names if query.get(name)}
        return cls(**{name: value for name, value in given.items() if value})

    def problems(self) -> dict[str, str]:
        """What is wrong with a field, and what to write, by field."""
        found = {}
        for name in ("min", "max"):
            try:
                _duration_ns(getattr(self, name))
            except ValueError as error:
                found[name] = str(error)
        if not found and self.min and self.max and self._min_ns > self._max_ns:
            found["max"] = f"{self.max} is under {self.min}; no trace lasts both"
        for name in ("start", "end"):
            if not re.fullmatch(r"[0-9]{0,11}", getattr(self, name)):
                found[name] = "write seconds since 1970, e.g. 1700000000"
        for name, allowed in (
            ("status", STATUSES),
            ("since", SINCE),
            ("sort", SORTS),
            ("limit", [str(limit) for limit in LIMITS]),
        ):
            value = getattr(self, name)
            if value and value not in allowed:
                found[name] = f"{value[:40]!r} is not known; choose one of {', '.join(allowed)}"
        try:
            list(_pairs(self.attributes))
        except ValueError as error:
            found["attributes"] = str(error)
        return found

    @property
    def traceql(self) -> str:
        """The search as TraceQL, without its time range."""
        own = " && ".join(self._conditions())
        # The policy stands on the root span, the rest on any one span.
        policy = f"span.tailsampler.policy = {_quoted(self.policy)}" if self.policy else ""
        parts = [f"{{ {part} }}" for part in (own, policy) if part]
        if self.q:
            parts.append(f"({self.q})" if parts else self.q)
        return " && ".join(parts) or "{ }"

    def query(self) -> Query:
        """The same, parsed. Raises ``TraceQLError``, whose place is one in ``q``."""
        if self.q:
            parse(self.q)
        return parse(self.traceql)

    def needs(self, now_ns: int) -> Needs:
        """What ``query`` needs, within the time range. Raises ``TraceQLError``."""
        return self._within(needs(self.query()), now_ns)

    def whole_needs(self, now_ns: int) -> Needs | None:
        """All that is asked for, where ``Needs`` can say it; None where spans must be looked at."""
        clauses = [frozenset({term}) for term in self._terms()]
        if self.q or self.attributes or len(clauses) > 1:
            return None
        if self.policy:
            clauses.append(frozenset({Term("intrinsic", "policy", self.policy)}))
        lasting = Needs(
            clauses=tuple(clauses),
            min_duration_ns=self._min_ns,
            max_duration_ns=self._max_ns if self.max else None,
        )
        return self._within(lasting, now_ns)

    @property
    def is_open(self) -> bool:
        """Whether every trace matches."""
        return self == Form(sort=self.sort, limit=self.limit)

    def address(self, **changes: str) -> str:
        """The page of this search, ``changes`` made: the permalink."""
        query = self.query_string(**changes)
        return f"/traces?{query}" if query else "/traces"

    def query_string(self, **changes: str) -> str:
        """What stands after the question mark; defaults are left out."""
        plain, changed = Form(), replace(self, **changes)
        pairs = [(each.name, getattr(changed, each.name)) for each in fields(Form)]
        return urlencode([(name, value) for name, value in pairs if value != getattr(plain, name)])

    def api_address(self, now_ns: int) -> str:
        """The same search in Tempo's API."""
        within = self._within(Needs(), now_ns)
        query: dict[str, str | int] = {"q": self.traceql, "limit": self.limit}
        if within.start_ns is not None:
            query["start"] = within.start_ns // NS_PER_S
            query["end"] = -(-(within.end_ns or now_ns) // NS_PER_S)
        return f"/api/search?{urlencode(query)}"

    @property
    def _min_ns(self) -> int:
        return _duration_ns(self.min)

    @property
    def _max_ns(self) -> int:
        return _duration_ns(self.max)

    def _within(self, found: Needs, now_ns: int) -> Needs:
        start_ns = int(self.start) * NS_PER_S if self.start else None
        end_ns = int(self.end) * NS_PER_S if self.end else None
        if start_ns is None and end_ns is None and self.since:
            start_ns = now_ns - SINCE[self.since][1] * NS_PER_S
        return replace(found, start_ns=start_ns, end_ns=end_ns)

    def _terms(self) -> Iterator[Term]:
        if self.service:
            yield Term("resource", "service.name", self.service)
        if self.name:
            yield Term("intrinsic", "name", self.name)
        if self.status:
            yield Term("intrinsic", "status", self.status)

    def _conditions(self) -> Iterator[str]:
        if self.service:
            yield f"resource.service.name = {_quoted(self.service)}"
        if self.name:
            yield f"name = {_quoted(self.name)}"
        if self.status:
            yield f"status = {self.status}"
        for key, value in _pairs(self.attributes):
            yield f"{key} = {value}"
        if self.min:
            yield f"trace:duration >= {_spelled(self._min_ns)}"
        if self.max:
            yield f"trace:duration <= {_spelled(self._max_ns)}"


def _duration_ns(text: str) -> int:
    """Milliseconds if there is no unit; 0 if there is nothing."""
    if not text:
        return 0
    spelling = text.replace(" ", "").replace("min", "m")
    plain = re.fullmatch(r"[0-9]+(?:\.[0-9]*)?", spelling)
    return min(duration_ns(f"{spelling}ms" if plain else spelling), 1 << 62)


def _spelled(nanoseconds: int) -> str:
    for unit in ("h", "m", "s", "ms", "us"):
        whole, rest = divmod(nanoseconds, duration_ns(f"1{unit}"))
        if whole and not rest:
            return f"{whole}{unit}"
    return f"{nanoseconds}ns"


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    """Key and value as TraceQL writes them; ``ValueError`` says what to write."""
    end = 0
    while end < len(text):
        found = _PAIR.match(text, end)
        if not found:
            rest = text[end:].strip()[:40]
            raise ValueError(f'{rest!r} is no key=value; e.g. http.route=/cart or note="two words"')
        key, value = found[1], found[2]
        spelled = f".{key}" if _BARE_KEY.fullmatch(key) else f".{_quoted(key)}"
        typed = value.startswith('"') or value in {"true", "false"} or _NUMBER.fullmatch(value)
        yield spelled, value if typed else _quoted(value)
        end = found.end()


def _quoted(text: str) -> str:
    return f'"{_UNSAFE.sub(_escape, text)}"'


def _escape(found: re.Match[str]) -> str:
    letter = found[0]
    return f"\\{letter}" if letter in '"\\' else f"\\u{ord(letter):04x}"
