"""Requests of every kind, and the checks that the results of every client must pass."""

import json
import re
from typing import Any

_CURSOR = re.compile(r'"next_(?:cursor|uri)":"[^"]*"')
TEMPLATE = "convocore://agents/{agent_id}"
AGENT = "convocore://agents/demo-agent"
CALLS: list[dict[str, Any]] = [
    {"name": "list_conversations", "arguments": {"stage": ["won"], "limit": 3}},
    {"name": "list_leads", "arguments": {"where": ["hot=true"], "limit": 3}},
    {"name": "get_lead", "arguments": {"lead": "maria"}},
    {"name": "summarize_hot_leads", "arguments": {"top": 2}},
    {"name": "conversation_stats", "arguments": {"group_by": ["stage"]}},
    {"name": "list_changes", "arguments": {}},
]
"""Of each tool, but for `get_conversation`, which needs an ID."""
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


def calls(conversation_id: str) -> list[dict[str, Any]]:
    """A call of each tool."""
    one = {"conversation": conversation_id, "turns": 2}
    return [*CALLS, {"name": "get_conversation", "arguments": one}]


def uris(conversation_id: str) -> list[str]:
    """A URI of each resource (docs/contract.md, "Resources")."""
    return [
        "convocore://agents",
        "convocore://schema/conversation",
        "convocore://schema/fields",
        f"{AGENT}/conversations?limit=2",
        f"{AGENT}/conversations/{conversation_id}",
        f"{AGENT}/leads/{conversation_id}",
        f"{AGENT}/hot-leads",
        f"{AGENT}/stats",
    ]


def assert_complete(results: dict[str, Any]) -> None:
    """Nothing is missing in the results that a client got, as JSON of the protocol."""
    assert {tool["name"] for tool in results["tools"]} == {call["name"] for call in calls("")}
    assert all(tool["annotations"]["readOnlyHint"] for tool in results["tools"])
    assert len(results["resources"]) == 6
    assert len(results["templates"]) == 5
    assert {prompt["name"] for prompt in results["prompts"]} == {p["name"] for p in PROMPTS}
    assert 0 < len(results["instructions"]) < 1900
    for result in results["toolResults"]:
        assert not result.get("isError"), result
        assert json.loads(result["content"][0]["text"]) == result["structuredContent"]
    assert len(results["toolResults"][0]["structuredContent"]["conversations"]) == 3
    for contents in results["resourceContents"]:
        assert contents[0]["mimeType"] == "application/json"
        assert json.loads(contents[0]["text"])
    for messages in results["promptMessages"]:
        assert "in this order" in messages[0]["content"]["text"]
    assert all(results["completions"])


def comparable(results: dict[str, Any]) -> str:
    """The results without cursors, which hold the time of the request.

    Texts are compared byte for byte; the order of a schema's keys depends on the era.
    """
    names = ("instructions", "tools", "resources", "templates", "prompts")
    fields = {name: results[name] for name in names}
    fields |= {name: results[name] for name in ("promptMessages", "completions")}
    tool_texts = [result["content"][0]["text"] for result in results["toolResults"]]
    resource_texts = [contents[0]["text"] for contents in results["resourceContents"]]
    fields["texts"] = [_CURSOR.sub("", text) for text in tool_texts + resource_texts]
    return json.dumps(fields, sort_keys=True)
