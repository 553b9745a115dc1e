"""Assertions of the harness say what differs, as those in a test do."""

import pytest

pytest.register_assert_rewrite("tests.simulation.pair")
