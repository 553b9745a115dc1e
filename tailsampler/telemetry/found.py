"""What a start found in the data directory: what came back, and what did not."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import structlog

log = structlog.get_logger("tailsampler")


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """Bytes of a log that are no records."""

    log: str
    """``buffer``, ``verdicts`` or ``outbox``."""
    path: str
    position: int
    bytes: int
    at_end: bool
    """A torn tail: what was being written when the process or the power went. No error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A typed view of ``_core.Gateway.found``; all numbers are of this start."""

    requests: int
    """Read from the buffer log."""
    held_spans: int
    verdicts: int
    repacked: int
    """Kept traces that were not in the outbox yet, and are put there again."""
    took_s: float
    lost_spans: int
    """Accepted once, and not readable any more."""
    lost_bytes: int
    lost_requests: int
    quarantined_spans: int
    """In records that cannot be worked on; they are left on the disk and not touched again."""
    restored_spans: int
    """Accounted for twice: the verdict on them was lost, and they are judged and sent again."""
    damage: Sequence[Damage]
    notes: Sequence[str]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the JSON; raises ``ValueError`` or ``KeyError``."""
        found: Mapping[str, Any] = json.loads(text)
        return cls(
            requests=int(found["requests"]),
            held_spans=int(found["held_spans"]),
            verdicts=int(found["verdicts"]),
            repacked=int(found["repacked"]),
            took_s=float(found["took_s"]),
            lost_spans=int(found["lost"]["spans"]),
            lost_bytes=int(found["lost"]["bytes"]),
            lost_requests=int(found["lost"]["requests"]),
            quarantined_spans=int(found["quarantined"]["spans"]),
            restored_spans=int(found["restored"]["spans"]),
            damage=tuple(
                Damage(
                    log=str(one["log"]),
                    path=str(one["path"]),
                    position=int(one["position"]),
                    bytes=int(one["bytes"]),
                    at_end=bool(one["at_end"]),
                )
                for one in found["damage"]
            ),
            notes=tuple(str(note) for note in found["notes"]),
        )

    @property
    def damaged(self) -> int:
        """Damaged places, torn tails aside."""
        return sum(not one.at_end for one in self.damage)

    @property
    def clean(self) -> bool:
        """Whether all came back."""
        return not (self.lost_spans or self.lost_requests or self.quarantined_spans or self.damaged)

    @property
    def sentence(self) -> str:
        """What came back, and what is lost with what to do, for a person."""
        came = (
            f"At the start of this process {_count(self.held_spans, 'held span')} came back from "
            f"{_count(self.requests, 'request')} and {_count(self.verdicts, 'verdict')} in "
            f"{self.took_s:.1f} s"
        )
        return f"{came}; nothing was lost." if self.clean else f"{came}. {self._loss()}"

    def _loss(self) -> str:
        parts = []
        if self.lost_spans or self.lost_requests:
            parts.append(
                f"{_count(self.lost_spans, 'span')} of {_count(self.lost_requests, 'request')} "
                "could not be read back and are lost"
            )
        if self.quarantined_spans:
            parts.append(f"{_count(self.quarantined_spans, 'span')} are quarantined")
        if self.damaged:
            parts.append(f"{_count(self.damaged, 'place')} in the logs are damaged")
        advice = "Look at the disk under data_directory; docs/reliability.md says what that costs."
        return f"{', '.join(parts)}. {advice}"

    def say(self) -> None:
        """One line in the log: a warning with the loss if there is one."""
        numbers = {
            "requests": self.requests,
            "held_spans": self.held_spans,
            "verdicts": self.verdicts,
            "repacked": self.repacked,
            "took_s": round(self.took_s, 3),
        }
        notes = {"notes": list(self.notes)} if self.notes else {}
        if self.clean:
            log.info("started.replayed", **numbers, **notes)
            return
        log.warning(
            "started.replayed",
            **numbers,
            lost_spans=self.lost_spans,
            lost_bytes=self.lost_bytes,
            lost_requests=self.lost_requests,
            quarantined_spans=self.quarantined_spans,
            restored_spans=self.restored_spans,
            damaged=[f"{one.path}:{one.position}+{one.bytes}" for one in self.damage][:20],
            **notes,
            message=self._loss(),
        )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun if number == 1 else noun + 's'}"
