"""Alternatives to this project: raw pages, and a server generated from the OpenAPI document.

Both show pages of the list, newest first, and leave the rest to the model that reads them. That
reader gets every advantage: it makes no mistake, remembers every row, and stops at the first page
after which the rows seen so far give the right facts, though it cannot know that. After 500 rows
(the most that the vendor's own MCP server scans, and about 250,000 tokens) it gives up.

The pages are really fetched, once for all questions, which would all see the same ones.
"""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import yaml
from mcp_types import TextContent

from benchmarks.questions.question import Question, alike
from benchmarks.questions.runner import Result
from benchmarks.questions.tokens import compact_json, tokens
from benchmarks.questions.truth.dataset import Dataset
from benchmarks.questions.truth.oracle import Row
from convocore_mcp.sandbox import Sandbox

if TYPE_CHECKING:
    from fastmcp import FastMCP

MAX_ROWS = 500
OPENAPI = Path(__file__).parents[2] / "tests" / "sandbox" / "openapi.yaml"


@dataclass(frozen=True)
class Page:
    """A page as a model sees it: its rows, and its cost in tokens; no rows if it was an error."""

    rows: list[Row]
    tokens: int


def _enough(pages: Sequence[Page]) -> bool:
    """Whether the reader gives up, or has seen three empty pages, which end a list."""
    rows = sum(len(page.rows) for page in pages)
    return rows >= MAX_ROWS or (len(pages) >= 3 and not any(page.rows for page in pages[-3:]))


@asynccontextmanager
async def _connected(sandbox: Sandbox, base_url: str) -> AsyncIterator[httpx2.AsyncClient]:
    headers = {"authorization": f"Bearer {sandbox.key}"}
    async with httpx2.AsyncClient(base_url=base_url, headers=headers) as http:
        yield http


async def raw_pages(sandbox: Sandbox, base_url: str) -> list[Page]:
    """Pages of 20, unchanged, as a server that passes pages through returns them.

    The vendor's server also indents them; that additional cost is not counted here.
    """
    pages: list[Page] = []
    asked: dict[str, Any] = {"limit": 20, "page": 1}
    async with _connected(sandbox, base_url) as http:
        while not _enough(pages):
            answer = await http.get(f"/agents/{sandbox.agent_id}/convos", params=asked)
            answer.raise_for_status()
            body = answer.json()
            arguments = {"agentId": sandbox.agent_id} | asked
            pages.append(Page(body["data"], tokens(compact_json(arguments), answer.text)))
            if "hasMore" in body:
                if not body["hasMore"]:
                    break
                asked = {"limit": 20, "cursor": body["nextCursor"]}
            else:
                asked = {"limit": 20, "page": len(pages) + 1}
    return pages


@asynccontextmanager
async def generated(sandbox: Sandbox, base_url: str) -> AsyncIterator["FastMCP[Any]"]:
    """The server that FastMCP generates from `openapi.yaml`."""
    # Importing it takes seconds, and most of what imports this module needs none.
    from fastmcp import FastMCP

    document = yaml.safe_load(OPENAPI.read_text())
    async with _connected(sandbox, base_url) as http:
        yield FastMCP.from_openapi(document, client=http)


async def generated_pages(server: "FastMCP[Any]", agent_id: str, *, checked: bool) -> list[Page]:
    """Pages of 100, until one is refused; then the last page has no rows.

    A client that follows the protocol validates answers against the schema of the tool; with
    `checked` false, the client does not.
    """
    from fastmcp import Client
    from fastmcp.exceptions import ToolError

    pages: list[Page] = []
    async with Client(server) as client:
        (tool,) = await client.list_tools()
        call = client.call_tool if checked else server.call_tool
        while not _enough(pages):
            arguments = {"agentId": agent_id, "page": len(pages) + 1, "limit": 100}
            cost = tokens(compact_json(arguments))
            try:
                result = await call(tool.name, arguments)
            except (RuntimeError, ToolError) as error:  # refused by the client, or upstream
                # The first line is the message; the schema and the answer follow.
                return [*pages, Page([], cost + tokens(str(error).splitlines()[0]))]
            text = "".join(b.text for b in result.content if isinstance(b, TextContent))
            pages.append(Page(json.loads(text)["data"], cost + tokens(text)))
    return pages


def read(questions: Sequence[Question], dataset: Dataset, pages: Sequence[Page]) -> list[Result]:
    """Answer each question from these pages, as soon as they suffice."""
    rows: list[Row] = []
    partial_datasets = []
    for page in pages:
        rows = rows + page.rows
        partial_datasets.append(Dataset.of(rows[:MAX_ROWS], dataset.now, dataset.earlier))
    return [
        _read(question, question.expected(dataset), partial_datasets, pages)
        for question in questions
    ]


def _read(
    question: Question, expected: object, partial_datasets: Sequence[Dataset], pages: Sequence[Page]
) -> Result:
    used_tokens = 0
    for count, (partial, page) in enumerate(zip(partial_datasets, pages, strict=True), start=1):
        used_tokens += page.tokens
        if page.rows and alike(question.expected(partial), expected):
            return Result(question, True, count, used_tokens)
    return Result(question, False, len(pages), used_tokens)
