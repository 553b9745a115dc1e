"""Where the gateway listens, in a file: ports that were 0 in the settings have become real ones."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tailsampler.errors import StartError

FILE_NAME = "addresses.json"


@contextmanager
def addresses_file(data_directory: Path) -> Iterator[Callable[[Mapping[str, str]], None]]:
    """Yields what writes ``host:port`` by listener; the file is there only while we listen.

    One that a killed process left behind goes first. Raises ``StartError``.
    """
    path = data_directory / FILE_NAME

    def write(bound: Mapping[str, str]) -> None:
        new = path.with_suffix(".new")
        with _in_our_words(path):
            new.unlink(missing_ok=True)  # of a process that was killed; its mode is not ours
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(json.dumps(dict(bound)) + "\n")
            new.replace(path)  # whoever waits for it never reads half of it

    with _in_our_words(path):
        path.unlink(missing_ok=True)
    try:
        yield write
    finally:
        path.unlink(missing_ok=True)


@contextmanager
def _in_our_words(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        say = f"{path} could not be written ({error.strerror}); make room, or let this user write."
        raise StartError("addresses_unwritable", say) from error
