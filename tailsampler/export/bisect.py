"""Find the part of a batch that a backend refuses, and send the rest."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from tailsampler.export.retry import Accepted, Failed, Meaning, meaning

# One bad span among 8,000 takes 26 requests to isolate. A backend that refuses everything would
# take two requests a span; past this many for one batch, what is refused is dropped undivided.
MOST_REQUESTS: Final = 512

REFUSED: Final = "backend_refused"

DIVIDES: Final = frozenset({Meaning.REFUSED, Meaning.TOO_LARGE})
"""What sending again in parts can help against."""

Send = Callable[[bytes], Awaitable[Accepted | Failed]]
"""Sends one request until the answer is final: accepted, or one of ``DIVIDES``."""
Split = Callable[[bytes, int], tuple[bytes, bytes]]
"""``_core.split``."""


@dataclass(slots=True)
class Delivery:
    """How the spans of one batch fared; those not named were accepted."""

    dropped: list[tuple[str, int, int]] = field(default_factory=list)
    """``(reason, first, count)`` by position in the batch."""
    rejected: int = 0
    """Spans the backend rejected without saying which."""
    again: int = 0
    """Spans that an earlier try may have brought to the backend already."""
    refusal: Failed | None = None
    """The last refusal that cost a span."""
    warning: str = ""
    """The last words that came with an acceptance."""
    requests: int = 0
    too_large: int = 0
    """Bytes of the smallest request that was refused for its size; 0 if none was."""


async def deliver(payload: bytes, spans: int, send: Send, split: Split) -> Delivery:
    """Send one batch whole if possible, in parts if need be, and account for every span.

    A request that is too large or refused for good is cut in two, down to single spans; only
    spans that are refused on their own are dropped (unless ``MOST_REQUESTS`` is reached).
    """
    delivery = Delivery()
    # Last in, first out: the parts go out in the order of the spans.
    parts = [(payload, 0, spans)]
    while parts:
        part, first, count = parts.pop()
        answer = await send(part)
        delivery.requests += 1
        if isinstance(answer, Accepted):
            # The number comes from outside and may be nonsense.
            delivery.rejected += max(0, min(answer.rejected, count))
            delivery.again += count if answer.again else 0
            delivery.warning = answer.message or delivery.warning
            continue
        if meaning(answer) is Meaning.TOO_LARGE:
            smallest = delivery.too_large or len(part)
            delivery.too_large = min(smallest, len(part))
        if count > 1 and delivery.requests + len(parts) + 2 <= MOST_REQUESTS:
            half = count // 2
            left, right = split(part, half)
            parts.append((right, first + half, count - half))
            parts.append((left, first, half))
        else:
            delivery.dropped.append((REFUSED, first, count))
            delivery.refusal = answer
    return delivery
