"""What an answer shows is what a filter finds, whatever invisible characters a value came with."""

import pytest

from convocore_mcp.sandbox import Sandbox
from tests.tool_client import connected

UNSEEN = [
    "\u200b",
    "\ufeff",
    "\u200e",
    "\u202a",
    "\u2060",
    "\u00ad",
    "\U000e0041",
    "\u3164",
    "\x08",
]
"""A blank without width, a byte order mark, marks of direction, a tag, a filler, a backspace."""


@pytest.mark.parametrize("unseen", UNSEEN, ids=ascii)
async def test_a_value_that_is_shown_is_found_by_every_filter_and_group(unseen: str) -> None:
    """Promised by docs/contract.md, "Fields": one vocabulary; text compares as it is read."""
    sandbox = Sandbox(size=0)
    sandbox.insert(
        ID="odd",
        userName=f"{unseen}Zoë Ünal",
        userEmail=f"zoe@x.example{unseen}",
        stage=f"{unseen}won",
        hotLabel="hot",
        origin=f"whats{unseen}app",
        chatAssignedTo=f"Lina{unseen}",
        tags=[f"v{unseen}ip"],
        capturedVariables={f"bud{unseen}get": f"{unseen}25k"},
    )
    sandbox.insert(ID="same", userEmail="zoe@x.example")
    async with connected(sandbox) as client:
        await client.until_complete()
        shown = {"stage": "won", "channel": "whatsapp", "assignee": "Lina", "tag": "vip"}
        for argument, value in shown.items():
            answer = await client.ask("list_conversations", **{argument: value})
            assert [row["id"] for row in answer["conversations"]] == ["odd"], argument
            by = await client.ask("conversation_stats", group_by=[argument])
            assert {argument: value, "conversations": 1} in [
                {name: group[name] for name in (argument, "conversations")}
                for group in by["groups"]
            ]
        for condition in ("name=zoe unal", "tags=vip", "data.budget>=25000", "channel=whatsapp"):
            answer = await client.ask("list_conversations", where=condition)
            assert [row["id"] for row in answer["conversations"]] == ["odd"], condition
        leads = await client.ask("list_leads", where=["stage=won"])
        assert [(lead["name"], lead["hot"]) for lead in leads["leads"]] == [("Zoë Ünal", False)]
        assert leads["total"] == 1  # the two addresses are one


async def test_a_tag_of_joined_signs_is_found_as_it_is_shown() -> None:
    """Promised by docs/contract.md, "Fields": joiners shape letters, and comparing ignores them."""
    sandbox = Sandbox(size=0)
    for number, tag in enumerate(
        ["\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "👩\u200d💻 team"]
    ):
        sandbox.insert(ID=f"c{number}", state="open", tags=[tag])
    async with connected(sandbox) as client:
        await client.until_complete()
        for row in (await client.ask("list_conversations"))["conversations"]:
            (tag,) = row["tags"]
            found = await client.ask("list_conversations", where=[f"tags={tag}"])
            assert [other["id"] for other in found["conversations"]] == [row["id"]]
