"""Why accepted spans were dropped: the closed set behind every ``reason`` label and column."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class DropReason:
    """One reason."""

    intended: bool
    """Whether somebody chose it: a policy is a choice, a damaged disk is not."""
    sentence: str


DROP_REASONS: Final = {
    "policy": DropReason(True, "The trace was judged, and the policy did not keep it."),
    "backend_rejected": DropReason(
        False, "The backend took the request and rejected these spans by partial_success."
    ),
    "backend_refused": DropReason(
        False, "The backend refuses these spans for good, also when sent alone."
    ),
    "outbox_full": DropReason(
        False,
        "Its backend was away for so long that the outbox was full; what matters least went first.",
    ),
    "outbox_expired": DropReason(
        False, "Its backend was away for longer than this exporter's max_outbox_age."
    ),
    "trace_too_large": DropReason(
        False,
        "Its trace was larger than sampling.max_trace_bytes: what is beyond was cut off, or the "
        "whole trace dropped, as large_traces says.",
    ),
    "overload": DropReason(
        False,
        "More came in than the gateway can hold, and receive.overload is mode: sample: its trace "
        "was not of the share that was kept.",
    ),
    "malformed": DropReason(
        False, "A kept span that cannot be read; it would poison the batch it is in."
    ),
    "corrupt": DropReason(False, "Its bytes on the disk were damaged or gone."),
    "uncounted": DropReason(
        False, "The files that said what became of it were damaged, or lost with the power."
    ),
    "before_exporter": DropReason(
        True, "Kept before this exporter was configured; it gets what is kept from then on."
    ),
    "quarantined": DropReason(
        False, "In a request that could not be worked on after a restart; it is left alone."
    ),
}


def is_intended(reason: str) -> bool:
    """Whether a drop was chosen; what this version does not know was not."""
    known = DROP_REASONS.get(reason)
    return known is not None and known.intended
