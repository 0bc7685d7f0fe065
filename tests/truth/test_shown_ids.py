"""Whatever an ID holds, what an answer shows of it names that conversation and no other."""

from urllib.parse import quote

from convocore_mcp.sandbox import Sandbox
from tests.tool_client import connected

ODD_IDS = (
    "c1", " c1", "c1 ", "c\u200b1", "c\u202e1", "%20d1", "%2520d1", "\u00e9", "e\u0301", "C1",
    "<b>1</b>", "[a](http://x)", "a\u00a0b", "a b", "a/b?c#d", "100%", "+49 151 1", "none", "😀",
    "..", "../x", "/x", "w:1", "\\\\x",
)  # fmt: skip
AT = 1_780_000_000


async def test_an_id_that_is_shown_names_that_conversation_and_lead_alone() -> None:
    """Promised by docs/contract.md, "`get_lead`": whatever was shown can be pasted back.

    Holds docs/contract.md #pasted-back #ids-encoded. IDs that differ only in what nobody sees are
    different.
    """
    sandbox = Sandbox(size=0)
    sandbox.replace([
        {"ID": id_, "ts": AT - n, "userName": f"Ann {n:02d}"}
        for n, id_ in enumerate(ODD_IDS)
    ])  # fmt: skip
    async with connected(sandbox) as client:
        await client.until_complete()
        rows = (await client.ask("list_conversations", limit=100))["conversations"]
        assert (
            len({row["id"] for row in rows})
            == len({row["lead_id"] for row in rows})
            == len(ODD_IDS)
        )
        for row, id_ in zip(rows, ODD_IDS, strict=True):
            name, shown = row["name"], row["id"]
            found = await client.ask("get_conversation", conversation=shown)
            assert (found["conversation"]["name"], found["conversation"]["id"]) == (name, shown), (
                id_
            )
            for asked in (shown, row["lead_id"]):
                assert (await client.ask("get_lead", lead=asked))["lead"]["name"] == name, id_
            for where in (f'id="{shown}"', f'lead_id="{row["lead_id"]}"'):
                listed = await client.ask("list_conversations", where=[where])
                assert name in {found["name"] for found in listed["conversations"]}, id_
            record = await client.read(
                f"convocore://agents/demo-agent/conversations/{quote(shown, safe='')}"
            )
            assert record["user_name"] == name, id_
            lead = await client.read(
                f"convocore://agents/demo-agent/leads/{quote(row['lead_id'], safe='')}"
            )
            assert lead["lead"]["name"] == name, id_
