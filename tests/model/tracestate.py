"""W3C tracestate and its ``ot`` member, as OpenTelemetry's probability sampling describes them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Self

RANDOM_BITS = 56
EVERYTHING = 0
NEVER = 1 << RANDOM_BITS

_RV = re.compile(r"[0-9a-f]{14}")
_TH = re.compile(r"[0-9a-f]{1,14}")


@dataclass
class TraceState:
    """A tracestate taken apart: the ``ot`` member as a mapping, the others in their order."""

    ot: dict[str, str] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Take a header apart; of several ``ot`` members the first counts."""
        state = cls()
        for member in (part.strip() for part in text.split(",")):
            if not member:
                continue
            key, _, value = member.partition("=")
            if key != "ot":
                state.others.append(member)
            elif not state.ot:
                pairs = (pair.partition(":") for pair in value.split(";") if pair)
                state.ot = {name: content for name, _, content in pairs}
        return state

    @property
    def randomness(self) -> int | None:
        """``rv`` as a number of 56 bits; None if it is missing or not 14 hex digits."""
        value = self.ot.get("rv", "")
        return int(value, 16) if _RV.fullmatch(value) else None

    @property
    def threshold(self) -> int | None:
        """``th`` as a number of 56 bits; None if it is missing or malformed."""
        value = self.ot.get("th", "")
        return int(value.ljust(14, "0"), 16) if _TH.fullmatch(value) else None

    def set_randomness(self, randomness: int) -> None:
        """Write ``rv``."""
        self.ot["rv"] = f"{randomness:014x}"

    def set_threshold(self, threshold: int | None) -> None:
        """Write ``th``, or erase it."""
        self.ot.pop("th", None)
        if threshold is not None:
            self.ot["th"] = encode_threshold(threshold)

    def __str__(self) -> str:
        """The header again, ``ot`` first."""
        ot = ";".join(f"{name}:{value}" for name, value in self.ot.items())
        return ",".join([f"ot={ot}"] * bool(ot) + self.others)


def encode_threshold(threshold: int) -> str:
    """14 hex digits without the zeros at the end; everything kept is ``0``."""
    return f"{threshold:014x}".rstrip("0") or "0"
