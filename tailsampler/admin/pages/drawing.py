"""pygal, which draws the diagrams, without what it leaves behind."""

import functools
import sys
from typing import Any


@functools.cache
def pygal() -> Any:
    """The library, imported with the first diagram: that takes a tenth of a second.

    It adds an import hook of an old kind, for maps in packages of their own, of which Python
    would warn at every import from then on. It goes.
    """
    import pygal as library  # type: ignore[import-untyped]  # noqa: PLC0415

    sys.meta_path[:] = [
        finder for finder in sys.meta_path if not isinstance(finder, library.PluginImportFixer)
    ]
    return library
