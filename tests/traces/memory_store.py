"""The trace store as a list: too slow for anything but being right."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from tailsampler.store.query import (
    Deadline,
    Found,
    M,
    Matches,
    Needs,
    Row,
    Scope,
    Stored,
    Term,
    Totals,
)
from tailsampler.traces.model import KINDS, STATUSES, Span, Trace, decode


def terms_of(trace: Trace) -> Iterator[Term]:
    """Every term of a trace, once for each span that has it."""
    first = trace.root or trace.spans[0]
    yield Term("intrinsic", "rootName", first.name)
    yield Term("intrinsic", "rootServiceName", first.service)
    policy = first.attributes.get("tailsampler.policy")
    if isinstance(policy, str):
        yield Term("intrinsic", "policy", policy)
    for span in trace.spans:
        yield Term("intrinsic", "name", span.name)
        yield Term("intrinsic", "kind", KINDS[span.kind])
        yield Term("intrinsic", "status", STATUSES[span.status])
        yield from _terms("span", span)
        yield from _terms("resource", span)


def _terms(scope: Scope, span: Span) -> Iterator[Term]:
    found = span.attributes if scope == "span" else span.resource
    for key, value in found.items():
        if isinstance(value, str | int | float | bool):
            yield Term(scope, key, value)


class MemoryStore:
    """Every method looks at every trace. Traces are stored at the time they start."""

    def __init__(self) -> None:
        self._data: dict[bytes, TracesData] = {}

    def write(self, payload: bytes) -> None:
        for group in TracesData.FromString(payload).resource_spans:
            for scoped in group.scope_spans:
                for span in scoped.spans:
                    data = self._data.setdefault(span.trace_id, TracesData())
                    into = data.resource_spans.add(resource=group.resource).scope_spans.add()
                    into.scope.CopyFrom(scoped.scope)
                    into.spans.append(span)

    def get(self, trace_id: bytes) -> Stored | None:
        data = self._data.get(trace_id)
        if data is None:
            return None
        return Stored(self._row(next(decode(data.SerializeToString()))), data.SerializeToString())

    def search(
        self, needs: Needs, matches: Matches[M], *, limit: int, deadline: Deadline
    ) -> Found[M]:
        hits: list[tuple[Row, M]] = []
        inspected, oldest = 0, None
        for row, trace in self._fulfilling(needs):
            if deadline():
                return Found(
                    hits=tuple(hits), inspected=inspected, complete=False, oldest_ns=oldest
                )
            inspected, oldest = inspected + 1, row.start_ns
            match = matches(row, trace)
            if match is not None:
                hits.append((row, match))
            if len(hits) == limit:
                break
        return Found(hits=tuple(hits), inspected=inspected, complete=True, oldest_ns=None)

    def rows(self, needs: Needs, *, limit: int) -> Sequence[Row]:
        return [row for row, _ in islice(self._fulfilling(needs), limit)]

    def tag_names(self) -> Sequence[tuple[Scope, str]]:
        every = {(term.scope, term.key) for _, trace in self._all() for term in terms_of(trace)}
        return sorted(pair for pair in every if pair[0] != "intrinsic")

    def tag_values(self, scopes: Sequence[Scope], key: str, *, limit: int) -> Sequence[Term]:
        counts = Counter(
            term
            for _, trace in self._all()
            for term in terms_of(trace)
            if term.scope in scopes and term.key == key
        )
        return [term for term, _ in counts.most_common(limit)]

    def totals(self) -> Totals:
        rows = [row for row, _ in self._all()]
        return Totals(
            traces=len(rows),
            spans=sum(row.spans for row in rows),
            bytes=sum(row.bytes for row in rows),
            oldest_ns=min((row.stored_ns for row in rows), default=None),
        )

    def _all(self) -> list[tuple[Row, Trace]]:
        traces = [
            trace for data in self._data.values() for trace in decode(data.SerializeToString())
        ]
        traces.sort(key=lambda trace: trace.start_ns, reverse=True)
        return [(self._row(trace), trace) for trace in traces]

    def _fulfilling(self, needs: Needs) -> Iterator[tuple[Row, Trace]]:
        for row, trace in self._all():
            terms = set(terms_of(trace))
            if (
                all(clause & terms for clause in needs.clauses)
                and row.duration_ns >= needs.min_duration_ns
                and (needs.max_duration_ns is None or row.duration_ns <= needs.max_duration_ns)
                and (needs.start_ns is None or row.start_ns >= needs.start_ns)
                and (needs.end_ns is None or row.start_ns < needs.end_ns)
            ):
                yield row, trace

    def _row(self, trace: Trace) -> Row:
        first = trace.root or trace.spans[0]
        return Row(
            trace_id=trace.trace_id,
            service=first.service,
            name=first.name,
            has_root=trace.root is not None,
            start_ns=trace.start_ns,
            duration_ns=trace.duration_ns,
            errors=sum(span.is_error for span in trace.spans),
            policy=str(first.attributes.get("tailsampler.policy", "")),
            reason=str(first.attributes.get("tailsampler.reason", "")),
            spans=len(trace.spans),
            bytes=self._data[trace.trace_id].ByteSize(),
            stored_ns=trace.start_ns,
        )
