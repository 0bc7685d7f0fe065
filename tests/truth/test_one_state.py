"""An answer that is read in several steps is of one moment, however busy the mirror is."""

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, Engine, event

from convocore_mcp.sandbox import Sandbox
from tests.tool_client import connected

AT = 1_780_000_000
PEOPLE = 12


async def test_the_parts_of_a_summary_are_of_one_moment(tmp_path: Path) -> None:
    """Ours: another process saves a change before each thing that an answer reads."""
    mirror = tmp_path / "mirror.sqlite3"
    sandbox = Sandbox(size=0)
    sandbox.replace([
        {"ID": f"c{n:02}", "ts": AT - n, "userName": f"P {n}", "stage": "new", "hotLabel": "hot"}
        for n in range(PEOPLE)
    ])  # fmt: skip
    cooled = 0

    def cool_one_more(_: Connection) -> None:
        nonlocal cooled
        with closing(sqlite3.connect(mirror)) as other:
            other.execute(
                "UPDATE convocore_leads SET hot_score = NULL WHERE lead_id = ?", (f"c{cooled:02}",)
            )
            other.execute("UPDATE convocore_agents SET data_version = data_version + 1")
            other.commit()
        cooled += 1

    async with connected(sandbox, store=str(mirror), incremental_sync_seconds=3600) as client:
        await client.until_complete()
        event.listen(Engine, "begin", cool_one_more)
        try:
            answer = await client.ask("summarize_hot_leads", top=50)
        finally:
            event.remove(Engine, "begin", cool_one_more)

    assert 0 < cooled <= PEOPLE
    assert answer["hot"] == len(answer["leads"]) == sum(answer["by_stage"].values())
