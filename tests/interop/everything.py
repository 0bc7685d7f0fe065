"""Everything there is to ask a server, and what every client must have been told."""

import json
import re
from typing import Any

_CURSOR = re.compile(r'"next_(?:cursor|uri)":"[^"]*"')
TEMPLATE = "convocore://agents/{agent_id}"
AGENT = "convocore://agents/demo-agent"
CALLS: list[dict[str, Any]] = [
    {"name": "list_conversations", "arguments": {"stage": ["won"], "limit": 3}},
    {"name": "get_lead", "arguments": {"lead": "maria"}},
    {"name": "summarize_hot_leads", "arguments": {"top": 2}},
    {"name": "conversation_stats", "arguments": {"group_by": ["stage"]}},
    {"name": "list_changes", "arguments": {}},
]
PROMPTS: list[dict[str, Any]] = [
    {"name": "daily_lead_brief"},
    {"name": "prepare_for_call", "arguments": {"lead": "maria"}},
    {"name": "triage_handoffs"},
    {"name": "weekly_pipeline_review", "arguments": {"stage": "won"}},
]
COMPLETIONS: list[dict[str, Any]] = [
    {
        "ref": {"type": "ref/prompt", "name": "prepare_for_call"},
        "argument": {"name": "lead", "value": "mar"},
    },
    {
        "ref": {"type": "ref/resource", "uri": f"{TEMPLATE}/conversations/{{conversation_id}}"},
        "argument": {"name": "conversation_id", "value": "conv-0"},
    },
]


def uris(conversation_id: str) -> list[str]:
    """Every resource of the contract."""
    return [
        "convocore://agents",
        "convocore://schema/conversation",
        f"{AGENT}/conversations?limit=2",
        f"{AGENT}/conversations/{conversation_id}",
        f"{AGENT}/leads/{conversation_id}",
        f"{AGENT}/hot-leads",
        f"{AGENT}/stats",
    ]


def assert_everything(said: dict[str, Any]) -> None:
    """Nothing is missing of what a client was told, as the protocol writes it."""
    assert {tool["name"] for tool in said["tools"]} == {call["name"] for call in CALLS}
    assert all(tool["annotations"]["readOnlyHint"] for tool in said["tools"])
    assert len(said["resources"]) == 5
    assert len(said["templates"]) == 5
    assert {prompt["name"] for prompt in said["prompts"]} == {p["name"] for p in PROMPTS}
    assert 0 < len(said["instructions"]) < 1900
    for result in said["called"]:
        assert not result.get("isError"), result
        assert json.loads(result["content"][0]["text"]) == result["structuredContent"]
    assert len(said["called"][0]["structuredContent"]["conversations"]) == 3
    for contents in said["read"]:
        assert contents[0]["mimeType"] == "application/json"
        assert json.loads(contents[0]["text"])
    for messages in said["got"]:
        assert "in this order" in messages[0]["content"]["text"]
    assert all(said["completed"])


def answers(said: dict[str, Any]) -> str:
    """What was said, but for the time of asking, which a cursor holds."""
    # What is read is text: compared byte for byte but for the same cursor, and its URI.
    names = ("instructions", "tools", "resources", "templates", "prompts", "got")
    told = {name: said[name] for name in names} | {"completed": said["completed"]}
    told["called"] = [_CURSOR.sub("", result["content"][0]["text"]) for result in said["called"]]
    told["read"] = [_CURSOR.sub("", contents[0]["text"]) for contents in said["read"]]
    # Texts byte for byte; the SDK writes the keys of schemas in an order of the era's own.
    return json.dumps(told, sort_keys=True)
