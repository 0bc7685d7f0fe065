"""JSON-RPC messages that no sensible client sends, and what must come back whatever was sent."""

import json
from typing import Any

from hypothesis import strategies as st
from mcp_types import INTERNAL_ERROR

from tests.text_corpus import HOSTILE

Message = dict[str, Any]

CRASHED = 0
"""The code that the SDK makes of an exception that it does not know."""
AGENT = "convocore://agents/demo-agent"
HOSTILE_TEXTS = [
    "", " ", "\x00", "\ud800", "\udc00\ud83d", "\u202egnp", "\ufeff", "x" * 70_000, "😀" * 5_000,
    "' OR 1=1 --", '"; DROP TABLE leads; --', "name MATCH 'a' NEAR/2 b*", '"unbalanced', "a AND",
    "NOT", "*", "^a", "{a b}: c", "(" * 300, "(a+)+$", "[[:alpha:]]", "\\", "%_%", "${7*7}",
    "{{7*7}}", "../../etc/passwd", "file:///etc/passwd", "%00", "%ff", "-1", "1e400", "NaN",
    "9" * 5_000, "data." + "x" * 3_000, 'data."a"="b"', "score>=" * 50, "|" * 500,
    " AND ".join(["stage=won"] * 12), "name=" + "|".join(map(str, range(20))),
    *(text for text, _ in HOSTILE[::9]),
]  # fmt: skip
TOOLS = (
    "list_conversations", "get_conversation", "list_leads", "get_lead", "summarize_hot_leads",
    "conversation_stats", "list_changes", "no_such_tool", "",
)  # fmt: skip
ARGUMENTS = (
    "query", "stage", "label", "state", "channel", "tag", "assignee", "min_score", "attention",
    "where", "since", "until", "sort", "fields", "limit", "cursor", "detail", "agent_id",
    "conversation", "turns", "find", "lead", "top", "explain", "of", "group_by", "by_time",
    "measure", "kind", "changed", "became", "\ud83d", "__proto__", "self", "ctx",
)  # fmt: skip
PROMPTS = (
    "daily_lead_brief", "prepare_for_call", "triage_handoffs", "weekly_pipeline_review", "none",
)  # fmt: skip
URIS = (
    "convocore://agents", AGENT, f"{AGENT}/conversations", f"{AGENT}/conversations?limit=5",
    f"{AGENT}/conversations?limit=x&cursor=%00", f"{AGENT}/conversations/conv-000001",
    f"{AGENT}/leads/nobody", f"{AGENT}/hot-leads?top=-1", f"{AGENT}/stats?since=%FF",
    "convocore://schema/conversation", "convocore://schema/fields", "convocore://agents//stats",
    "convocore://agents/%2e%2e/conversations", "http://127.0.0.1/", "x", "",
)  # fmt: skip
METHODS = (
    "tools/call", "tools/list", "resources/read", "resources/list", "resources/templates/list",
    "prompts/get", "prompts/list", "completion/complete", "ping", "initialize", "server/discover",
    "logging/setLevel", "resources/subscribe", "resources/unsubscribe", "tasks/get", "rpc.discover",
    "__class__", "", "tools/call\n", "😀",
)  # fmt: skip
"""Of every kind but `subscriptions/listen`, whose answer is a stream that does not end."""

hostile = st.sampled_from(HOSTILE_TEXTS)
texts = hostile | st.text(max_size=20) | st.sampled_from(["won", "hot", "today", "Jane", "all"])
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, min_size=21, max_size=21)
        | st.dictionaries(texts, inner, max_size=3)
    ),
    max_leaves=6,
)
arguments = st.dictionaries(st.sampled_from(ARGUMENTS), texts | st.lists(texts) | anything)
completed = st.sampled_from(("lead", "agent_id", "stage", "limit", "cursor", "lead_id", "x"))
references = st.one_of(
    st.fixed_dictionaries({"type": st.just("ref/prompt"), "name": st.sampled_from(PROMPTS)}),
    st.fixed_dictionaries(
        {
            "type": st.just("ref/resource"),
            "uri": st.sampled_from(["convocore://agents/{agent_id}/leads/{lead_id}", *URIS])
            | hostile,
        }
    ),
)
requests = st.one_of(
    st.tuples(
        st.just("tools/call"),
        st.fixed_dictionaries({"name": st.sampled_from(TOOLS) | texts, "arguments": arguments}),
    ),
    st.tuples(
        st.just("resources/read"),
        st.fixed_dictionaries(
            {"uri": st.sampled_from(URIS) | hostile.map(f"{AGENT}/leads/".__add__)}
        ),
    ),
    st.tuples(
        st.just("prompts/get"),
        st.fixed_dictionaries(
            {
                "name": st.sampled_from(PROMPTS),
                "arguments": st.dictionaries(
                    st.sampled_from(["lead", "agent_id", "stage", "x"]), texts, max_size=3
                ),
            }
        ),
    ),
    st.tuples(
        st.just("completion/complete"),
        st.fixed_dictionaries(
            {
                "ref": references,
                "argument": st.fixed_dictionaries({"name": completed, "value": texts}),
            }
        ),
    ),
    st.tuples(
        st.sampled_from(METHODS) | texts,
        st.dictionaries(st.sampled_from(["name", "uri", "cursor", "_meta", "x"]), anything)
        | anything,
    ),
)
"""A method and its parameters; the last kind fits nothing."""

LONG_SIGNS = "😀" * 5_000
"""As JSON with escapes 60,000 characters."""
VERSION = "io.modelcontextprotocol/protocolVersion"
CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"
ECHOED: list[tuple[str, Any]] = [
    (LONG_SIGNS, {}),
    ("resources/read", {"uri": LONG_SIGNS}),
    ("resources/read", {"uri": f"{AGENT}/leads/{LONG_SIGNS}"}),
    ("resources/read", {"uri": f"{AGENT}/conversations/{LONG_SIGNS}"}),
    ("resources/read", {"uri": f"convocore://agents/{LONG_SIGNS}/stats"}),
    ("resources/read", {"uri": f"{AGENT}/conversations?limit={LONG_SIGNS}"}),
    ("prompts/get", {"name": LONG_SIGNS}),
    ("prompts/get", {"name": "prepare_for_call", "arguments": {LONG_SIGNS: "x"}}),
    (
        "prompts/get",
        {"name": "prepare_for_call", "arguments": {"lead": "x", "agent_id": LONG_SIGNS}},
    ),
    ("prompts/get", {"name": "weekly_pipeline_review", "arguments": {"stage": LONG_SIGNS[:300]}}),
    (
        "completion/complete",
        {
            "ref": {"type": "ref/prompt", "name": "prepare_for_call"},
            "argument": {"name": LONG_SIGNS, "value": "x"},
        },
    ),
    ("resources/list", {"cursor": LONG_SIGNS}),
    ("logging/setLevel", {"level": LONG_SIGNS}),
]  # fmt: skip
"""Requests that are refused, and that an error could repeat."""


def message(request: tuple[str, Any], request_id: int) -> Message:
    """A request with an ID: its sender gets an answer."""
    method, params = request
    return {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}


def check_answer(sent: object, answer: Message) -> None:
    """A result or an error, and never that something went wrong inside."""
    about = ascii(sent)[:500]
    assert answer["jsonrpc"] == "2.0", about
    assert ("result" in answer) != ("error" in answer), about
    if "error" in answer:
        error = answer["error"]
        assert isinstance(error["code"], int), about
        assert error["code"] not in {INTERNAL_ERROR, CRASHED}, (about, error)
        assert error["message"].strip(), about
        assert "Traceback" not in error["message"], about
        assert len(json.dumps(error)) < 20_000, about
        return
    result = answer["result"]
    assert isinstance(result, dict), about
    if result.get("isError"):
        (block,) = result["content"]
        problem = json.loads(block["text"])["error"]
        assert problem["code"] not in {"internal", "mirror_unavailable"}, (about, problem)
        assert problem["message"], about
        assert problem["hint"], about
    elif "structuredContent" in result:
        assert json.loads(result["content"][0]["text"]) == result["structuredContent"], about
