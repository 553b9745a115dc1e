"""From the text of a file to a block or a Collector's configuration, with places in every error."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from pydantic import ValidationError

from tailsampler.decide.dialects.contrib.collector import Collector, read_collector
from tailsampler.errors import Place, Problem, SettingsError
from tailsampler.settings.base import KEY_CODES
from tailsampler.settings.document import Document, key_path, read_document
from tailsampler.settings.expand import expand, read_file

# About a reference and not about the form of the file: it matters only where the value is used.
_OF_REFERENCES = frozenset(
    {
        "bad_variable_name",
        "file_unreadable",
        "reference_not_closed",
        "unknown_reference",
        "variable_not_set",
    }
)


def parse(
    text: str,
    *,
    file: str = "<text>",
    environ: Mapping[str, str],
    name: str | None = None,
    read: Callable[[str], str] = read_file,
) -> Collector:
    """Read what ``read_collector`` takes; ``name``: the sampler, where there are several.

    ``file``: its name in messages. ``environ``: what ``${env:...}`` sees. References that cannot
    be replaced are errors inside of the sampler's block; elsewhere the setting that holds one is
    listed among what is not carried over.

    Raises:
        SettingsError: all problems, in the file's order, with file, line, column and key path.
    """
    document = read_document(text, file, lambda value: expand(value, environ, read))
    problems = [one for one in document.problems if one.code not in _OF_REFERENCES]
    if not problems and document.data is None:
        say = "the file is empty; write processors: {tail_sampling: {policies: [...]}}"
        problems.append(Problem("empty_file", Place(file, 1, 1), say))
    if problems:
        raise SettingsError(_sorted(problems))
    try:
        collector = read_collector(document.data, name)
    except ValidationError as failed:
        raise SettingsError(_sorted(_placed(failed, document))) from None
    inside = key_path(collector.at)
    unread = [
        one for one in document.problems if one.at.key.startswith((inside + ".", inside + "["))
    ]
    if unread:
        raise SettingsError(_sorted(unread))
    return collector


def _sorted(problems: list[Problem]) -> list[Problem]:
    return sorted(problems, key=lambda one: (one.at.line or 0, one.at.column or 0))


def _placed(failed: ValidationError, document: Document) -> list[Problem]:
    """What pydantic found, with places; what is known about a reference comes first."""
    known = {one.at.key: one for one in document.problems}
    return list(_each(failed, document, known))


def _each(
    failed: ValidationError, document: Document, known: Mapping[str, Problem]
) -> Iterator[Problem]:
    for error in failed.errors(include_url=False, include_input=False):
        at = document.place(error["loc"], at_key=error["type"] in KEY_CODES)
        yield known.get(at.key) or Problem(error["type"], at, error["msg"])
