"""Look at a data directory while no gateway works in it, repair it, read spans out of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from tailsampler import _core
from tailsampler.buffer.core import in_our_words
from tailsampler.buffer.telling import tell_findings, tell_repairs, tell_survey
from tailsampler.export.file import to_json_line

WELL: Final = 0
FINDING: Final = 1


def inspect(directory: Path, *, as_json: bool, out: Console | None = None) -> int:
    """Print what is in it; the exit status says whether all of it is as it was written."""
    survey = _survey(directory)
    out = out or _paper()
    if as_json:
        _print_json(survey)
    else:
        tell_survey(survey, out)
        tell_findings(survey, out)
    return WELL if survey["sound"] else FINDING


def verify(directory: Path, *, as_json: bool, out: Console | None = None) -> int:
    """Print what is not as it was written."""
    survey = _survey(directory)
    if as_json:
        findings = {
            "sound": survey["sound"],
            "missing": survey["missing"],
            "files": survey["files"],
            "damage": [spot for log in survey["logs"].values() for spot in log["damage"]],
            "unsound": [one for log in survey["logs"].values() for one in log["unsound"]],
        }
        _print_json(findings)
    else:
        tell_findings(survey, out or _paper())
    return WELL if survey["sound"] else FINDING


def repair(
    directory: Path, *, dry_run: bool, as_json: bool = False, out: Console | None = None
) -> int:
    """Make damage harmless; the exit status says whether something is left."""
    with in_our_words():
        repairs = json.loads(_core.DataDirectory(str(directory)).repair(dry_run))
    if as_json:
        _print_json(repairs)
    else:
        tell_repairs(repairs, dry_run=dry_run, out=out or _paper())
    return FINDING if repairs["left"] else WELL


def export(
    directory: Path,
    *,
    log: str,
    to: IO[bytes],
    trace_id: str | None = None,
    tell: Callable[[str], object] = str,
) -> int:
    """Write the spans of a log as OTLP JSON, a request a line; returns the exit status.

    ``trace_id``: only this trace, in lower-case hexadecimal; then a finding if it is not there.
    """
    requests = spans = 0
    with in_our_words():
        payloads = _core.DataDirectory(str(directory)).payloads(log)
        for line, count in _lines(payloads, trace_id):
            to.write(line)
            requests += 1
            spans += count
    to.flush()
    tell(f"{spans:,} spans in {requests:,} requests, from the {log} log")
    return FINDING if trace_id is not None and not spans else WELL


def _lines(payloads: _core.Payloads, trace_id: str | None) -> Iterator[tuple[bytes, int]]:
    """Each request as a line, and its spans."""
    for payload, spans, _ in payloads:
        if trace_id is None:
            yield to_json_line(payload), spans
        elif bytes.fromhex(trace_id) in payload:
            request = json.loads(to_json_line(payload))
            if wanted := _only(request, trace_id):
                yield json.dumps(request, separators=(",", ":")).encode() + b"\n", wanted


def _only(request: dict[str, Any], trace_id: str) -> int:
    """Leave the spans of one trace in a request; returns how many."""
    left = 0
    for resource in request.get("resourceSpans", []):
        for scope in resource.get("scopeSpans", []):
            spans = [span for span in scope.get("spans", []) if span.get("traceId") == trace_id]
            scope["spans"] = spans
            left += len(spans)
        resource["scopeSpans"] = [s for s in resource.get("scopeSpans", []) if s["spans"]]
    request["resourceSpans"] = [r for r in request.get("resourceSpans", []) if r["scopeSpans"]]
    return left


def _survey(directory: Path) -> dict[str, Any]:
    with in_our_words(), _progress(f"reading {directory}") as progress:
        survey: dict[str, Any] = json.loads(_core.DataDirectory(str(directory)).survey(progress))
    return survey


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show on a terminal how far it is; bytes done, and of how many."""
    columns: Iterable[Any] = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _paper() -> Console:
    """Standard output, where a path may be longer than a line."""
    return Console(highlight=False, markup=False, soft_wrap=True)


def _print_json(body: object) -> None:
    sys.stdout.write(json.dumps(body, indent=2) + "\n")
