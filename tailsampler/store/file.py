"""The open file of a store: opened when it is needed, replaced when it is damaged."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock
from typing import Final, TypeVar

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Engine

from tailsampler.store import database
from tailsampler.store.indexing import agree_on_indexed
from tailsampler.store.options import StoreUnavailableError

log = structlog.get_logger("tailsampler.store")

T = TypeVar("T")
_FAILURES: Final = (sa.exc.SQLAlchemyError, sqlite3.Error, database.DamagedError)


@dataclass(frozen=True, slots=True)
class Engines:
    """Connections to one file."""

    writer: Engine
    readers: Engine

    def dispose(self) -> None:
        """Close those that nobody uses."""
        self.writer.dispose()
        self.readers.dispose()


@dataclass(slots=True)
class StoreFile:
    """Hands out connections; any thread may ask."""

    path: Path
    indexed: frozenset[str]
    lock: RLock = field(default_factory=RLock)
    """Held by whoever writes, opens or replaces the file; readers go without it."""
    _engines: Engines | None = None

    def use(self, work: Callable[[Engines], T]) -> T:
        """Do something with the file, once more with a fresh one if it turns out to be damaged.

        Raises ``StoreUnavailableError`` if it cannot be used now.
        """
        for last_attempt in (False, True):
            engines: Engines | None = None
            try:
                engines = self.opened()
                return work(engines)
            except _FAILURES as error:
                if last_attempt or engines is None or not database.is_damage(error):
                    raise self._unavailable(error) from error
                self._replace(engines, error)
            except StoreUnavailableError:
                raise
            except OSError as error:
                raise self._unavailable(error) from error
        raise AssertionError("the last attempt returns or raises")

    def opened(self) -> Engines:
        """The connections; opens the file if it is not.

        Raises ``StoreUnavailableError`` if SQLite cannot use it now, ``OSError`` for what the
        system has against it, ``StartError`` for a file that is not this version's to write.
        """
        if (engines := self._engines) is not None:
            return engines
        with self.lock:
            if self._engines is None:
                self._engines = self._open()
            return self._engines

    def close(self) -> None:
        """Close it; it is opened again when it is needed."""
        with self.lock:
            if self._engines is not None:
                self._engines.dispose()
                self._engines = None

    def _open(self) -> Engines:
        database.create_file(self.path)
        try:
            return self._open_once()
        except _FAILURES as error:
            if not database.is_damage(error):
                raise self._unavailable(error) from error
            self._move_aside(error)
        database.create_file(self.path)
        try:
            return self._open_once()
        except _FAILURES as error:
            raise self._unavailable(error) from error

    def _open_once(self) -> Engines:
        database.check_header(self.path)
        engines = Engines(
            database.engine(self.path, "writer"), database.engine(self.path, "reader")
        )
        try:
            database.bring_to_this_version(engines.writer, self.path)
            with engines.writer.begin() as connection:
                agree_on_indexed(connection, self.indexed)
        except BaseException:
            engines.dispose()
            raise
        return engines

    def _replace(self, engines: Engines, error: Exception) -> None:
        with self.lock:
            # Two threads may have met the damage; the second finds it dealt with.
            if self._engines is engines:
                self._engines = None
                engines.dispose()
                self._move_aside(error)

    def _move_aside(self, error: Exception) -> None:
        aside = database.move_aside(self.path)
        log.error(
            "store.damaged",
            path=str(self.path),
            error=_words(error),
            moved_to=str(aside),
            message="A fresh trace store is begun; the damaged file is kept for you to look at.",
        )

    def _unavailable(self, error: Exception) -> StoreUnavailableError:
        return StoreUnavailableError(f"cannot use {self.path}: {_words(error)}")


def _words(error: Exception) -> str:
    # SQLAlchemy repeats the statement with its values, which came from outside.
    original = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    return str(original)
