"""From a file to ``Settings``, or to one error with everything that is wrong in it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from tailsampler.decide.dialects.contrib import load as contrib
from tailsampler.decide.dialects.contrib.collector import SAMPLER, Collector, is_collector
from tailsampler.errors import Place, Problem, SettingsError, SettingsFileError
from tailsampler.settings.base import KEY_CODES
from tailsampler.settings.document import Document, key_path, read_document
from tailsampler.settings.expand import expand, read_file
from tailsampler.settings.root import Settings


@dataclass(frozen=True, slots=True)
class FromCollector:
    """What to do with the configuration of a whole Collector."""

    processor: str | None = None
    """Its ``tail_sampling[/name]``, where there are several."""
    leave_out: bool = False
    """Go on without what has no place here."""
    compat: str | None = None
    """The version of contrib that it is judged as."""
    feature_gates: str | None = None
    """As a Collector's own option has them."""
    compat_telemetry: bool = False
    """Offer its metrics, by the name of its processor."""

    def beside(self, processor: str = SAMPLER) -> dict[str, str]:
        """The settings that have no place in a Collector's file; ``processor``: the one taken."""
        said = {
            "compat": self.compat,
            "feature_gates": self.feature_gates,
            "compat_telemetry": processor if self.compat_telemetry else None,
        }
        return {key: value for key, value in said.items() if value is not None}


_REFUSE: Final = FromCollector()


def load(
    path: Path,
    environ: Mapping[str, str] | None = None,
    collector: FromCollector = _REFUSE,
) -> Settings:
    """Read a configuration file: of ours, or of a Collector that samples.

    ``environ``: what ``${env:...}`` sees; the process's own environment by default.

    Raises:
        SettingsFileError: the file cannot be read.
        SettingsError: what stands in it cannot be used; all problems, in the file's order.
    """
    file = str(path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        why = error.strerror or type(error).__name__
        say = f"the configuration cannot be read ({why}); name a file that this user may read"
        raise SettingsFileError([Problem("file_unreadable", Place(file), say)]) from error
    except UnicodeDecodeError as error:
        say = f"byte {error.start} is not UTF-8; save the configuration as UTF-8 text"
        raise SettingsFileError([Problem("not_utf8", Place(file), say)]) from error
    environ = os.environ if environ is None else environ
    return parse(text, file=file, environ=environ, collector=collector)


def parse(
    text: str,
    *,
    file: str = "<text>",
    environ: Mapping[str, str],
    read: Callable[[str], str] = read_file,
    collector: FromCollector = _REFUSE,
) -> Settings:
    """As ``load``, for text; ``file`` is its name in messages, ``read`` serves ``${file:...}``."""
    document = read_document(text, file, lambda value: expand(value, environ, read))
    if isinstance(document.data, dict) and is_collector(document.data):
        name = collector.processor
        taken = contrib.parse(text, file=file, environ=environ, name=name, read=read)
        return _of_collector(taken, document, collector)
    problems = list(document.problems)
    for key in collector.beside():
        option = "--" + key.replace("_", "-")
        say = f"{option} is for the configuration of a Collector; write {key}: in this file"
        problems.append(Problem("not_a_collector", Place(file, key=key), say))
    if not problems and document.data is None:
        say = "the file is empty; write at least a sampling: section, or run without a file"
        problems.append(Problem("empty_file", Place(file, 1, 1), say))
    elif document.data is not None and not isinstance(document.data, dict):
        say = "the file is not a mapping; begin it with a key, e.g. sampling:"
        problems.append(Problem("not_a_mapping", document.place(()), say))
    elif document.data is not None:
        try:
            settings = Settings.model_validate(document.data)
        except ValidationError as failed:
            problems += _places(failed, document, known=problems)
        else:
            if not problems:
                return settings
    problems.sort(key=lambda problem: (problem.at.line or 0, problem.at.column or 0))
    raise SettingsError(problems)


def _of_collector(taken: Collector, document: Document, said: FromCollector) -> Settings:
    """Settings with what a Collector's configuration has for us."""
    problems = [] if said.leave_out else list(_left_out(taken, document))
    if problems:
        raise SettingsError(problems)
    try:
        of_file = {**taken.settings, "tail_sampling": taken.sampling}
        return Settings.model_validate({**of_file, **said.beside(taken.processor)})
    except ValidationError as failed:
        # Its places are those of our spelling, which stands in no file.
        problems = [
            Problem(error["type"], Place(document.file, key=key_path(error["loc"])), error["msg"])
            for error in failed.errors(include_url=False, include_input=False)
        ]
        raise SettingsError(problems) from None


def _left_out(taken: Collector, document: Document) -> Iterator[Problem]:
    missing = [one for one in taken.left if one.severity != "harmless"]
    for one in missing:
        yield Problem("left_out", document.place(one.at), f"not carried over: {one}")
    if missing:
        parts = "1 part has" if len(missing) == 1 else f"{len(missing)} parts have"
        say = (
            f"{parts} no place here; keep a Collector in front that has what is missed, or add "
            "--leave-out to go on without"
        )
        yield Problem("left_out", document.place(taken.at), say)


def _places(failed: ValidationError, document: Document, known: list[Problem]) -> list[Problem]:
    """The problems that pydantic found, with their places; one a place is enough."""
    taken = {problem.at.key for problem in known if problem.code != "duplicate_key"}
    problems = []
    for error in failed.errors(include_url=False, include_input=False):
        at = document.place(error["loc"], at_key=error["type"] in KEY_CODES)
        if at.key not in taken:
            problems.append(Problem(error["type"], at, error["msg"]))
    return problems
