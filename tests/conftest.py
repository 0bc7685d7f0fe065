"""Fixtures for all tests."""

import gc
import json
import logging
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import jsonschema  # type: ignore[import-untyped]
import pytest
import stamina

from tests import property_tests  # noqa: F401  registers the profiles
from tests.postgresql import postgresql as postgresql  # noqa: PLC0414  a fixture

# Nobody's keys are looked for; where a test needs a keyring, it has its own.
os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"
# A shell has the processes that it puts into the background ignore Ctrl+C, and so would those that
# tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# Tests keep many objects alive, so each scan for garbage takes long: a tenth of the CPU time.
gc.set_threshold(20_000, 20, 20)
# `--hypothesis-profile` loads another one later (tests/property_tests.py).
hypothesis.settings.load_profile("fixed")


ROOT = Path(__file__).parent.parent
SLOWEST_FIRST = (
    "tests/test_benchmarks.py",
    "tests/test_questions.py",
    "tests/interop/test_typescript.py",
    "tests/sync/test_resuming.py",
    "tests/board/test_in_a_browser.py",
    "tests/board/test_in_a_chat.py",
    "tests/truth/test_one_truth.py",
)
"""Modules that take long. At the end of a run, one worker would wait for the other's."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the slowest modules; the workers take modules in the order of their tests."""
    if missing := [name for name in SLOWEST_FIRST if not (ROOT / name).exists()]:
        raise pytest.UsageError(f"SLOWEST_FIRST in {__file__} names no modules: {missing}")
    places = {module: place for place, module in enumerate(SLOWEST_FIRST)}
    items.sort(key=lambda item: places.get(item.nodeid.partition("::")[0], len(places)))


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
def log_levels_are_as_before() -> Iterator[None]:
    """Undo what a command does to the loggers of its process."""
    loggers = [
        logging.getLogger(name) for name in ("convocore_mcp", "convocore_mcp.sync", "stamina")
    ]
    levels = [logger.level for logger in loggers]
    yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.fixture(scope="session", autouse=True)
def each_schema_is_checked_once() -> Iterator[None]:
    """Check each text of a schema once in a process, and not again for each client.

    A client checks the output schemas of the tools that it calls, and tests have many clients: a
    sixth of the CPU time.
    """
    check = jsonschema.Draft202012Validator.check_schema
    checked: set[str] = set()

    def check_once(schema: Any) -> None:
        text = json.dumps(schema)
        if text not in checked:
            check(schema)
            checked.add(text)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonschema.Draft202012Validator, "check_schema", staticmethod(check_once))
        yield
