"""The file: how it is opened, brought to this version, and what its errors mean."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
import structlog
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import QueuePool

from tailsampler.errors import Place, StartError
from tailsampler.store.schema import APPLICATION_ID, REVISION

log = structlog.get_logger("tailsampler.store")

# How long a write waits for another process. Spans wait better in the outbox.
_BUSY_S: Final = 1.0
# The log is written back every 2,000 pages of 4 KiB: pages that are hot are written back once.
_CHECKPOINT_PAGES: Final = 2_000
_LOG_BYTES: Final = 8 << 20
_CACHE_KIB: Final = {"writer": 32_768, "reader": 8_192}
_READERS: Final = 4
_MAGIC: Final = b"SQLite format 3\0"
_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
MIGRATIONS: Final = Path(__file__).parent / "migrations"


class DamagedError(Exception):
    """The file is no database, or not a whole one."""


def is_damage(error: BaseException) -> bool:
    """Whether SQLite says that the file is damaged."""
    if isinstance(error, DamagedError):
        return True
    original = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    if not isinstance(original, sqlite3.Error):
        return False
    code = getattr(original, "sqlite_errorcode", 0) & 0xFF
    # A table that was there when the file was opened does not go away by itself.
    return code in _DAMAGED or str(original).startswith("no such table")


def create_file(path: Path) -> None:
    """Make an empty file that only its owner can read; what SQLite puts beside it follows that."""
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))


def check_header(path: Path) -> None:
    """Raise ``DamagedError`` for a file that is not empty and does not begin as a database does."""
    with path.open("rb") as file:
        header = file.read(100)
    # What SQLite answers to others than these is not "damaged", but something that could pass.
    versions = {*header[18:20]} <= {1, 2}
    schema_format = int.from_bytes(header[44:48], "big") <= 4
    if header and not (len(header) == 100 and header[:16] == _MAGIC and versions and schema_format):
        raise DamagedError(f"{path} does not begin as a SQLite database does")


def engine(path: Path, role: str) -> Engine:
    """Connections for the ``writer`` (one) or ``reader`` (a few, which cannot write)."""
    made = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)),
        poolclass=QueuePool,
        pool_size=1 if role == "writer" else _READERS,
        max_overflow=0,
        # Errors are logged, and a statement's parameters are names and attributes of spans.
        hide_parameters=True,
        # Transactions begin where `_begin` says so, not where the driver guesses.
        connect_args={"isolation_level": None, "timeout": _BUSY_S, "check_same_thread": False},
    )

    @event.listens_for(made, "connect")
    def _set_up(connection: sqlite3.Connection, _: Any) -> None:
        cursor = connection.cursor()
        for pragma in (
            f"cache_size = -{_CACHE_KIB[role]}",
            "temp_store = MEMORY",
            *(_WRITER if role == "writer" else ("query_only = ON",)),
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(made, "begin")
    def _begin(connection: Connection) -> None:
        # A writer that began as a reader could find itself overtaken; this one waits its turn.
        connection.exec_driver_sql("BEGIN IMMEDIATE" if role == "writer" else "BEGIN")

    return made


_WRITER: Final = (
    "journal_mode = WAL",
    # The outbox forgets what was written: it has to be on the disk, not on its way there.
    "synchronous = FULL",
    f"wal_autocheckpoint = {_CHECKPOINT_PAGES}",
    f"journal_size_limit = {_LOG_BYTES}",
)


def bring_to_this_version(made: Engine, path: Path) -> None:
    """Make the tables, or change those of an older version.

    Raises ``StartError`` for a newer version, or if the file is somebody else's database.
    """
    with made.begin() as connection:
        found = _revision(connection, path)
        if found != REVISION:
            _upgrade(connection, path, found)


def _revision(connection: Connection, path: Path) -> str | None:
    tables = set(
        connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars()
    )
    if not tables:
        return None
    ours = connection.exec_driver_sql("PRAGMA application_id").scalar() == APPLICATION_ID
    if "alembic_version" not in tables:
        if ours:
            raise DamagedError(f"{path} has lost its tables")
        say = f"{path} is a database of another program; write another path: for the trace store"
        raise StartError("not_a_trace_store", say, Place(key="export.path"))
    found: str | None = connection.exec_driver_sql(
        "SELECT version_num FROM alembic_version"
    ).scalar()
    return found


def _upgrade(connection: Connection, path: Path, found: str | None) -> None:
    # Slow to import, and needed once in the life of a file and version.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    known = {one.revision for one in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        say = (
            f"{path} was written by a newer version of tailsampler (schema {found}; this one "
            f"knows up to {REVISION}); run that version, or write another path:"
        )
        raise StartError("trace_store_is_newer", say, Place(key="export.path"))
    command.upgrade(config, "head")
    if found is not None:
        log.info("store.upgraded", path=str(path), before=found, now=REVISION)


def move_aside(path: Path) -> Path:
    """Rename the file and what belongs to it; returns where it is now."""
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    for suffix in ("-wal", "-shm"):
        beside = path.with_name(path.name + suffix)
        if beside.exists():
            beside.rename(aside.with_name(aside.name + suffix))
    path.rename(aside)
    return aside


def bytes_on_disk(path: Path) -> int:
    """Of the file and its log."""
    return _size(path) + log_bytes(path)


def log_bytes(path: Path) -> int:
    """Of the log of the database."""
    return _size(path.with_name(f"{path.name}-wal"))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
