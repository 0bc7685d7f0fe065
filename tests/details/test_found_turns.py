# ruff: noqa: RUF001  letters of other scripts look like those of ours
"""`find` of `get_conversation` finds what `query` of a list finds."""

import pytest

from convocore_mcp.sandbox import Sandbox
from tests.details.details_harness import NOW, notes
from tests.details.test_get_conversation import ask, transcribed

SAID = {
    "The refund has not come": ["refunds", "refund|Rückerstattung", '"has not"', "REFUND come"],
    "Mein Budget ist 15,000 EUR": ["15000", "15.000", "15000 budget"],
    "ชำระเงินแล้วแต่ยังไม่ได้รับ": ["เงิน", "ยังไม่"],
    "我们想要退款因为坏了": ["退款", "因为"],
    "제가 환불을 원합니다": ["환불"],
    "I’m at O’Brien’s office": ["obriens", "I'm"],
    "word " * 600 + "pineapple": ["pineapples"],
    "Meine Nummer: +49 151 2926 0773": ["015129260773", "29260773"],
}
"""What was said in a turn, and what finds this turn alone."""
NOWHERE = ["款退", "efund", '"not has"', "refund budget", "15001", "?!"]


@pytest.mark.parametrize("found_by", [*SAID.values(), NOWHERE], ids=str)
async def test_a_turn_is_found_as_a_list_is_searched(found_by: list[str]) -> None:
    """Ours: one way to search, whatever the script and the inflection.

    Holds docs/contract.md #conversation-arguments.
    """
    spoken = [
        {"from": "user", "messages": [{"type": "text", "payload": {"message": line}}]}
        for line in SAID
    ]
    pause = [{"from": "bot", "messages": [{"type": "text", "payload": {"message": "…"}}]}] * 4
    turns = [turn for one in spoken for turn in (*pause, one, *pause)]
    async with transcribed(Sandbox(size=1, now=NOW, export=True), turns) as client:
        for find in found_by:
            answer = await ask(client, "c0", find=find)
            said = [t["text"][:60] for t in answer["transcript"]["turns"] if t["from"] == "visitor"]
            wanted = [line[:60] for line, finds in SAID.items() if find in finds]
            assert said == wanted, find
            assert f"transcript: {len(wanted)} turn" in notes(answer)


async def test_that_older_turns_are_not_searched_is_noted() -> None:
    """Promised by docs/contract.md, "Rules for every answer": nothing is passed off as complete.

    Holds docs/contract.md #cut-told.
    """
    kept, said = 5_000, "Where is my order?"
    turn = {"from": "user", "messages": [{"type": "text", "payload": {"message": said}}]}
    first = {"from": "user", "messages": [{"type": "text", "payload": {"message": "Zebra"}}]}
    sandbox = Sandbox(size=1, now=NOW, export=True)
    async with transcribed(sandbox, [first, *[turn] * kept]) as client:
        answer = await ask(client, "c0", find="zebra")
        assert "0 turns of the newest 5,000 have these words" in notes(answer)
        assert answer["transcript"]["total"] == kept + 1
