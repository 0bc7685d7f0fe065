"""A sandbox, and what answers say of it before and after the details were read."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from convocore_mcp.sandbox import Sandbox
from convocore_mcp.sync.details.plan import DetailsMode, DetailsPlan
from tests.tool_client import Answer, ToolClient

NOW = datetime(2026, 8, 1, 12, tzinfo=UTC)
FAST: dict[str, Any] = {"details": "auto", "details_per_second": 1000}
"""Settings with which a test need not wait for the requests."""
MAX_QUESTIONS = 20
FAST_PLAN = DetailsPlan(DetailsMode.AUTO, per_second=1000)
FULL_ROW = {
    "ts": 1_780_000_000, "lastMessageTS": 1_780_000_000, "messagesNum": 3, "origin": "web-chat",
    "state": "ended_chat", "summary": "Asked for a price.", "lastMessage": "Thanks!",
}  # fmt: skip


def full_rows(count: int, **fields: object) -> list[dict[str, Any]]:
    """Rows of a list that leaves nothing out, newest first."""
    return [
        FULL_ROW | {"ID": f"c{number}", "ts": FULL_ROW["ts"] - number * 60} | fields  # type: ignore[operator]
        for number in range(count)
    ]


def requested_single_ids(sandbox: Sandbox) -> list[str]:
    """The IDs of the single conversations that were asked for, in order."""
    paths = (request.path.split("/") for request in sandbox.requests)
    return [path[-1] for path in paths if path[-2] == "convos" and path[-1]]


async def until_details_are_in(client: ToolClient) -> Answer:
    """Ask until an answer lacks nothing; returns that answer."""
    for _ in range(MAX_QUESTIONS):
        answer = await client.ask("conversation_stats")
        if answer["freshness"]["complete"]:
            return answer
        backend = await client.app.backend()
        for agent in backend.agents:
            await backend.syncs.details(agent).finish()  # type: ignore[attr-defined]
    raise AssertionError(answer["freshness"])


def notes(answer: Mapping[str, Any]) -> str:
    """The notes of an answer, as one text."""
    return " ".join(answer["freshness"].get("notes", ()))


def without_freshness(answers: Iterable[Answer]) -> list[Answer]:
    """The answers without what they say of themselves."""
    return [
        {k: v for k, v in answer.items() if k not in {"freshness", "next_cursor"}}
        for answer in answers
    ]
