"""The buffer log: where undecided spans are held, and what a power cut may take."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import InitErrorDetails

from tailsampler.settings.base import BadValueError, Section, did_you_mean, found
from tailsampler.settings.units import Duration, Size, duration_text, lasting, size_text, sized
from tailsampler.settings.values import shown


class FsyncInterval(Section):
    """Force the log to the disk this often."""

    interval: Annotated[Duration, lasting("10ms", "1m")] = Field(
        default=timedelta(seconds=1),
        description="Time between two forced writes. Default: 1s.",
        examples=["1s"],
    )


Fsync = Literal["never", "always"] | FsyncInterval


def parse_fsync(value: object) -> Fsync:
    """``never``, ``always`` or ``{interval: 1s}``."""
    if isinstance(value, FsyncInterval | dict):
        return FsyncInterval.model_validate(value)
    if value == "never":
        return "never"
    if value == "always":
        return "always"
    meant = did_you_mean(value, ("never", "always")) if isinstance(value, str) else None
    hint = f"did you mean {meant}?" if meant else "write never, always or {interval: 1s}"
    raise BadValueError("not_an_fsync_mode", f"{shown(value)} is not known here; {hint}")


def loss_window(fsync: Fsync) -> str:
    """What may be lost, and when, in one sentence."""
    if fsync == "always":
        return (
            "fsync always: no accepted span is lost when the process dies or the power goes; "
            "every acknowledgement waits for the disk."
        )
    window = (
        "whatever the kernel had not yet written back, about 40 s of accepted spans with Linux's "
        "defaults"
        if fsync == "never"
        else f"at most the last {duration_text(fsync.interval)} of accepted spans"
    )
    name = "never" if fsync == "never" else f"every {duration_text(fsync.interval)}"
    return (
        f"fsync {name}: no accepted span is lost when the process dies; "
        f"when the power goes, {window}."
    )


class Buffer(Section):
    """Where undecided spans are held."""

    HINTS: ClassVar = {
        "num_traces": "the buffer is bounded in bytes; write max_bytes",
        "max_traces": "the buffer is bounded in bytes; write max_bytes or max_index_bytes",
        "directory": "write data_directory at the top of the file",
    }

    max_bytes: Annotated[Size, sized("16MiB", "1024TiB")] = Field(
        default=8 << 30,
        description="Bound of the log on disk. At it, the oldest traces are judged early, "
        "never forgotten. Default: 8GiB.",
    )
    max_index_bytes: Annotated[Size, sized("16MiB", "1TiB")] = Field(
        default=4 << 30,
        description="Bound of the index in memory: about 110 bytes an open trace and 12 a request "
        "that holds spans of it. At it, the oldest traces are judged early, and then requests "
        "refused. Default: 4GiB.",
    )
    reserve_bytes: Annotated[Size, sized("0B", "1GiB")] = Field(
        default=16 << 20,
        description="Room kept on the disk by a file of this size. When the disk is full it goes, "
        "so that verdicts can still be written and held traces be let go; requests are refused "
        "until there is room for it again. 0: none, and a full disk stays full until somebody "
        "makes room. Default: 16MiB.",
    )
    segment_bytes: Annotated[Size, sized("1MiB", "1GiB")] = Field(
        default=64 << 20,
        description="Size of one file of the log; space is freed file by file, and where at least "
        "eight fit in max_bytes, up to two more are kept to be written over. Default: 64MiB.",
    )
    fsync: Annotated[Fsync, BeforeValidator(parse_fsync)] = Field(
        default=FsyncInterval(),
        description="When the log is forced to the disk: always (before each acknowledgement: a "
        "power cut loses no accepted span), {interval: 1s} (it loses at most that), or never (it "
        "loses what the kernel had not written back, about 40 s). No mode loses anything when the "
        "process dies. Default: {interval: 1s}.",
    )

    def contradictions(self) -> Iterator[InitErrorDetails]:
        """Too few segments to free one while another is written."""
        if self.max_bytes < 4 * self.segment_bytes:
            say = (
                f"max_bytes holds fewer than four segments of {size_text(self.segment_bytes)}; "
                f"write at least {size_text(4 * self.segment_bytes)}, or lower segment_bytes"
            )
            yield found("too_few_segments", say, ("max_bytes",))
