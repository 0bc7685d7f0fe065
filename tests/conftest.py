"""Fixtures for all tests."""

import gc
import logging
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import stamina
from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

from tests import process_caches, property_tests  # noqa: F401  the latter registers the profiles
from tests.postgresql import postgresql as postgresql  # noqa: PLC0414  a fixture

# No test reads the user's keyring; a test that needs a keyring has one of its own.
os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"
# A process that a shell runs in the background ignores Ctrl+C, and so would those that tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# Tests keep many objects alive, so each scan for garbage takes long: a tenth of the CPU time.
gc.set_threshold(20_000, 20, 20)
# `--hypothesis-profile` loads another one later (tests/property_tests.py).
hypothesis.settings.load_profile("fixed")


ROOT = Path(__file__).parent.parent
SLOWEST_FIRST = (
    "tests/test_questions.py",
    "tests/sync/test_resuming.py",
    "tests/truth/test_one_truth.py",
)
"""Modules that take long. If they ran last, one worker would wait for the other's."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the slowest modules; the workers take modules in the order of their tests."""
    if missing := [name for name in SLOWEST_FIRST if not (ROOT / name).exists()]:
        raise pytest.UsageError(f"SLOWEST_FIRST in {__file__} names no modules: {missing}")
    positions = {module: position for position, module in enumerate(SLOWEST_FIRST)}
    items.sort(key=lambda item: positions.get(item.nodeid.partition("::")[0], len(positions)))


class Scheduling(LoadFileScheduling):  # type: ignore[misc]  # xdist has no types
    """A worker takes the tests of a module, which share fixtures; of the clients, one client."""

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        return nodeid if module == "tests/clients/test_clients.py" else module


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Scheduling:
    """Schedule the tests of all runs."""
    return Scheduling(config, log)


@pytest.fixture
def anyio_backend() -> str:
    """The server runs on asyncio."""
    return "asyncio"


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    """Retry without pauses, and three times instead of six."""
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


@pytest.fixture(autouse=True)
def every_logger_logs() -> None:
    """Undo what a command, also one of a fixture, does to the loggers of its process."""
    for name in ("convocore_mcp.sync", "stamina"):
        logging.getLogger(name).setLevel(logging.NOTSET)


@pytest.fixture(scope="session", autouse=True)
def shared_caches() -> Iterator[None]:
    """Cache what each server under test would compute again (tests/process_caches.py)."""
    with pytest.MonkeyPatch.context() as patch:
        process_caches.install(patch)
        yield
