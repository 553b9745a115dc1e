"""Open the data directory: from here on the core holds what is in it."""

from collections.abc import Iterator
from contextlib import contextmanager

from tailsampler import _core
from tailsampler.errors import StartError


def open_core(options: str) -> _core.Gateway:
    """Lock the directory, replay its logs, start the threads; the doors stay closed.

    ``options`` is JSON, see ``_core.Gateway``. Raises ``StartError``.
    """
    with in_our_words():
        return _core.Gateway(options)


@contextmanager
def in_our_words() -> Iterator[None]:
    """Turn the core's errors into ``StartError``; they have a slug and a sentence already."""
    try:
        yield
    except _core.CoreError as error:
        code, say = (*error.args, "", "")[:2]
        raise StartError(str(code), str(say) or str(code)) from error
