"""Fixtures for all tests."""

import gc
import os
from collections.abc import Iterator

import hypothesis
import pytest
import stamina

from tests import property_tests  # noqa: F401  registers the profiles
from tests.postgresql import postgresql as postgresql  # noqa: PLC0414  a fixture

# Nobody's keys are looked for; where a test needs a keyring, it has its own.
os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"
# Tests keep many objects alive, so each scan for garbage takes long: a tenth of the CPU time.
gc.set_threshold(20_000, 20, 20)
# `--hypothesis-profile` loads another one later (tests/property_tests.py).
hypothesis.settings.load_profile("fixed")


@pytest.fixture
def anyio_backend() -> str:
    """The server runs on asyncio."""
    return "asyncio"


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    """Retry without pauses, and three times instead of six."""
    with stamina.set_testing(True, attempts=3, cap=True):
        yield
