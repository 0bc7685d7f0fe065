# ruff: noqa: RUF001  letters and signs of other scripts look like those of ours
"""Personal data is masked however it is written, and wherever in a record it stands."""

import json
import time
from typing import Any

import pytest

from convocore_mcp.models.personal import PersonalValues
from convocore_mcp.sandbox import Sandbox
from convocore_mcp.server.privacy.text_masks import mask_text
from tests.tool_client import connected

MOMENT = 1_780_000_000
SCORED = {"hotLabel": "hot", "leadScore": 90, "funnelLastEvaluated": MOMENT}
ROWS: list[dict[str, Any]] = [
    {"ID": "c1", "userName": "José O'Brien-Núñez",
     "summary": "Jose came. JOSE\u0301 again, O’Brien too.",
     "lostReason": "too dear for Núñez", "endReason": "Jose hung up", "stage": "lost",
     "userAddress": "5 Elm Road, Springfield", "notes": "lives at 5 Elm Road,  Springfield",
     "linkedIn": "https://www.linkedin.com/in/joseon/", "lastMessage": "see linkedin.com/in/joseon",
     "vapi": {"callError": "could not reach Jose at all", "callStatus": "failed"}},
    {"ID": "c2", "userPhone": "+49 151 77712345", "capturedVariables": {"no": 4915177712345},
     "summary": "or 0151_77712345", "assignedTo": {"name": "Ludmila", "assignedAt": MOMENT},
     "crmActivities": [{"title": "t", "type": "Call about Otto", "date": MOMENT, "completed": True,
                        "notesHistory": [{"agentName": "Gudrun", "text": "ok", "timestamp": MOMENT},
                                         {"agentName": "Ada Byron", "text": "and Ada Byron",
                                          "timestamp": MOMENT}]}],
     "userName": "Otto Otter", **SCORED},
    {"ID": "c3", "capturedVariables": {"dateOfBirth": "1980-03-04", "telefono": "ask them",
                                       "имя": "Vova", "note": "I was born 1980-03-04"}},
]  # fmt: skip
RAW = [
    "Jos", "Brien", "ñez", "Elm", "joseon", "77712345", "Ludmila", "Gudrun", "Byron", "Otto",
    "1980", "ask them", "Vova",
]  # fmt: skip


async def shown(pii: str) -> str:
    """What the tools and the resource say of each conversation and lead."""
    sandbox = Sandbox(size=0)
    for row in ROWS:
        sandbox.insert(**row)
    found: list[object] = []
    async with connected(sandbox, pii=pii) as client:
        await client.until_complete()
        for row in ROWS:
            found.append(await client.ask("get_conversation", conversation=row["ID"]))
            found.append(await client.call("get_lead", lead=row["ID"]))
            uri = f"convocore://agents/demo-agent/conversations/{row['ID']}"
            found.append(await client.read(uri))
        fields = ["lost_reason", "end_reason", "call_error", "data.no", "data.имя"]
        found.append(await client.ask("list_conversations", fields=fields))
        groups = [await client.ask("conversation_stats", group_by=[field]) for field in fields]
    return json.dumps([*found, *groups], ensure_ascii=False, default=str)


@pytest.mark.parametrize("name", ["word ", "ab-", "é", "a' ", "渡", "Abc 渡辺"])
def test_a_name_of_any_length_takes_little_time(name: str) -> None:
    """Ours: a visitor chooses it, and a pattern is made of it for every answer."""
    endless = name * 5_000
    known = PersonalValues((endless,), (endless,), (), (), (endless,), (endless,))
    began = time.process_time()
    assert mask_text(f"{endless} and more", known, lambda kind, _: f"<{kind}>")
    assert time.process_time() - began < 1


@pytest.mark.parametrize("pii", ["masked", "none"])
async def test_personal_data_is_masked_wherever_it_stands(pii: str) -> None:
    """Promised by docs/security.md, "Personal data"."""
    text = await shown(pii)
    assert [raw for raw in RAW if raw in text] == [], text


async def test_all_of_it_is_shown_where_nothing_is_masked() -> None:
    """Ours: a test that looks for nothing finds nothing."""
    text = await shown("full")
    assert [raw for raw in RAW if raw not in text] == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("jose and JOSÉ and Jose\u0301", "<person> and <person> and <person>"),
        ("José  María Núñez", "<person>"),
        ("the Joseph and Mariachi", "the Joseph and Mariachi"),
        ("Nunez's café", "<person>'s café"),
        ("Anna-Lena, Anna or Lena", "<person>-<person>, <person> or <person>"),
        ("OBrien or O’Brien", "<person> or <person>"),
        ("Anna さん, Annabel", "<person> さん, Annabel"),
        ("李娜です, 娜 alone", "<person>です, 娜 alone"),
        ("Lisa", "Lisa"),
        ("x.example/jose or http://www.x.example/jose/", "<link> or <link>"),
        ("@joe_77 or joe_77 but @sales", "<link> or <link> but <link>"),
        ("our sales", "our sales"),
        ("me＠x.example", "<email>"),
        ("assigned to Ludmila", "assigned to <person>"),
        ("Ludmila: she called Ludmila", "<person>: she called Ludmila"),
        ("at 5 Elm  Road", "at <address>"),
    ],
)
def test_a_name_is_found_however_it_is_written(text: str, expected: str) -> None:
    """Promised by docs/security.md, "Personal data": texts are masked by what is known."""
    known = PersonalValues(
        names=("Jose\u0301 María Núñez", "Anna-Lena Weiß", "O'Brien", "Li 李娜"),
        colleagues=("Ludmila",), links=("https://www.x.example/jose", "@joe_77", "@sales"),
        addresses=("5 Elm Road",),
    )  # fmt: skip
    assert mask_text(text, known, lambda kind, _: f"<{kind}>") == expected
