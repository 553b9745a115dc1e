"""A gzip file as far as it is written: ``gzip`` itself gives nothing of a last part that is cut."""

from __future__ import annotations

import io
import zlib
from typing import Any, Final

_BLOCK: Final = 1 << 16
_WITH_HEADER: Final = 31  # zlib's word for gzip


class Inflated(io.RawIOBase):
    """What stands in a gzip file of one member or several; ``EOFError`` where one is cut.

    Damage is a ``zlib.error``.
    """

    def __init__(self, file: io.BufferedReader) -> None:
        """``file``: at its beginning; it is not closed."""
        super().__init__()
        self._file = file
        self._member = zlib.decompressobj(_WITH_HEADER)
        self._left = b""
        """Compressed, and read already."""

    def readable(self) -> bool:
        """As ``io`` asks."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Some bytes, at least one but at the end."""
        view = memoryview(buffer).cast("B")
        while True:
            if self._member.eof:
                self._left = self._member.unused_data or self._file.read(_BLOCK)
                if not self._left:
                    return 0
                self._member = zlib.decompressobj(_WITH_HEADER)
            elif not self._left:
                self._left = self._file.read(_BLOCK)
            cut = not self._left
            found = self._member.decompress(self._left, len(view))
            self._left = self._member.unconsumed_tail
            if found:
                view[: len(found)] = found
                return len(found)
            if cut and not self._member.eof:
                raise EOFError
