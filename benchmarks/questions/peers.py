"""What answering costs without us: raw pages, and a server generated from the OpenAPI document.

Both show pages of the list, newest first, and leave the rest to their reader. The reader is let
off lightly: it computes without a mistake, remembers every row, and stops at the first page after
which what it has seen gives the right facts, though it can't know that. After 500 rows (the most
that the vendor's own MCP server scans, and about 250,000 tokens) it gives up.

Pages are really fetched; since all questions of one half would see the same ones, once for all.
"""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import yaml
from fastmcp import Client, FastMCP
from fastmcp.exceptions import ToolError
from mcp_types import TextContent

from benchmarks.questions.asking import Question, alike
from benchmarks.questions.plain import Row
from benchmarks.questions.running import Asked
from benchmarks.questions.tokens import tokens, written
from benchmarks.questions.world import World
from convocore_mcp.sandbox import Sandbox

MOST_ROWS = 500
OPENAPI = Path(__file__).parents[2] / "tests" / "sandbox" / "openapi.yaml"


@dataclass(frozen=True)
class Page:
    """A page as a reader gets it: its rows, and what it cost; no rows if it was an error."""

    rows: list[Row]
    tokens: int


def _enough(pages: Sequence[Page]) -> bool:
    """The reader gives up, or the list is over: nothing else says so where pages have numbers."""
    rows = sum(len(page.rows) for page in pages)
    return rows >= MOST_ROWS or (len(pages) >= 3 and not any(page.rows for page in pages[-3:]))


@asynccontextmanager
async def _connected(sandbox: Sandbox, base_url: str) -> AsyncIterator[httpx2.AsyncClient]:
    headers = {"authorization": f"Bearer {sandbox.key}"}
    async with httpx2.AsyncClient(base_url=base_url, headers=headers) as http:
        yield http


async def raw_pages(sandbox: Sandbox, base_url: str) -> list[Page]:
    """Pages of 20 as they come, which is all that a passthrough adds nothing to.

    The vendor's server indents them, too, which costs more; that is not counted here.
    """
    pages: list[Page] = []
    asked: dict[str, Any] = {"limit": 20, "page": 1}
    async with _connected(sandbox, base_url) as http:
        while not _enough(pages):
            answer = await http.get(f"/agents/{sandbox.agent_id}/convos", params=asked)
            answer.raise_for_status()
            body = answer.json()
            arguments = {"agentId": sandbox.agent_id} | asked
            pages.append(Page(body["data"], tokens(written(arguments), answer.text)))
            if "hasMore" in body:
                if not body["hasMore"]:
                    break
                asked = {"limit": 20, "cursor": body["nextCursor"]}
            else:
                asked = {"limit": 20, "page": len(pages) + 1}
    return pages


@asynccontextmanager
async def generated(sandbox: Sandbox, base_url: str) -> AsyncIterator["FastMCP[Any]"]:
    """The server that FastMCP makes of `openapi.yaml`."""
    document = yaml.safe_load(OPENAPI.read_text())
    async with _connected(sandbox, base_url) as http:
        yield FastMCP.from_openapi(document, client=http)


async def generated_pages(server: "FastMCP[Any]", agent_id: str, *, checked: bool) -> list[Page]:
    """Pages of 100 until one is refused; the last one holds no rows then.

    A client that keeps to the protocol checks answers against the schema that the tool declares;
    without `checked` it is one that doesn't.
    """
    pages: list[Page] = []
    async with Client(server) as client:
        (tool,) = await client.list_tools()
        call = client.call_tool if checked else server.call_tool
        while not _enough(pages):
            arguments = {"agentId": agent_id, "page": len(pages) + 1, "limit": 100}
            cost = tokens(written(arguments))
            try:
                result = await call(tool.name, arguments)
            except (RuntimeError, ToolError) as error:  # the client refuses; the upstream does
                # What stands behind the first line is the schema and the answer.
                return [*pages, Page([], cost + tokens(str(error).splitlines()[0]))]
            text = "".join(b.text for b in result.content if isinstance(b, TextContent))
            pages.append(Page(json.loads(text)["data"], cost + tokens(text)))
    return pages


def read(questions: Sequence[Question], world: World, pages: Sequence[Page]) -> list[Asked]:
    """How far a reader of these pages gets with each question."""
    rows: list[Row] = []
    sights = []
    for page in pages:
        rows = rows + page.rows
        sights.append(World.of(rows[:MOST_ROWS], world.now, world.earlier))
    return [_read(question, question.truth(world), sights, pages) for question in questions]


def _read(
    question: Question, truth: object, sights: Sequence[World], pages: Sequence[Page]
) -> Asked:
    spent = 0
    for count, (sight, page) in enumerate(zip(sights, pages, strict=True), start=1):
        spent += page.tokens
        if page.rows and alike(question.truth(sight), truth):
            return Asked(question, True, count, spent)
    return Asked(question, False, len(pages), spent)
