"""Places that several processes can share."""

from pathlib import Path

import pytest


@pytest.fixture
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty place that several processes can share."""
    if request.param == "in_file":
        return str(tmp_path / "data" / "mirror.sqlite3")
    return str(request.getfixturevalue("postgresql")())
