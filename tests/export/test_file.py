"""The file transport."""

import json
from pathlib import Path

import pytest
from grpc import StatusCode

from tailsampler.export.file import OtlpJsonFile, to_json_line
from tailsampler.export.retry import Accepted, Failed
from tailsampler.testing.spans import request, resource, span
from tests.export.fakes import payload


def ids_in(path: Path) -> list[str]:
    return [
        found["spanId"]
        for line in path.read_text().splitlines()
        for group in json.loads(line)["resourceSpans"]
        for scope in group["scopeSpans"]
        for found in scope["spans"]
    ]


def test_a_line_is_otlp_json() -> None:
    """Ids are hexadecimal, enums are numbers, 64-bit times are strings, as OTLP's mapping says."""
    one = span(trace_id=0xABC, span_id=1, parent_id=2, attributes={"n": 1})
    one.links.add(trace_id=one.trace_id, span_id=one.span_id)
    line = to_json_line(request(resource("shop", one)).SerializeToString())
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    [found] = json.loads(line)["resourceSpans"][0]["scopeSpans"][0]["spans"]
    assert found["traceId"] == f"{0xABC:032x}"
    assert found["spanId"] == f"{1:016x}"
    assert found["parentSpanId"] == f"{2:016x}"
    assert found["links"][0]["traceId"] == f"{0xABC:032x}"
    assert found["kind"] == 2
    assert found["startTimeUnixNano"] == "1700000000000000000"


async def test_each_batch_is_a_line(tmp_path: Path) -> None:
    """Batches are appended, also to what an earlier run left."""
    path = tmp_path / "deep" / "traces.jsonl"
    for first in (1, 3):
        transport = OtlpJsonFile(path=path)
        assert await transport.send(payload(first, first + 1)) == Accepted()
        await transport.close()
    assert ids_in(path) == [f"{number:016x}" for number in (1, 2, 3, 4)]


async def test_a_full_file_is_put_aside(tmp_path: Path) -> None:
    """The newest parts are kept, in order, up to their number."""
    path = tmp_path / "traces.jsonl"
    size = len(to_json_line(payload(1)))
    transport = OtlpJsonFile(path=path, max_bytes=size, backups=2)
    for number in range(1, 5):
        await transport.send(payload(number))
    await transport.close()
    parts = [path.with_name("traces.jsonl.2"), path.with_name("traces.jsonl.1"), path]
    assert [ids_in(part) for part in parts] == [[f"{number:016x}"] for number in (2, 3, 4)]
    assert not path.with_name("traces.jsonl.3").exists()


async def test_without_backups_the_file_starts_over(tmp_path: Path) -> None:
    """An operator who wants no older parts has none."""
    path = tmp_path / "traces.jsonl"
    transport = OtlpJsonFile(path=path, max_bytes=1, backups=0)
    for number in (1, 2):
        await transport.send(payload(number))
    await transport.close()
    assert ids_in(path) == [f"{2:016x}"]
    assert not path.with_name("traces.jsonl.1").exists()


async def test_a_torn_line_is_closed(tmp_path: Path) -> None:
    """After a crash within a line, the next batch starts on a line of its own."""
    path = tmp_path / "traces.jsonl"
    path.write_bytes(b'{"resourceSp')
    transport = OtlpJsonFile(path=path)
    await transport.send(payload(7))
    await transport.close()
    torn, whole = path.read_bytes().splitlines()
    assert torn == b'{"resourceSp'
    assert json.loads(whole)


async def test_a_disk_that_fails_is_an_answer(tmp_path: Path) -> None:
    """The spans stay in the outbox and are tried again; the message names the file."""
    path = tmp_path / "traces.jsonl"
    path.mkdir()
    answer = await OtlpJsonFile(path=path).send(payload(1))
    assert isinstance(answer, Failed)
    assert answer.code is StatusCode.UNAVAILABLE
    assert str(path) in answer.message


async def test_half_a_line_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch that could not be synced is not left behind to be read twice."""
    path = tmp_path / "traces.jsonl"
    transport = OtlpJsonFile(path=path)

    def full_disk(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("tailsampler.export.file.os.fsync", full_disk)
        assert isinstance(await transport.send(payload(1)), Failed)
    assert path.read_bytes() == b""
    assert await transport.send(payload(1)) == Accepted()
    await transport.close()
    assert ids_in(path) == [f"{1:016x}"]
