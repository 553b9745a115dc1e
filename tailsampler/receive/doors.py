"""The doors, seen from Python: open and close. What passes through them never comes here."""

import asyncio
import json
from dataclasses import dataclass

from tailsampler import _core
from tailsampler.buffer.core import in_our_words


@dataclass(frozen=True, slots=True)
class Doors:
    """OTLP/gRPC and OTLP/HTTP on their addresses."""

    core: _core.Gateway
    options: str
    """JSON, see ``_core.Gateway.listen``."""

    def open(self) -> dict[str, str]:
        """Take requests from now on; returns the bound addresses by protocol.

        Raises ``StartError`` if an address cannot be had.
        """
        with in_our_words():
            bound = json.loads(self.core.listen(self.options))
        return {str(name): str(address) for name, address in bound.items() if address}

    async def renew_tls(self, protocol: str) -> None:
        """Read the certificates of one door again, for new connections.

        Raises ``StartError`` for files that cannot be used; what was in use stays so.
        """
        with in_our_words():
            await asyncio.to_thread(self.core.renew_tls, protocol)

    async def close(self, within_s: float) -> bool:
        """Take no new request and finish those under way; False if some were cut off."""
        return await asyncio.to_thread(self.core.close_doors, within_s)
