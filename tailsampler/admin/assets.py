"""The style sheet, the scripts and the pictures, from memory."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final, Self

from aiohttp import web

TYPES: Final = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
_FOREVER: Final = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Assets:
    """Every file of ``static``, by name. They are few and small, so they are read once."""

    contents: Mapping[str, bytes]
    digest: str
    """Of all of them. It stands in their address, so a browser may keep them for ever, and
    modules that import one another by a relative path stay together."""

    @classmethod
    def load(cls, directory: Traversable | None = None) -> Self:
        """Read them; by default those of this package."""
        directory = directory or files("tailsampler.admin") / "static"
        contents = {
            one.name: one.read_bytes()
            for one in sorted(directory.iterdir(), key=lambda one: one.name)
            if one.is_file() and _suffix(one.name) in TYPES
        }
        whole = hashlib.sha256()
        for name, body in contents.items():
            whole.update(f"{name}:{len(body)}:".encode())
            whole.update(body)
        return cls(contents, whole.hexdigest()[:16])

    def url(self, name: str) -> str:
        """The address of a file; ``KeyError`` if there is none of that name."""
        if name not in self.contents:
            raise KeyError(name)
        return f"/static/{self.digest}/{name}"

    async def serve(self, request: web.Request) -> web.Response:
        """A file. A page that is older than this process gets today's, and may not keep it."""
        name = request.match_info["name"]
        body = self.contents.get(name)
        if body is None:
            raise web.HTTPNotFound
        current = request.match_info["digest"] == self.digest
        return web.Response(
            body=body,
            content_type=TYPES[_suffix(name)],
            charset="utf-8",
            headers={"Cache-Control": _FOREVER if current else "no-store"},
        )


def _suffix(name: str) -> str:
    return name[name.rfind(".") :]
