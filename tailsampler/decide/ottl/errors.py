"""What can be wrong with a condition."""

from __future__ import annotations

from typing import Literal, TypeAlias

from tailsampler.errors import Place, TailsamplerError

Code: TypeAlias = Literal[
    "ottl_syntax",
    "ottl_unknown_function",
    "ottl_unknown_path",
    "ottl_unknown_enum",
    "ottl_unsupported",
    "ottl_wrong_arguments",
    "ottl_bad_literal",
    "ottl_bad_regex",
    "ottl_too_large",
]


class OttlError(TailsamplerError):
    """A condition that cannot be used. ``line`` and ``column`` count from 1, inside the condition.

    ``say`` names the function or the path, and what to write instead.
    """

    def __init__(self, code: Code, say: str, text: str, line: int = 1, column: int = 1) -> None:
        """``text``: the whole condition, of which the line in question is shown."""
        super().__init__(code, say, Place(line=line, column=column))
        self.text = text
        self.line = line
        self.column = column

    def caret(self) -> str:
        """The line of the condition, and below it a mark under the place; two lines."""
        # As the parser counts: only a line feed ends a line.
        lines = self.text.split("\n")
        shown = lines[self.line - 1] if self.line <= len(lines) else ""
        # A tab moves the mark as far as it moves the text.
        before = "".join(each if each == "\t" else " " for each in shown[: self.column - 1])
        return f"  {shown}\n  {before}^"

    def render(self) -> str:
        """Place and message, then the line with its mark."""
        return f"line {self.line}, column {self.column}: {self.say}\n{self.caret()}"

    def __str__(self) -> str:
        """As ``render``: a traceback shows the place, too."""
        return self.render()
