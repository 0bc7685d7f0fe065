"""The size of answers and tools in tokens of o200k."""

import json

from benchmarks.mirror_files import MirrorFile
from benchmarks.questions.tokens import compact_json, tokens
from benchmarks.server_process import OURS, Json, Server, result_of
from benchmarks.table import Row
from convocore_mcp.sandbox import Sandbox

ROWS, FRACTION, MAX_SCHEMA_TOKENS = 20, 4, 2900


def measure(mirror: MirrorFile) -> list[Row]:
    """The rows about tokens, which do not depend on time."""
    # As Convocore sends it, but without escapes, which would make the raw page look larger.
    page = {"success": True, "data": list(Sandbox(size=mirror.size).rows())[:ROWS]}
    raw = tokens(compact_json(page))
    with Server(OURS, mirror.env) as server:
        listed: list[Json] = json.loads(server.request("tools/list"))["result"]["tools"]
        answer = result_of(server.call("list_conversations", {"limit": ROWS})[1])
    (block,) = answer["content"]
    assert len(answer["structuredContent"]["conversations"]) == ROWS
    ours = tokens(block["text"])
    tools = [
        {"name": t["name"], "description": t["description"], "inputSchema": t["inputSchema"]}
        for t in listed
    ]
    schemas = sum(tokens(compact_json(tool)) for tool in tools)
    return [
        Row(
            f"tokens for {ROWS} conversations",
            compared_with="the raw page",
            reference=f"{raw:,}",
            measured=f"{ours:,}",
            ratio=ours / raw,
            target=f"at most 1/{FRACTION}",
            met=ours * FRACTION <= raw,
            timed=False,
        ),
        Row(
            "tokens of name + description + input schema of all tools",
            measured=f"{schemas:,}",
            target=f"at most {MAX_SCHEMA_TOKENS:,}",
            met=schemas <= MAX_SCHEMA_TOKENS,
            notes=f"{len(tools)} tools",
            timed=False,
        ),
    ]
