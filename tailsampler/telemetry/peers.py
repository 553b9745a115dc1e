"""How telling the other gateways goes."""

from dataclasses import dataclass


@dataclass(slots=True)
class PeerState:
    """One of them. Written by ``control.sharing``, read by the metrics."""

    itself: bool = False
    """It is this very gateway, and is told nothing."""
    failing: bool = False
    """It did not take what it was told last."""
    told: int = 0
    """Verdicts that it took."""
    missed: int = 0
    """Verdicts in requests that it did not take; it is told them again while that matters."""
