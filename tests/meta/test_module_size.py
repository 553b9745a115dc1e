"""A module is read in one sitting."""

from tests.meta.source import name, written_by_hand

MOST_LINES = 500


def test_no_module_is_over_the_limit() -> None:
    """No Python or Rust module, test or not, has more than 500 lines."""
    sizes = {
        name(path): len(path.read_text().splitlines()) for path in written_by_hand(".py", ".rs")
    }
    assert {module: lines for module, lines in sizes.items() if lines > MOST_LINES} == {}
