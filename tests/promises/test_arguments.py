"""Arguments are read kindly where the meaning is plain, and everything else is an error."""

import json
from typing import Any

import pytest

from tests.promises.conversations import ROWS
from tests.tool_client import Answer, ToolClient

ALL = len(ROWS)


def ids(answer: Answer) -> list[str]:
    """The IDs of a list of conversations."""
    return [row["id"] for row in answer["conversations"]]


@pytest.mark.parametrize(
    ("tool", "kind", "plain"),
    [
        ("list_conversations", {"limit": "2"}, {"limit": 2}),
        ("list_conversations", {"limit": 2.0, "min_score": " 35 "}, {"limit": 2, "min_score": 35}),
        ("list_conversations", {"tag": "vip"}, {"tag": ["vip"]}),
        ("list_conversations", {"tag": '["vip","beta"]'}, {"tag": ["vip", "beta"]}),
        ("list_conversations", {"tag": ["vip", None, " "]}, {"tag": ["vip"]}),
        ("list_conversations", {"tag": [" "], "query": " ", "cursor": "", "sort": None}, {}),
        ("list_conversations", {"label": "HOT ", "detail": " Full"},
         {"label": ["hot"], "detail": "full"}),
        ("list_conversations", {"sort": " Oldest "}, {"sort": "oldest"}),
        ("list_conversations", {"sort": "-Last Activity"}, {"sort": "-last_activity"}),
        ("list_conversations", {"stage": " WON "}, {"stage": ["won"]}),
        ("list_conversations", {"agent_id": " demo-agent "}, {"agent_id": "demo-agent"}),
        ("list_leads", {"fields": "Last-Activity", "where": "hot=YES"},
         {"fields": ["last_activity"], "where": ["hot=true"]}),
        ("list_leads", {"where": "value > 10K", "limit": "100"},
         {"where": ["value>10000"], "limit": 100}),
        ("summarize_hot_leads", {"explain": "yes", "top": "3"}, {"explain": True, "top": 3}),
        ("conversation_stats", {"group_by": " Stage ", "of": "LEADS"},
         {"group_by": ["stage"], "of": "leads"}),
        ("conversation_stats", {"measure": '["value"]'}, {"measure": ["value"]}),
        ("get_conversation", {"conversation": " ann-1 ", "turns": "0"},
         {"conversation": "ann-1"}),
        ("get_lead", {"lead": "\n Ann Lee "}, {"lead": "Ann Lee"}),
        ("list_changes", {"kind": "Created", "limit": "5"}, {"kind": ["created"], "limit": 5}),
    ],
)  # fmt: skip
async def test_a_plain_meaning_gives_the_same_answer(
    client: ToolClient, tool: str, kind: dict[str, Any], plain: dict[str, Any]
) -> None:
    """Promised by docs/contract.md, "Rules for every answer".

    Holds docs/contract.md #lenient.
    """
    answers = [await client.ask(tool, **arguments) for arguments in (kind, plain)]
    for answer in answers:
        answer.pop("next_cursor", None)  # it is of the arguments as they were written
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    ("tool", "arguments", "named", "nearest"),
    [
        ("list_conversations", {"stag": "won"}, "stag:", "Valid arguments: stage, "),
        ("list_conversations", {"label": "warmish"}, "label", "Valid label: warm, "),
        ("list_conversations", {"stage": "wonn"}, "'wonn'", "Valid stage: won, "),
        ("list_conversations", {"stage": "wonn", "fields": "name"}, "'wonn'", "Valid stage: won, "),
        ("list_conversations", {"state": "requested"}, "'requested'",
         "Valid state: requested_chat, "),
        ("list_leads", {"stage": "wonn"}, "'wonn'", "Valid stage: won, "),
        ("list_leads", {"state": "requested_chat"}, "state:", "Valid arguments: stage, "),
        ("conversation_stats", {"stage": "wonn"}, "'wonn'", "Valid stage: won, "),
        ("conversation_stats", {"of": "leads", "state": "ended"}, "'ended'",
         "Valid state: ended_chat, "),
        ("conversation_stats", {"group_by": "stge"}, "'stge'", "Valid group_by: stage, "),
        ("conversation_stats", {"group_by": "value"}, "value", "Valid group_by: "),
        ("conversation_stats", {"measure": "valeu"}, "'valeu'", "Valid measure: value, "),
        ("conversation_stats", {"measure": "data.budget"}, "data.budget", "Valid measure: "),
        ("list_leads", {"sort": "scor"}, "'scor'", "Valid fields: score, "),
        ("list_leads", {"fields": "companies"}, "'companies'", "Valid fields: company, "),
        ("list_leads", {"where": "companie=x"}, "'companie'", "Valid fields: company, "),
        ("list_conversations", {"where": "hot=true"}, "leads only", "Ask list_leads, or "),
        ("list_leads", {"where": "test=true"}, "conversations only", "Ask list_conversations, or "),
        ("list_changes", {"changed": "stge"}, "'stge'", "Valid fields: stage, "),
        ("list_changes", {"became": "losst"}, "became", "Valid became: lost, "),
        ("get_conversation", {"conversation": "ann-1", "turn": 5}, "turn:",
         "Valid arguments: turns, "),
        ("get_lead", {"led": "Ann"}, "led:", "Valid arguments: lead, "),
        ("summarize_hot_leads", {"agent_id": "demo"}, "'demo'", "Valid agent_id: demo-agent"),
    ],
)  # fmt: skip
async def test_what_is_unknown_is_named_with_what_is_valid_the_nearest_first(
    client: ToolClient, tool: str, arguments: dict[str, Any], named: str, nearest: str
) -> None:
    """Promised by docs/contract.md, "Rules for every answer": nothing is silently ignored.

    Holds docs/contract.md #unknown-refused.
    """
    error = await client.refused(tool, **arguments)
    assert error["code"] == "invalid_argument"
    assert named in error["message"], error
    assert nearest in error["hint"], error


async def test_only_what_an_argument_takes_is_called_valid(client: ToolClient) -> None:
    """Promised by docs/contract.md, "Rules for every answer": it lists what is valid."""
    measure = await client.refused("conversation_stats", measure="valeu")
    assert "company" not in measure["hint"]
    group_by = await client.refused("conversation_stats", group_by="stge")
    assert "messages" not in group_by["hint"]
    for name in ("weekday", "tag", "hour", "data.NAME"):
        assert name in group_by["hint"]


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ('tags="a|b"', ["ann-1"]),
        ("tags='a|b'|beta", ["ann-1", "ann-2"]),
        ('tags="vip"|"beta"', ["ann-1", "ann-2"]),
        ("tags=vip|beta", ["ann-1", "ann-2"]),
        ("tags=a|b", []),
        ('tags!="a|b"', [row["ID"] for row in ROWS if row["ID"] != "ann-1"]),
    ],
)
async def test_a_bar_inside_quotes_is_a_sign(
    client: ToolClient, written: str, found: list[str]
) -> None:
    """Promised by docs/contract.md, "Fields": `a|b` in a value means either.

    Holds docs/contract.md #either.
    """
    answer = await client.ask("list_conversations", where=[written])
    assert sorted(ids(answer)) == sorted(found)


async def test_a_dozen_conditions_are_taken_and_no_more(client: ToolClient) -> None:
    """Promised by docs/contract.md, "Fields": at most 12 conditions, and 20 alternatives.

    Holds docs/contract.md #where #either.
    """
    where = ["messages>=0"] * 12
    assert (await client.ask("list_conversations", where=where))["total"] == ALL - 2
    error = await client.refused("list_conversations", where=[*where, "messages>=0"])
    assert "12" in json.dumps(error)
    values = "|".join(f"v{number}" for number in range(21))
    assert "20" in (await client.refused("list_leads", where=f"name={values}"))["hint"]
