"""The oracle's process: senders, books and backend, which outlive every gateway.

It takes one question a line on standard input, as JSON with ``ask`` and arguments, and answers
each with one line. It ends with its input.
"""

from __future__ import annotations

import argparse
import json
import sys
import traceback
from collections.abc import Callable
from typing import Any

from tests.faults.crash.backend import Backend
from tests.faults.crash.books import Books
from tests.faults.crash.load import Load
from tests.faults.crash.workload import Workload

Json = dict[str, Any]


class Oracle:
    """What may be asked."""

    def __init__(self, books: Books, load: Load, backend: Backend) -> None:
        self._books, self._load, self._backend = books, load, backend

    def hello(self) -> Json:
        """Where to export to."""
        return {"endpoint": self._backend.endpoint}

    def start(self, otlp_grpc: str, otlp_http: str, senders: int) -> Json:
        """Begin to send."""
        self._load.start(otlp_grpc, otlp_http, senders)
        return {}

    def stop(self) -> Json:
        """Send no more; what the senders know by now."""
        self._load.stop()
        return {"counts": self._books.counts(), "words": sorted(self._load.words)}

    def trouble(self, kind: str, seconds: float) -> Json:
        """Have the backend be away, or slow."""
        self._backend.trouble(kind, seconds)
        return {}

    def sample(self, most: int) -> Json:
        """Traces to ask the gateway about."""
        return {"traces": self._books.sample(most)}

    def judge(self) -> Json:
        """Compare all that was sent with all that arrived; nothing may be held."""
        totals = self._books.judge()
        self._load.workload.next_epoch()
        finding = self._books.finding
        return {
            "totals": totals,
            "findings": dict(finding.counts),
            "examples": finding.examples,
            "words": sorted(self._load.words),
        }


def main() -> None:
    """Answer until nobody asks any more."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--spans-a-second", type=float)
    arguments = parser.parse_args()
    books = Books()
    load = Load(books, Workload(arguments.seed), arguments.spans_a_second)
    with Backend(books, arguments.seed) as backend:
        serve(Oracle(books, load, backend))
        load.stop()


def serve(oracle: object) -> None:
    """Answer each line of standard input by the method that it names."""
    for line in sys.stdin:
        question = json.loads(line)
        method: Callable[..., Json] = getattr(oracle, question.pop("ask"))
        try:
            answer = method(**question)
        except Exception:  # noqa: BLE001 - whatever it is, the one who asked must hear of it
            answer = {"error": traceback.format_exc()}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
