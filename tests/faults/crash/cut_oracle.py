"""The oracle of power cuts: everything is kept, so each acknowledged span can be asked for.

It has two backends: one for the gateway that goes on, one for those that are started on copies.
"""

from __future__ import annotations

import argparse
import threading
from time import monotonic

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.faults.crash.asking import Json
from tests.faults.crash.backend import Backend
from tests.faults.crash.books import Answer, Books, Request
from tests.faults.crash.load import Load
from tests.faults.crash.oracle import serve
from tests.faults.crash.prints import prints
from tests.faults.crash.workload import Part, Workload


class CutBooks(Books):
    """Requests that were acknowledged, oldest first, and when each span arrived."""

    def __init__(self) -> None:
        super().__init__()
        self.guard = threading.Lock()
        self.entered: list[Request] = []
        self.digests: dict[bytes, bytes] = {}
        self.arrived_s: dict[bytes, float] = {}

    def send(self, part: Part) -> Request:
        """Enter a request."""
        request = super().send(part)
        with self.guard:
            self.entered.append(request)
            self.digests |= {one.print.span_id: one.print.digest for one in request.spans}
            self._requests.clear()  # not judged by the other's rules
        return request

    def arrived(self, message: ExportTraceServiceRequest, life: int, *, told: bool = True) -> None:
        """Enter when the first backend took these spans."""
        now = monotonic()
        with self.guard:
            for one in prints(message):
                self.arrived_s.setdefault(one.span_id, now)


class CopyBooks:
    """What the gateways on copies sent since the last cut."""

    def __init__(self, books: CutBooks) -> None:
        self._books = books
        self.guard = threading.Lock()
        self.seen: set[bytes] = set()
        self.altered: set[bytes] = set()

    def arrived(self, message: ExportTraceServiceRequest, life: int, *, told: bool = True) -> None:
        """Enter spans, and whether they look as they were sent."""
        found = list(prints(message))
        with self.guard, self._books.guard:
            for one in found:
                self.seen.add(one.span_id)
                if self._books.digests.get(one.span_id) != one.digest:
                    self.altered.add(one.span_id)  # or never sent at all


class CutOracle:
    """What may be asked."""

    def __init__(self, books: CutBooks, copies: CopyBooks, load: Load, ends: list[str]) -> None:
        self._books, self._copies, self._load, self._ends = books, copies, load, ends

    def hello(self) -> Json:
        """Where the two export to."""
        return {"endpoint": self._ends[0], "copy_endpoint": self._ends[1]}

    def start(self, otlp_grpc: str, otlp_http: str, senders: int) -> Json:
        """Begin to send."""
        self._load.start(otlp_grpc, otlp_http, senders)
        return {}

    def stop(self) -> Json:
        """Send no more."""
        self._load.stop()
        return {"words": sorted(self._load.words)}

    def clear(self) -> Json:
        """A new cut: nothing was seen from its copy yet."""
        with self._copies.guard:
            self._copies.seen.clear()
            self._copies.altered.clear()
        return {}

    def judge(self, begin_s: float, end_s: float) -> Json:
        """What was acknowledged before the copy began and is neither on it nor exported by then.

        Spans that left before the copy ended may be gone from it; they are at the backend.
        """
        owed, missing, oldest_s, requests = 0, 0, 0.0, 0
        with self._copies.guard, self._books.guard:
            there = self._copies.seen
            left = []
            for request in self._books.entered:
                if request.answer is not Answer.ACKNOWLEDGED or request.at_s >= begin_s:
                    left.append(request)
                    continue
                ids = [sent.print.span_id for sent in request.spans]
                arrived = self._books.arrived_s
                waiting = [one for one in ids if arrived.get(one, end_s) >= end_s]
                owed += len(waiting)
                lost = [one for one in waiting if one not in there]
                missing += len(lost)
                requests += bool(lost)
                if lost:
                    oldest_s = max(oldest_s, begin_s - request.at_s)
                if waiting:
                    left.append(request)
            self._books.entered = left
            return {
                "owed": owed,
                "lost": missing,
                "requests_hit": requests,
                "oldest_s": round(oldest_s, 3),
                "on_copy": len(there),
                "altered": len(self._copies.altered),
            }


def main() -> None:
    """Answer until nobody asks any more."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--spans-a-second", type=float, required=True)
    arguments = parser.parse_args()
    books = CutBooks()
    copies = CopyBooks(books)
    load = Load(books, Workload(arguments.seed, keep_all=True), arguments.spans_a_second)
    with Backend(books, arguments.seed) as first, Backend(copies) as second:
        serve(CutOracle(books, copies, load, [first.endpoint, second.endpoint]))
        load.stop()


if __name__ == "__main__":
    main()
