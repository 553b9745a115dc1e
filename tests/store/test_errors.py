"""What the trace store says when something fails."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from tailsampler.store.database import engine


@pytest.mark.parametrize("role", ["writer", "reader"])
def test_an_error_repeats_no_content_of_spans(tmp_path: Path, role: str) -> None:
    """Errors are logged; a statement's parameters are names and attributes."""
    path = tmp_path / "traces.sqlite"
    path.touch()
    made = engine(path, role)
    with made.connect() as connection, pytest.raises(sa.exc.OperationalError) as caught:
        connection.execute(sa.text("SELECT * FROM nowhere WHERE name = :name"), {"name": "canary"})
    made.dispose()
    assert "nowhere" in str(caught.value)
    assert "canary" not in str(caught.value)
