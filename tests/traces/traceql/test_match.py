"""What queries select, by hand from the documentation of TraceQL."""

import pytest

from tests.traces.traceql.shop import matched

ALL = {10: [1, 2, 3], 11: [4]}
NONE: dict[int, list[int]] = {}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("{}", ALL),
        ("{ true }", ALL),
        ("{ false }", NONE),
        ('{ name = "pay" }', {10: [2], 11: [4]}),
        ("{ span:name = `SELECT` }", {10: [3]}),
        ("{ name != `pay` }", {10: [1, 3]}),
        ("{ status = error }", {10: [3]}),
        ("{ status != error }", {10: [1, 2], 11: [4]}),
        ("{ status = unset }", {10: [1, 2], 11: [4]}),
        ("{ statusMessage = `deadlock` }", {10: [3]}),
        ("{ kind = client }", {10: [2, 3]}),
        ("{ span:kind != client }", {10: [1], 11: [4]}),
        ("{ duration > 900ms }", {10: [1]}),
        ("{ duration >= 900ms }", {10: [1, 2]}),
        ("{ 900ms <= duration }", {10: [1, 2]}),
        ("{ duration = 0.1s }", {10: [3]}),
        ("{ duration < 1m }", ALL),
        ("{ span:duration > 899999999 }", {10: [1, 2]}),
        ("{ traceDuration > 1s }", {10: [1, 2, 3]}),
        ("{ trace:duration <= 20ms }", {11: [4]}),
        ("{ rootName = `GET /cart` }", {10: [1, 2, 3]}),
        ("{ rootName != `x` }", {10: [1, 2, 3]}),
        ("{ rootServiceName = `cart` && name = `pay` }", {10: [2]}),
        ("{ trace:rootService = `payment` }", NONE),
        ("{ span:id = `2` }", {10: [2]}),
        ("{ span:id = `0000000000000002` }", {10: [2]}),
        ("{ span:parentID = `` }", {10: [1]}),
        ("{ span:parentID = `0000000000000001` }", {10: [2]}),
        ("{ trace:id = `A` }", {10: [1, 2, 3]}),
        (
            "{ instrumentation:name = `db.client` && instrumentation:version =~ `1.*` }",
            {10: [2, 3]},
        ),
        ("{ resource.service.name = `payment` }", {10: [2, 3], 11: [4]}),
        ("{ .service.name = `payment` }", {10: [2, 3], 11: [4]}),
        ("{ span.service.name = `payment` }", NONE),
        ("{ .region = `us` }", {10: [2]}),
        ("{ .region = `mars` }", {10: [3]}),
        ("{ resource.region = `mars` }", {10: [2, 3]}),
        ("{ span.region != `eu` }", {10: [2]}),
        ("{ .zone = `z1` && span.region = `us` }", {10: [2]}),
        ("{ span.http.response.status_code = 503 }", {10: [1]}),
        ("{ span.http.response.status_code >= 500 }", {10: [1]}),
        ("{ span.http.response.status_code = 503.0 }", {10: [1]}),
        ("{ span.http.response.status_code = `503` }", NONE),
        ("{ span.http.response.status_code != `503` }", NONE),
        ("{ 500 < .http.response.status_code }", {10: [1]}),
        ("{ .amount > 9 && .amount < 9.75 }", {10: [2]}),
        ("{ .amount != 9 }", {10: [2]}),
        ("{ .db.rows = 0 }", {10: [3]}),
        ("{ .db.rows > -1 }", {10: [3]}),
        ("{ .db.rows = false }", NONE),
        ("{ .retry }", {10: [2]}),
        ("{ .retry = true }", {10: [2]}),
        ("{ .retry = 1 }", NONE),
        ("{ .retry != false }", {10: [2]}),
        ("{ !.retry }", {10: [1, 3], 11: [4]}),
        ("{ .tags = `a` }", NONE),
        ("{ .tags != nil }", {10: [2]}),
        ("{ .nothing != nil }", NONE),
        ("{ .nothing = nil }", ALL),
        ("{ nil = span.region }", {10: [3], 11: [4]}),
        ("{ nil = nil }", NONE),
        ("{ nil != nil }", NONE),
        ("{ name != nil }", ALL),
        ('{ span."strange key=1" = "yes" }', {10: [3]}),
        ('{ ."strange key=1" = "\\u0079es" }', {10: [3]}),
        ("{ .region > `eu` }", {10: [2, 3]}),
        ("{ .region = resource.region }", {10: [3]}),
        ("{ 1 = 1 }", ALL),
        ("{ `a` > `b` }", NONE),
    ],
)
def test_comparisons(query: str, expected: dict[int, list[int]]) -> None:
    """A field is looked up where its scope says, and compared with values of its own type only."""
    assert matched(query) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("{ name =~ `pa` }", NONE),
        ("{ name =~ `pa.*` }", {10: [2], 11: [4]}),
        ("{ name =~ `pay|SELECT` }", {10: [2, 3], 11: [4]}),
        ("{ name !~ `pay|SELECT` }", {10: [1]}),
        ("{ name =~ `(?i)select` }", {10: [3]}),
        ("{ .note =~ `line.*two` }", {10: [3]}),
        ("{ .nothing !~ `x` }", NONE),
        ("{ .db.rows =~ `0` }", NONE),
        ("{ .db.rows !~ `1` }", NONE),
        (r'{ name =~ "GET /\\w+" }', {10: [1]}),
    ],
)
def test_regular_expressions(query: str, expected: dict[int, list[int]]) -> None:
    """A regular expression speaks of the whole of a text, line breaks included."""
    assert matched(query) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("{ kind = client && status = error }", {10: [3]}),
        ("{ kind = server || status = error }", {10: [1, 3], 11: [4]}),
        ("{ !(kind = client) }", {10: [1], 11: [4]}),
        ("{ !(.region = `eu`) }", {10: [2, 3], 11: [4]}),
        ("{ !!(kind = client) }", {10: [2, 3]}),
        # Both bind equally, from the left: (true || false) && false.
        ("{ true || false && false }", NONE),
        ("{ true || (false && false) }", ALL),
        ("{ false && false || true }", ALL),
        ("{ (name = `pay` || name = `SELECT`) && status != error }", {10: [2], 11: [4]}),
    ],
)
def test_conditions_of_one_span(query: str, expected: dict[int, list[int]]) -> None:
    """Within braces the same span must fulfil the whole."""
    assert matched(query) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("{ kind = server } && { status = error }", {10: [1, 3]}),
        ("{ kind = server && status = error }", NONE),
        ("{ status = error } || { name = `pay` }", {10: [2, 3], 11: [4]}),
        ("({ name = `pay` })", {10: [2], 11: [4]}),
        ("({} && { status = error }) || { trace:id = `b` }", {10: [1, 2, 3], 11: [4]}),
        ("{} || {} && { status = error }", {10: [1, 2, 3]}),
        ("{ status = error } with(most_recent=true)", {10: [3]}),
    ],
)
def test_spansets_of_one_trace(query: str, expected: dict[int, list[int]]) -> None:
    """Between spansets different spans may do; the answer holds those of all parts."""
    assert matched(query) == expected
