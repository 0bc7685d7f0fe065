"""Fixtures for tests of faults."""

from collections.abc import Iterator

import pytest
import stamina


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    """Retry without pauses, and once: a fault lasts until the test ends it."""
    with stamina.set_testing(True, attempts=2, cap=True):
        yield
