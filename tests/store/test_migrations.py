"""Files of another version."""

import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from structlog.testing import capture_logs

from tailsampler.errors import StartError
from tailsampler.store import database
from tailsampler.store.options import Options
from tailsampler.store.query import Needs
from tailsampler.store.schema import APPLICATION_ID, REVISION, metadata
from tailsampler.store.traces import TraceStore
from tailsampler.testing.clock import ManualClock
from tailsampler.testing.spans import request, resource, trace, trace_id_of
from tests.needs import ROOT
from tests.store.opened import empty, opened

LATER = '''
"""A change of a test."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Give traces a rank."""
    op.execute("ALTER TABLE traces ADD COLUMN rank INTEGER NOT NULL DEFAULT 7")
'''


def payload(*trace_ids: int) -> bytes:
    spans = [span for number in trace_ids for span in trace(number)]
    return request(resource("shop", *spans)).SerializeToString()


@pytest.fixture
def later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The program as of a later version, with a second migration."""
    empty()  # made and remembered by this version, before it seems a later one
    folder = tmp_path / "migrations"
    shutil.copytree(database.MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "r0002_rank.py").write_text(LATER)
    monkeypatch.setattr(database, "MIGRATIONS", folder)
    monkeypatch.setattr(database, "REVISION", "0002")
    return folder


def test_migrations_make_the_schema(tmp_path: Path) -> None:
    """What the migrations lead to is what the program works with, column by column."""
    with opened(tmp_path) as store, store._file.opened().writer.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, metadata) == []
        found = connection.exec_driver_sql("PRAGMA application_id").scalar_one()
        assert found == APPLICATION_ID
        inspected = sa.inspect(connection)
        for table in metadata.sorted_tables:
            assert {str(one["type"]) for one in inspected.get_columns(table.name)} == {
                str(column.type.compile(connection.dialect)) for column in table.columns
            }


def test_a_populated_older_file_is_upgraded(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Traces of the version before are there after it, and more can be stored."""
    with opened(tmp_path) as store:
        store.write(payload(1, 2))
    request.getfixturevalue("later")
    with capture_logs() as logs, opened(tmp_path) as store:
        assert {row.trace_id for row in store.rows(Needs(), limit=9)} == {
            trace_id_of(1),
            trace_id_of(2),
        }
        store.write(payload(3))
        with store._file.opened().readers.connect() as connection:
            ranks = connection.exec_driver_sql("SELECT rank FROM traces").scalars().all()
        assert ranks == [7, 7, 7]
    assert [(entry["event"], entry["before"], entry["now"]) for entry in logs] == [
        ("store.upgraded", "0001", "0002")
    ]


def test_an_upgrade_that_fails_changes_nothing(tmp_path: Path, later: Path) -> None:
    """A migration that stops half-way leaves the file to the version that wrote it."""
    broken = LATER.replace('DEFAULT 7")', 'DEFAULT 7")\n    op.execute("no statement")')
    (later / "versions" / "r0002_rank.py").unlink()
    path = tmp_path / "traces.sqlite"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "REVISION", "0001")
        with opened(tmp_path) as store:
            store.write(payload(1))
    (later / "versions" / "r0002_rank.py").write_text(broken)
    store = TraceStore(path, Options(), ManualClock())
    with pytest.raises(OSError, match="syntax error"):
        store.totals()
    store.close()
    with sqlite3.connect(path) as connection:
        columns = {row[1] for row in connection.execute("PRAGMA table_info(traces)")}
        [version] = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    connection.close()
    assert "rank" not in columns
    assert version == "0001"


def test_a_file_of_a_later_version_is_refused(tmp_path: Path, later: Path) -> None:
    """After a step back to this version, the later one's file is named and left alone."""
    (tmp_path / "new").mkdir()
    with opened(tmp_path / "new") as store:
        store.totals()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "REVISION", "0001")
        (later / "versions" / "r0002_rank.py").unlink()
        with pytest.raises(StartError, match="schema 0002"):
            TraceStore.open(tmp_path / "new" / "traces.sqlite", Options(), ManualClock())


def test_the_newest_revision_is_named(tmp_path: Path) -> None:
    """The name that is compared without asking Alembic is that of the newest migration."""
    newest = max((database.MIGRATIONS / "versions").glob("r*.py"))
    assert f'revision = "{REVISION}"' in newest.read_text()


def test_alembic_is_not_imported_for_a_file_of_this_version(tmp_path: Path) -> None:
    """Starts after the first do without what only an upgrade needs."""
    with opened(tmp_path) as store:
        store.totals()
    script = f"""
import sys
from pathlib import Path
from tailsampler.store.opening import open_local
from tailsampler.settings.export import LocalExporter
from tailsampler.testing.clock import ManualClock
assert "sqlalchemy" not in sys.modules
open_local(LocalExporter(), Path({str(tmp_path / "traces.sqlite")!r}), ManualClock()).close()
assert "sqlalchemy" in sys.modules
assert "alembic" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT, timeout=50)
