# ruff: noqa: RUF001  digits and signs of other scripts look like those of ours
"""A number is found however its digits are grouped, in the text and in the question."""

from convocore_mcp.sandbox import Sandbox
from tests.tool_client import connected

FIFTEEN = ["15000", "15,000", "15.000", "15 000", "15'000", "15’000", "15\u202f000", "15\u066c000"]
LARGE = ["1250000", "1,250,000", "1.250.000", "12,50,000", "12 50 000", "١٬٢٥٠٬٠٠٠"]
OTHERS = ["on 15,00 or so", "items 1,5,0,0,0", "15, 000 and more", "rooms 12345,67890"]


async def test_a_number_is_found_however_its_digits_are_grouped() -> None:
    """Promised by docs/contract.md, "Tools": a number is found by any five of its digits.

    Holds docs/contract.md #query-digits.
    """
    texts = [*FIFTEEN, *LARGE, *OTHERS]
    sandbox = Sandbox(size=0)
    sandbox.replace([
        {"ID": f"c{n}", "ts": 1_790_000_000 - n, "origin": "web-chat", "messagesNum": 1,
         "userName": "Ann", "summary": f"A budget of {text} EUR"}
        for n, text in enumerate(texts)
    ])  # fmt: skip
    async with connected(sandbox) as client:
        await client.until_complete()
        for group in (FIFTEEN, LARGE):
            for query in group:
                found = await client.ask("list_conversations", query=query, limit=100)
                got = {texts[int(row["id"][1:])] for row in found["conversations"]}
                assert set(group) <= got, query
                assert got.isdisjoint(OTHERS), query
        for query in ("12345", "67890"):
            assert (await client.ask("list_conversations", query=query))["total"] == 1
