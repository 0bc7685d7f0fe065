"""Stores that several processes can share."""

from pathlib import Path

import pytest


@pytest.fixture
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The location of an empty store (`CONVOCORE_STORE`): a file, or a PostgreSQL database."""
    if request.param == "in_file":
        return str(tmp_path / "data" / "mirror.sqlite3")
    return str(request.getfixturevalue("postgresql")())
