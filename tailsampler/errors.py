"""Every error a person meets, in one small tree.

::

    TailsamplerError            code, say, and usually at
    |-- SettingsError           the configuration cannot be used; carries every problem in it
    |   `-- SettingsFileError   the configuration file could not be read at all
    |-- CoreMissingError        the native part of the program is not built or not installed
    |-- StartError              the gateway could not start (an address, a directory)
    `-- ControlError            a running gateway could not be asked, or said no

``code`` is a stable slug, ``at`` the place, ``say`` what is wrong and what to write or do instead.
Nothing secret goes into any of them.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "ControlError",
    "CoreMissingError",
    "Place",
    "Problem",
    "SettingsError",
    "SettingsFileError",
    "StartError",
    "TailsamplerError",
]


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is wrong; line and column count from 1, and any part may be absent."""

    file: str | None = None
    line: int | None = None
    column: int | None = None
    key: str = ""

    def __str__(self) -> str:
        """``file:line:column key.path``, without the parts that are absent."""
        numbers = [str(part) for part in (self.line, self.column) if part is not None]
        spot = ":".join([self.file, *numbers]) if self.file else ""
        return " ".join(part for part in (spot, self.key) if part)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, fit to be read by a person and, as ``as_json``, by a program."""

    code: str
    at: Place
    say: str

    def __str__(self) -> str:
        """``file:line:column key.path: what is wrong; what to write instead``."""
        place = str(self.at)
        return f"{place}: {self.say}" if place else self.say

    def as_json(self) -> dict[str, object]:
        """The same as plain data."""
        at = {
            "file": self.at.file,
            "line": self.at.line,
            "column": self.at.column,
            "key": self.at.key,
        }
        return {"code": self.code, "at": at, "say": self.say}


class TailsamplerError(Exception):
    """Base of all errors that are reported to a person."""

    def __init__(self, code: str, say: str, at: Place | None = None) -> None:
        """``code``: a slug. ``say``: what is wrong and what to do. ``at``: where."""
        self.problem = Problem(code, at or Place(), say)
        super().__init__(str(self.problem))

    @property
    def code(self) -> str:
        """The stable slug."""
        return self.problem.code

    @property
    def at(self) -> Place:
        """The place."""
        return self.problem.at

    @property
    def say(self) -> str:
        """What is wrong and what to do."""
        return self.problem.say

    def render(self) -> str:
        """The text for a terminal or a log: one line a problem."""
        return str(self.problem)


class SettingsError(TailsamplerError):
    """The configuration cannot be used. ``problems`` holds everything that was found."""

    def __init__(self, problems: list[Problem] | tuple[Problem, ...]) -> None:
        """``problems``: at least one, in the order of the file."""
        self.problems = tuple(problems)
        first = self.problems[0]
        super().__init__(first.code, first.say, first.at)

    def render(self) -> str:
        """One line a problem."""
        return "\n".join(str(problem) for problem in self.problems)

    def __str__(self) -> str:
        """As ``render``: a traceback shows all of them, too."""
        return self.render()


class SettingsFileError(SettingsError):
    """The configuration file is missing, is not text, or may not be read."""


class CoreMissingError(TailsamplerError):
    """``tailsampler._core`` cannot be imported."""


class StartError(TailsamplerError):
    """The gateway could not start."""


class ControlError(TailsamplerError):
    """A running gateway could not be reached, or could not do what it was asked."""
