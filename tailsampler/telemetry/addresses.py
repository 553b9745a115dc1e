"""Where the gateway listens, in a file: ports that were 0 in the settings have become real ones."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

FILE_NAME = "addresses.json"


@contextmanager
def addresses_file(data_directory: Path) -> Iterator[Callable[[Mapping[str, str]], None]]:
    """Yields what writes ``host:port`` by listener; the file is there only while we listen.

    One that a killed process left behind goes first. Raises ``OSError``.
    """
    path = data_directory / FILE_NAME
    path.unlink(missing_ok=True)

    def write(bound: Mapping[str, str]) -> None:
        new = path.with_suffix(".new")
        new.write_text(json.dumps(dict(bound)) + "\n", encoding="utf-8")
        new.replace(path)  # whoever waits for it never reads half of it

    try:
        yield write
    finally:
        path.unlink(missing_ok=True)
