"""Sides in files: every form is read, and what is not one of them is named with its place."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tailsampler.compare import files
from tailsampler.compare.files import Files
from tailsampler.errors import TailsamplerError
from tailsampler.export.file import to_json_line
from tests.compare.written import classes, frames, kept, line, lines, report_of

REQUESTS = [kept({1: [1, 2], 2: [3]}), kept({1: [4]}), kept({3: [5]})]
IDS = f"# kept\n{1:032x}\n\n{2:X}  # in capitals, without zeros\n{3:032x}\n"


def as_json(path: Path) -> Path:
    return lines(REQUESTS, path)


def as_base64(path: Path) -> Path:
    return lines(REQUESTS, path, base64=True)


def as_ours(path: Path) -> Path:
    path.write_bytes(b"".join(to_json_line(one.SerializeToString()) for one in REQUESTS))
    return path


def as_protobuf(path: Path) -> Path:
    return frames(REQUESTS, path)


def as_gzip(path: Path) -> Path:
    path.write_bytes(gzip.compress(as_json(path).read_bytes()))
    return path


def as_gzip_of_protobuf(path: Path) -> Path:
    path.write_bytes(gzip.compress(as_protobuf(path).read_bytes()))
    return path


def as_gzip_of_several_members(path: Path) -> Path:
    """As `gzip` appends them."""
    each = [line(one).encode() for one in REQUESTS]
    path.write_bytes(b"".join(map(gzip.compress, each)))
    return path


def as_directory(path: Path) -> Path:
    """Rotated, of several forms, with files that are no part of it."""
    path.mkdir()
    lines(REQUESTS[:1], path / "kept-2026-05-01T00-00-00.000.json")
    frames(REQUESTS[1:2], path / "kept-2026-05-02T00-00-00.000.json")
    lines(REQUESTS[2:], path / "kept.json")
    (path / "empty.json").touch()
    (path / ".hidden").write_text("not read")
    (path / "more").mkdir()
    return path


FORMS = [
    as_json,
    as_base64,
    as_ours,
    as_protobuf,
    as_gzip,
    as_gzip_of_protobuf,
    as_gzip_of_several_members,
    as_directory,
]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
async def test_every_form_says_the_same(tmp_path: Path, form: Callable[[Path], Path]) -> None:
    """Whichever way a side is written, it has these three traces and five spans."""
    side = form(tmp_path / "side")
    report = await report_of(side, as_json(tmp_path / "other"))
    assert report.found.traces == [3, 3]
    assert report.found.spans == [5, 5]
    assert report.differ == 0
    assert report.notes == ()


async def test_a_list_of_ids_is_a_side(tmp_path: Path) -> None:
    """It knows no spans and no times, and agrees with whoever has the same traces."""
    (tmp_path / "ids.txt").write_text(IDS)
    report = await report_of(tmp_path / "ids.txt", as_json(tmp_path / "other"))
    assert (report.found.both, report.found.spans, report.differ) == (3, [0, 5], 0)


@pytest.mark.parametrize(
    ("text", "where", "words"),
    [
        ('{"resourceSpans": []}\n{"resourceSpans"\n', ":2", "not JSON"),
        ("[" * 100_000 + "\n", "", "no message"),
        ("\n" + '{"a":' * 100_000 + "\n", ":2", "not JSON"),
        ('{"spans": []}\n', ":1", "no resourceSpans"),
        ('{"resourceSpans": {}}\n', ":1", "no list of objects"),
        ('{"resourceSpans": [{"scopeSpans": [3]}]}\n', ":1", "no list of objects"),
        (line(kept({1: [1]})).replace('"1700000000000000000"', '"soon"'), ":1", "nanoseconds"),
        (line(kept({1: [1]})).replace('"1700000000000000000"', str(1 << 64)), ":1", "nanoseconds"),
        (line(kept({1: [1]})).replace(f'"{1:032x}"', "7"), ":1", "traceId is no text"),
        ("0a\nxyz\n", ":2", "no trace id"),
        ("0a\n" + "0" * 32 + "\n", ":2", "zeros"),
        ("<html>nothing here</html>\n", "", "no message of the file exporter"),
        ("\0\0\0\3abc", "message 1 at byte 0", "no request of OTLP"),
    ],
)
async def test_what_cannot_be_read_is_named(
    tmp_path: Path, text: str, where: str, words: str
) -> None:
    """With the file, the line, and what is wrong there; --skip-bad names it and goes on."""
    bad = tmp_path / "bad"
    bad.write_text(text)
    with pytest.raises(TailsamplerError, match=words) as raised:
        await report_of(bad, as_json(tmp_path / "other"))
    assert f"{bad}{where}" in str(raised.value).replace(" message", "message")
    if "--skip-bad" in str(raised.value):
        bad.write_text(text + (IDS if text.startswith("0a") else ""))
        notes = [*_read(Files(bad, skip_bad=True))]
        assert any(words in note for note in notes)


def _read(side: Files) -> list[str]:
    for _ in side.read():
        pass
    return side.notes


def test_many_bad_places_are_told_in_few_words(tmp_path: Path) -> None:
    """The first three with their places, and how many in all."""
    bad = tmp_path / "bad"
    bad.write_text("{\n" * 50)
    notes = _read(Files(bad, skip_bad=True))
    assert len(notes) == 4
    assert f"{bad}:3" in notes[2]
    assert "50 places" in notes[3]


@pytest.mark.parametrize("form", [as_json, as_protobuf, as_gzip], ids=lambda form: form.__name__)
async def test_an_end_that_is_still_written_is_no_error(
    tmp_path: Path, form: Callable[[Path], Path]
) -> None:
    """A file that an exporter appends to may end anywhere; a note says so."""
    side = form(tmp_path / "side")
    whole = side.read_bytes()
    side.write_bytes(whole[:-9])
    report = await report_of(side, as_json(tmp_path / "other"))
    assert report.found.both + report.found.alone[1] == 3
    assert ["not complete yet" in note for note in report.notes] == [True] * len(report.notes)
    assert report.notes


async def test_a_line_without_its_end_counts_if_it_is_whole(tmp_path: Path) -> None:
    """The last line feed may be missing."""
    side = as_json(tmp_path / "side")
    side.write_text(side.read_text().rstrip("\n"))
    report = await report_of(side, as_json(tmp_path / "other"))
    assert (report.differ, report.notes) == (0, ())


def test_a_line_has_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file without line feeds is not read into memory whole."""
    monkeypatch.setattr(files, "MOST_BYTES", 1_000)
    (tmp_path / "long").write_text('{"resourceSpans": []}\n{' + " " * 2_000)
    with pytest.raises(TailsamplerError, match=r"long:2.*over"):
        _read(Files(tmp_path / "long"))
    (tmp_path / "message").write_bytes(b"\0\0\x10\0" + b"x" * 0x1000)
    with pytest.raises(TailsamplerError, match="no message"):
        _read(Files(tmp_path / "message"))


@pytest.mark.parametrize("before", [b"", b"\0\0\0\x20"])
def test_zstd_is_refused_in_words(tmp_path: Path, before: bytes) -> None:
    """With what to change: each message of such a file is compressed alone."""
    (tmp_path / "z").write_bytes(before + b"\x28\xb5\x2f\xfd" + b"x" * 100)
    with pytest.raises(TailsamplerError, match="without compression"):
        _read(Files(tmp_path / "z"))


def test_a_damaged_archive_is_an_error(tmp_path: Path) -> None:
    """Damage is not an end that is still written."""
    side = as_gzip(tmp_path / "side")
    data = bytearray(side.read_bytes())
    data[12] ^= 0xFF
    side.write_bytes(data)
    with pytest.raises(TailsamplerError, match="cannot be read"):
        _read(Files(side))


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """A pipe is not waited for, an empty directory and a missing file are named."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "nothing").mkdir()
    for name, words in (("pipe", "no file"), ("nothing", "no file"), ("gone", "cannot be read")):
        with pytest.raises(TailsamplerError, match=words):
            _read(Files(tmp_path / name))


async def test_other_signals_and_spans_without_ids_are_left_out(tmp_path: Path) -> None:
    """A file exporter of several pipelines writes logs beside traces; spans are counted."""
    side = as_json(tmp_path / "side")
    no_id = json.loads(line(kept({1: [1]})).replace(f"{1:032x}", ""))
    with side.open("a") as file:
        file.write('{"resourceLogs": []}\n{}\n' + json.dumps(no_id) + "\n")
    report = await report_of(side, as_json(tmp_path / "other"))
    assert report.differ == 0
    assert report.notes == ("1 spans without a valid trace id were left out",)


async def test_spans_sent_twice_are_no_difference(tmp_path: Path) -> None:
    """Exporters deliver at least once; the second pass counts each span once."""
    twice = lines([*REQUESTS, REQUESTS[0]], tmp_path / "twice")
    report = await report_of(twice, as_json(tmp_path / "once"))
    assert report.found.uneven == 2
    assert (report.differ, report.agree_after_all, classes(report)) == (0, 2, {})


async def test_as_many_spans_that_are_others_are_a_difference(tmp_path: Path) -> None:
    """Which spans they are is compared, not only how many."""
    a = lines([kept({1: [1, 2]})], tmp_path / "a")
    b = lines([kept({1: [1, 3]})], tmp_path / "b")
    report = await report_of(a, b)
    [one] = report.differences
    assert one.missing == ((f"{3:016x}",), (f"{2:016x}",))
    assert "A lacks 1 span" in one.say
    assert "B lacks 1 span" in one.say
