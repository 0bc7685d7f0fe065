"""The version of the data changes with every commit, and with nothing else."""

from collections.abc import Iterator

import pytest

from convocore_mcp.errors import MirrorError
from convocore_mcp.store.database.engine import Database
from convocore_mcp.store.engines.data_version import DataVersion

from .agent_store import AgentStore, at


@pytest.fixture
def version(database: Database) -> Iterator[DataVersion]:
    version = DataVersion(database)
    yield version
    version.close()


def test_the_version_changes_with_everything_that_is_written(
    database: Database, version: DataVersion
) -> None:
    agent = AgentStore(database)
    seen = [version.read()]
    for minute in range(3):
        agent.writer.update_coverage(agent.agent, as_of=at(minute))
        seen.append(version.read())
    assert len(set(seen)) == 4
    assert None not in seen


def test_reading_does_not_change_the_version(database: Database, version: DataVersion) -> None:
    before = version.read()
    AgentStore(database).reader.field_values("nobody", "stage")
    assert version.read() == before


def test_the_version_can_be_read_again_after_it_was_closed(version: DataVersion) -> None:
    assert version.read() is not None
    version.close()
    assert version.read() is not None


def test_a_mirror_that_can_not_be_read_has_no_version(
    in_postgresql: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable() -> None:
        raise MirrorError("The server is gone.")

    monkeypatch.setattr(in_postgresql, "reading", unreadable)
    assert DataVersion(in_postgresql).read() is None
