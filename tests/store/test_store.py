"""What the store promises beyond the answers that a list would give."""

import random
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from tailsampler.store.options import Options
from tailsampler.store.query import Needs, Term
from tailsampler.store.traces import TraceStore
from tailsampler.testing.clock import ManualClock
from tailsampler.testing.spans import Value, request, resource, span, trace, trace_id_of
from tailsampler.traces.model import Trace, decode
from tests.store.opened import opened
from tests.store.strategies import INDEXED

DAY_S = 86_400


def payload(*trace_ids: int) -> bytes:
    spans = [span for number in trace_ids for span in trace(number)]
    return request(resource("shop", *spans)).SerializeToString()


def with_attribute(number: int, key: str, value: Value) -> bytes:
    one = span(trace_id=number, start_ms=number, attributes={key: value})
    return request(resource("shop", one)).SerializeToString()


def found(store: TraceStore, *terms: Term) -> list[int]:
    """Traces that the store asks about, the newest first."""
    asked: list[int] = []

    def note(_: object, trace: Trace) -> None:
        asked.append(int.from_bytes(trace.trace_id, "big"))

    needs = Needs(clauses=tuple(frozenset({term}) for term in terms))
    store.search(needs, note, limit=1_000, deadline=lambda: False)
    return asked


def test_a_trace_keeps_its_resources_and_scopes(tmp_path: Path) -> None:
    """Nothing of a span is lost: schema, scope, events and links come out as they went in."""
    one = span(trace_id=1)
    one.events.add(name="exception", time_unix_nano=5)
    one.links.add(trace_id=trace_id_of(9), span_id=b"12345678")
    message = request(resource("shop", one, span(trace_id=1, span_id=2)))
    message.resource_spans[0].schema_url = "https://opentelemetry.io/schemas/1.30.0"
    message.resource_spans[0].scope_spans[0].scope.version = "7"
    with opened(tmp_path) as store:
        store.write(message.SerializeToString())
        stored = store.get(trace_id_of(1))
    assert stored is not None
    assert stored.data == message.SerializeToString()


def test_a_batch_is_stored_whole_or_not_at_all(tmp_path: Path) -> None:
    """Bytes that are no spans change nothing, and say so."""
    with opened(tmp_path) as store:
        with pytest.raises(ValueError, match="no trace data"):
            store.write(payload(1) + b"\xff\xff")
        assert store.totals().traces == 0
        assert store.write(payload(1)).spans == 3


def test_a_trace_grows_up_to_its_bound(tmp_path: Path) -> None:
    """What comes beyond is counted as rejected, also when it is sent again."""
    options = Options(max_trace_bytes=1_000)
    with opened(tmp_path, options) as store:
        big = [span(trace_id=1, span_id=n, attributes={"x": "y" * 300}) for n in range(1, 6)]
        for _ in range(2):
            written = store.write(request(resource("shop", *big)).SerializeToString())
            assert written.rejected == 3
            assert "larger than 1000 bytes" in written.message
        stored = store.get(trace_id_of(1))
        assert stored is not None
        assert stored.row.spans == 2
        only = span(trace_id=2, attributes={"x": "y" * 2_000})
        assert store.write(request(resource("shop", only)).SerializeToString()).rejected == 1
        assert store.get(trace_id_of(2)) is None


def test_the_policy_is_asked_for_where_spans_do_not_say_it(tmp_path: Path) -> None:
    """The attribute wins; what was known once stays known."""
    known: dict[bytes, tuple[str, str]] = {trace_id_of(1): ("slow", "1.2 s")}
    options = Options(policy_of=lambda trace_id: known.pop(trace_id, None))
    said = span(trace_id=2, attributes={"tailsampler.policy": "errors", "tailsampler.reason": "r"})
    with opened(tmp_path, options) as store:
        store.write(request(resource("shop", span(trace_id=1), said)).SerializeToString())
        late = span("late", trace_id=1, span_id=2, parent_id=1)
        store.write(request(resource("shop", late)).SerializeToString())
        rows = {row.trace_id: (row.policy, row.reason) for row in store.rows(Needs(), limit=9)}
        assert rows == {trace_id_of(1): ("slow", "1.2 s"), trace_id_of(2): ("errors", "r")}
        assert found(store, Term("intrinsic", "policy", "slow")) == [1]


def test_a_long_name_is_cut_in_its_row_only(tmp_path: Path) -> None:
    """A name of a megabyte makes no list slow; the span has it whole, and is found by it."""
    name = "n" * 1_000_000
    with opened(tmp_path) as store:
        store.write(request(resource("shop", span(name, trace_id=1))).SerializeToString())
        [row] = store.rows(Needs(), limit=1)
        assert row.name == name[:1_024]
        stored = store.get(trace_id_of(1))
        assert stored is not None
        assert next(decode(stored.data)).spans[0].name == name
        assert found(store, Term("intrinsic", "name", name)) == [1]


@pytest.mark.parametrize("value", ["500", 500, True])
def test_types_are_told_apart(tmp_path: Path, value: str | int) -> None:
    """Text, numbers and flags of the same look are different values; 500 and 500.0 are not."""
    with opened(tmp_path) as store:
        values: tuple[Value, ...] = ("500", 500, 500.0, True, 1)
        for number, one in enumerate(values, start=1):
            store.write(with_attribute(number, "code", one))
        expected = {"500": [1], 500: [3, 2], True: [4]}[value]
        assert found(store, Term("span", "code", value)) == expected


def test_a_key_with_too_many_values_still_finds_all(tmp_path: Path) -> None:
    """Past the bound, values share terms: a search looks at a few more, and misses none."""
    with opened(tmp_path, most_values=10) as store:
        for number in range(1, 200):
            store.write(with_attribute(number, "code", f"value {number}"))
        for number in (3, 50, 199):
            asked = found(store, Term("span", "code", f"value {number}"))
            assert number in asked
            assert len(asked) < 20
        with pytest.raises(ValueError, match="too many values"):
            store.rows(Needs(clauses=(frozenset({Term("span", "code", "value 50")}),)), limit=1)


def test_an_attribute_that_is_newly_indexed_finds_what_was_there(tmp_path: Path) -> None:
    """Until the traces from before are gone, they are read; none is passed over."""
    term = Term("span", "new", "x")
    with opened(tmp_path, Options(indexed=INDEXED)) as store:
        store.write(with_attribute(1, "new", "x"))
        store.write(with_attribute(2, "new", "y"))
    clock = ManualClock()
    with opened(tmp_path, Options(indexed=INDEXED | {"new"}), clock) as store:
        store.write(with_attribute(3, "new", "x"))
        assert found(store, term) == [3, 2, 1]
        with pytest.raises(ValueError, match="no index for span new"):
            store.rows(Needs(clauses=(frozenset({term}),)), limit=1)
        clock.now_s += 2 * DAY_S
        store.write(with_attribute(4, "new", "x"))
        assert found(store, term) == [4]
        assert len(store.rows(Needs(clauses=(frozenset({term}),)), limit=9)) == 1


def test_a_search_ends_at_its_deadline(tmp_path: Path) -> None:
    """It says that it is not complete, and how far it came."""
    with opened(tmp_path) as store:
        for number in range(1, 100):
            store.write(with_attribute(number, "plain", number))
        asked: list[int] = []

        def note(row: object, trace: Trace) -> bool:
            asked.append(trace.start_ns)
            return True

        answer = store.search(Needs(), note, limit=9, deadline=lambda: len(asked) >= 5)
        assert not answer.complete
        assert answer.inspected == len(asked) == 5
        assert answer.oldest_ns == asked[-1] == min(asked)
        late = store.search(Needs(), note, limit=9, deadline=lambda: True)
        assert (late.complete, late.inspected, late.oldest_ns) == (False, 0, None)


def test_readers_and_a_writer_get_along(tmp_path: Path) -> None:
    """Pages read while traces come in: each sees whole traces, and nobody waits for a lock."""
    with opened(tmp_path) as store:
        store.write(payload(0))
        failures: list[BaseException] = []
        done = threading.Event()

        def read() -> None:
            try:
                while not done.is_set():
                    assert all(row.spans == 3 for row in store.rows(Needs(), limit=50))
                    store.search(Needs(), lambda *_: True, limit=5, deadline=lambda: False)
            except BaseException as error:  # noqa: BLE001 - told to the test, below
                failures.append(error)

        readers = [threading.Thread(target=read) for _ in range(3)]
        for reader in readers:
            reader.start()
        for number in range(1, 60):
            store.write(payload(number))
        done.set()
        for reader in readers:
            reader.join()
        assert failures == []
        assert store.totals().traces == 60


def test_old_traces_are_removed(tmp_path: Path) -> None:
    """By the time they were stored, with all that pointed at them."""
    clock = ManualClock()
    options = Options(max_age=timedelta(hours=1), indexed=INDEXED)
    with opened(tmp_path, options, clock) as store:
        store.write(payload(*range(1, 500)))
        store.write(with_attribute(500, "code", "gone"))
        clock.now_s += 1_800
        store.write(with_attribute(501, "code", "stays"))
        assert not store.tidy()
        clock.now_s += 1_900
        while store.tidy():
            pass
        assert [row.trace_id for row in store.rows(Needs(), limit=9)] == [trace_id_of(501)]
        assert store.totals().traces == 1
        assert store.totals().spans == 1
        assert store.get(trace_id_of(1)) is None
        assert store.tag_values(["span"], "code", limit=9) == [Term("span", "code", "stays")]
        with store._file.opened().readers.connect() as connection:
            query = "SELECT count(DISTINCT trace) FROM postings"
            assert connection.exec_driver_sql(query).scalar_one() == 1
        assert store.write(payload(1)).spans == 3


def test_the_file_grows_no_further_than_its_bound(tmp_path: Path) -> None:
    """The oldest arrivals make room, and their pages are used again."""
    bound = 16 << 20
    options = Options(max_bytes=bound, indexed=INDEXED)
    dice = random.Random(3)
    sizes = []
    with opened(tmp_path, options) as store:
        for batch in range(40):
            spans = [
                span(
                    trace_id=batch * 50 + n + 1,
                    attributes={"x": dice.randbytes(12_000), "code": batch * 50 + n},
                )
                for n in range(50)
            ]
            store.write(request(resource("shop", *spans)).SerializeToString())
            sizes.append((tmp_path / "traces.sqlite").stat().st_size)
            assert store.get(trace_id_of(batch * 50 + 50)) is not None
        totals = store.totals()
        assert totals.traces < 40 * 50
        assert store.get(trace_id_of(1)) is None
        assert totals.bytes < bound * 1.25
        # A page more or less: what is removed and what comes are never quite the same size.
        assert max(sizes) - sizes[-10] < 64 << 10


@pytest.mark.parametrize("start_ns", [0, 1 << 63, (1 << 64) - 1])
def test_times_that_lie_are_stored(tmp_path: Path, start_ns: int) -> None:
    """Times past 2262 are shown as its end, and found by any question that they fulfil."""
    one = span(trace_id=1)
    one.start_time_unix_nano, one.end_time_unix_nano = start_ns, (1 << 64) - 1
    with opened(tmp_path) as store:
        store.write(request(resource("shop", one)).SerializeToString())
        [row] = store.rows(Needs(end_ns=1 << 64, min_duration_ns=0), limit=9)
        assert row.start_ns == min(start_ns, (1 << 63) - 1)
        stored = store.get(trace_id_of(1))
        assert stored is not None
        assert next(decode(stored.data)).start_ns == start_ns
