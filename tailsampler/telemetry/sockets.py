"""Have an address before there is anybody to serve it.

Importing aiohttp takes longer than everything else at the start. So the sockets of the health and
the admin listener are bound first (an address that is taken stops the start), then the doors
open, then aiohttp is imported; who connects in between waits in the kernel's queue.
"""

import socket

from tailsampler.errors import StartError


def bind(host: str, port: int, name: str) -> socket.socket:
    """A listening socket; ``name`` is the setting that holds the address.

    Raises ``StartError`` if the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        bound = socket.create_server((host, port), family=family)
    except OSError as error:
        raise StartError(
            "listen_failed",
            f"cannot listen on {host}:{port} ({error.strerror or error}); "
            f"stop what has the address, or set {name}.endpoint to another one",
        ) from error
    bound.setblocking(False)
    return bound


def address(bound: socket.socket) -> str:
    """``host:port``, the port as the system gave it."""
    host, port = bound.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
