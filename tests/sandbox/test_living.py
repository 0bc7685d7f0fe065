"""The living sandbox: what happens while time passes, by seed and clock alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from convocore_mcp.sandbox import Dialect, Sandbox
from tests.tool_client import connected

if TYPE_CHECKING:
    from tests.sandbox.conftest import StartSandbox

START = datetime(2026, 7, 19, 9, tzinfo=UTC)


class Clock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


def living(clock: Clock, *, seed: int = 1, **options: Any) -> Sandbox:
    return Sandbox(size=120, seed=seed, live=True, clock=clock, **options)


@pytest.mark.parametrize("dialect", ["cursor", "page"])
def test_the_data_at_a_time_is_the_same_however_often_somebody_looks(dialect: Dialect) -> None:
    """Ours: tests and demos of what changes can be repeated."""
    clock = Clock()
    often, once, other = (
        living(clock, dialect=dialect),
        living(clock, dialect=dialect),
        living(clock, seed=2, dialect=dialect),
    )
    before = list(often.rows())
    for _ in range(30):
        clock.now += timedelta(minutes=2)
        list(often.rows())
    assert list(often.rows()) == list(once.rows()) != before
    assert list(other.rows()) != list(once.rows())


def test_everything_that_a_day_brings_happens(start_sandbox: StartSandbox) -> None:
    """Ours: conversations arrive, people write, ask, are accepted, move through stages, score."""
    clock = Clock()
    client = start_sandbox(size=120, live=True, clock=clock)
    before = {row["ID"]: row for row in client.sandbox.rows()}
    seen: set[str] = set()
    for _ in range(60):
        clock.now += timedelta(minutes=5)
        page = client.get(limit=20).json()["data"]
        for row in page:
            old = before.get(row["ID"], {})
            seen |= {
                name
                for name in ("messagesNum", "state", "stage", "leadScore", "assignedTo")
                if row.get(name) != old.get(name)
            }
            seen |= {"new"} if not old else set()
            seen |= {str(row.get("state")), str(row.get("stage"))}
            before[row["ID"]] = row
    expected = {
        "new", "messagesNum", "state", "stage", "leadScore", "assignedTo",
        "requested_chat", "human-chatting", "won",
    }  # fmt: skip
    assert expected <= seen
    times = [row["ts"] // (1000 if row["ts"] > 10**11 else 1) for row in client.sandbox.rows()]
    assert times[0] <= clock.now.timestamp()
    assert times == sorted(times, reverse=True)


async def test_what_happens_is_shown_with_the_time_at_which_it_happened() -> None:
    """Promised by docs/contract.md, "`list_changes`": `at`, of a sandbox that lives."""
    clock = Clock()
    clock.now = datetime.now(UTC) - timedelta(hours=1)
    sandbox = living(clock)
    async with connected(sandbox, incremental_sync_seconds=0) as client:
        cursor = (await client.ask("list_changes"))["next_cursor"]
        clock.now += timedelta(minutes=30)
        answer = await client.ask("list_changes", cursor=cursor, limit=200)
        waiting = await client.ask("list_changes", cursor=cursor, became="waiting")
        created = [c for c in answer["changes"] if c["kind"] == "created"]
        assert created
        latest = f"{clock.now:%Y-%m-%dT%H:%M:%SZ}"
        assert all(change["at"] <= latest < change["seen"] for change in created)
        assert all(change["became"] for change in waiting["changes"])
