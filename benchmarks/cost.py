"""What answers and tools cost a model to read, in tokens of o200k."""

import json

from benchmarks.mirrors import Filled
from benchmarks.pipes import OURS, Json, Server, result_of
from benchmarks.questions.tokens import tokens, written
from benchmarks.table import Row
from convocore_mcp.sandbox import Sandbox

ROWS, FRACTION, MOST = 20, 4, 2000


def measure(filled: Filled) -> list[Row]:
    """The rows about tokens. Nothing here depends on time."""
    # As Convocore sends it, but without its escapes, which would count against it.
    page = {"success": True, "data": list(Sandbox(size=filled.size).rows())[:ROWS]}
    raw = tokens(written(page))
    with Server(OURS, filled.env) as server:
        listed: list[Json] = json.loads(server.request("tools/list"))["result"]["tools"]
        answer = result_of(server.call("list_conversations", {"limit": ROWS})[1])
    (block,) = answer["content"]
    assert len(answer["structuredContent"]["conversations"]) == ROWS
    ours = tokens(block["text"])
    tools = [
        {"name": t["name"], "description": t["description"], "inputSchema": t["inputSchema"]}
        for t in listed
    ]
    schemas = sum(tokens(written(tool)) for tool in tools)
    return [
        Row(
            f"tokens for {ROWS} conversations",
            against="the raw page",
            there=f"{raw:,}",
            here=f"{ours:,}",
            ratio=ours / raw,
            target=f"at most 1/{FRACTION}",
            met=ours * FRACTION <= raw,
            timed=False,
        ),
        Row(
            "tokens of name + description + input schema of all tools",
            here=f"{schemas:,}",
            target=f"at most {MOST:,}",
            met=schemas <= MOST,
            besides=f"{len(tools)} tools",
            timed=False,
        ),
    ]
