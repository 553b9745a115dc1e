"""What can be wrong with a query."""

from typing import Literal, TypeAlias

from tailsampler.errors import Place, TailsamplerError

Code: TypeAlias = Literal["syntax", "unsupported", "wrong_type", "bad_regex", "too_large"]


class TraceQLError(TailsamplerError):
    """A query that cannot be answered: where, why, and what to write.

    ``code`` is ``unsupported`` for what Tempo understands and we do not. ``line`` and ``column``
    count from 1.
    """

    def __init__(self, code: Code, say: str, line: int = 1, column: int = 1) -> None:
        """``say``: what is wrong and what to write instead."""
        super().__init__(code, say, Place(line=line, column=column))
        self.line = line
        self.column = column

    def __str__(self) -> str:
        """As Tempo words it, so that Grafana shows the place."""
        prefix = "not supported here: " if self.code == "unsupported" else ""
        return f"line {self.line}, column {self.column}: {prefix}{self.say}"
