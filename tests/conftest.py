"""Fixtures for all tests."""

from collections.abc import Iterator

import hypothesis
import pytest
import stamina

from tests.postgresql import postgresql as postgresql  # noqa: PLC0414  a fixture

# The first example imports heavy libraries, and durations are no property.
hypothesis.settings.register_profile("ours", deadline=None)
hypothesis.settings.load_profile("ours")


@pytest.fixture
def anyio_backend() -> str:
    """The server runs on asyncio."""
    return "asyncio"


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    """Retry without pauses, and three times instead of six."""
    with stamina.set_testing(True, attempts=3, cap=True):
        yield
