"""What people write survives and what is hidden goes: in each field, on every way out.

One mirror holds the whole corpus: each field of a row holds another text of it.
"""

import csv
import io
import json
import unicodedata
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from mcp.shared.exceptions import MCPError
from mcp_types import PromptReference

from convocore_mcp.sandbox import Sandbox, serving
from tests.cli.command_line import CommandLine
from tests.hidden_text import hidden_in, is_safe
from tests.text_corpus import HOSTILE, LEGITIMATE
from tests.tool_client import ToolClient, connected

READ = {"half \ud83d a pair": "half \ufffd a pair"}
"""No database keeps half a surrogate pair: it is marked where the list is read."""
CORPUS = [
    *((text, unicodedata.normalize("NFC", text)) for text in LEGITIMATE),
    *((text, READ.get(text, left)) for text, left in HOSTILE),
]
"""Each text, and what is left of it."""
FIELDS = {
    "name": "userName", "company": "userCompany", "title": "title", "preview": "lastMessage",
    "summary": "summary", "notes": "notes", "source": "source", "tags": "tags",
    "data.text": "capturedVariables",
}  # fmt: skip
"""The fields that a visitor can write, by the names of answers."""
URI = "convocore://agents/demo-agent"
EVERY = 12
"""One in this many rows has questions of its own."""


def corpus_at(row: int, field: str) -> tuple[str, str]:
    """The text in a field of a row, and what is left of it: all texts are in each field."""
    return CORPUS[(row + 29 * list(FIELDS).index(field)) % len(CORPUS)]


def corpus_row(number: int) -> dict[str, Any]:
    found: dict[str, Any] = {
        FIELDS[name]: corpus_at(number, name)[0] for name in FIELDS if "." not in name
    }
    found["tags"] = [found["tags"]]
    text = corpus_at(number, "data.text")[0]
    return found | {
        "ID": f"c{number}",
        "capturedVariables": {"text": text, f"key {text}": text},
        "crmActivities": [{"title": text, "type": text, "note": text, "dueDate": "2099-01-01"}],
        "funnelScoreHistory": [
            {"timestamp": 1_780_000_000, "stepId": "s", "stepName": text, "pointsAdded": 5,
             "messageContext": text}
        ],
        "hotLabel": "hot", "stage": "new" if number % 2 else text or None, "leadScore": 90,
        "funnelLastEvaluated": 1_780_000_000,
    }  # fmt: skip


def corpus_sandbox() -> Sandbox:
    sandbox = Sandbox(size=0, export=True)
    for number in range(len(CORPUS)):
        sandbox.insert(**corpus_row(number))
    return sandbox


def texts_in(value: Any) -> Iterator[str]:
    """Every text and every name in an answer."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from texts_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts_in(inner)
    elif isinstance(value, str):
        yield value


def one_line(text: str) -> str:
    """A text without regard to how its blanks are shown."""
    return " ".join(text.split())


def check_safe(answer: Any) -> None:
    assert [ascii(text) for text in texts_in(answer) if not is_safe(text)] == []


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def client() -> AsyncIterator[ToolClient]:
    async with connected(corpus_sandbox(), incremental_sync_seconds=36_000) as found:
        await found.until_complete()
        yield found


async def test_each_text_is_shown_in_each_field_as_people_wrote_it(
    client: ToolClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Promised by docs/architecture.md, "Untrusted text"; nothing had to be removed at the end."""
    pages = await client.pages(limit=100, fields=list(FIELDS))
    rows = [row for page in pages for row in page["conversations"]]
    assert len(rows) == len(CORPUS) >= 200
    wrong = []
    for row in rows:
        for field in FIELDS:
            text, left = corpus_at(int(row["id"][1:]), field)
            if field == "preview" and not left.strip():
                continue  # without a last message, the preview is of the summary
            shown = row.get(field, "")
            shown = shown[0] if isinstance(shown, list) else str(shown)
            if one_line(shown) != one_line(left):
                wrong.append((field, ascii(text), ascii(left), ascii(shown)))
    assert wrong == [], wrong
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


async def test_no_tool_and_no_resource_shows_anything_hidden(client: ToolClient) -> None:
    """Promised by docs/architecture.md, "Untrusted text": every answer passes one place."""
    check_safe(await client.ask("list_conversations", limit=100, detail="full"))
    check_safe(await client.ask("list_leads", limit=100, fields=list(FIELDS)))
    check_safe(await client.ask("summarize_hot_leads", top=50, explain=True))
    check_safe(await client.ask("list_changes", since="1y", limit=100))
    for group in ("name", "tags", "stage", "company", "data.text", "source"):
        check_safe(await client.ask("conversation_stats", group_by=[group]))
    for part in ("conversations?limit=100", "hot-leads", "stats"):
        check_safe(await client.read(f"{URI}/{part}"))
    for number in range(0, len(CORPUS), EVERY):
        check_safe(await client.ask("get_lead", lead=f"c{number}"))
        check_safe(await client.ask("get_conversation", conversation=f"c{number}"))
        check_safe(await client.read(f"{URI}/conversations/c{number}"))
        check_safe(await client.read(f"{URI}/leads/c{number}"))


async def test_no_prompt_error_or_completion_shows_anything_hidden(client: ToolClient) -> None:
    """Promised by docs/architecture.md, "Untrusted text": prompts, completions and errors, too."""
    for text, left in CORPUS:
        try:
            prompt = await client.client.get_prompt("prepare_for_call", {"lead": text})
        except MCPError as error:  # nothing is left of it
            assert not left.strip() or not text.strip()
            check_safe(error.error.message)
        else:
            (message,) = prompt.messages
            shown = message.content.text  # type: ignore[union-attr]
            check_safe(shown)
        with pytest.raises(MCPError) as refused:
            await client.client.get_prompt("weekly_pipeline_review", {"stage": f"no {text}"})
        check_safe(refused.value.error.message)
        assert len(refused.value.error.message) <= 2_000
        check_safe(await client.refused("list_conversations", sort=f"no {text}"))
    reference = PromptReference(type="ref/prompt", name="prepare_for_call")
    for typed in ("", "p", "a", "é"):
        found = await client.client.complete(reference, {"name": "lead", "value": typed})
        check_safe(found.completion.values)


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    sandbox = corpus_sandbox()
    with serving(sandbox) as url:
        line = CommandLine(tmp_path_factory.mktemp("home"), sandbox, url)
        line.run_ok("sync")
        yield line


def test_no_command_writes_anything_hidden_and_an_export_keeps_what_people_wrote(
    commands: CommandLine,
) -> None:
    """Promised by docs/architecture.md, "Untrusted text": what commands write to a terminal."""
    fields = [f"fields={field}" for field in FIELDS]
    for typed in (
        ("ask", "list_conversations", "limit=100", "detail=full"),
        ("ask", "list_leads", "limit=100"), ("ask", "get_lead", "lead=c5"),
        ("ask", "get_lead", f"lead=nobody {HOSTILE[0][0]}"), ("status",), ("doctor",),
        ("export", "conversations", *fields, "-f", "csv"),
    ):  # fmt: skip
        done = commands.run(*typed)
        written = done.stdout + done.stderr
        assert written
        assert hidden_in(written.replace("\r\n", "\n").replace("\ufeff", "")) == "", typed
    lines = commands.run_ok("export", "conversations", *fields, "-f", "jsonl").splitlines()
    assert len(lines) == len(CORPUS)
    for line in lines:
        row = json.loads(line)
        check_safe(row)
        left = corpus_at(int(row["id"][1:]), "summary")[1]
        assert one_line(row.get("summary", "")) == one_line(left)
    table = csv.DictReader(io.StringIO(commands.run_ok("export", "leads", "-f", "csv"), newline=""))
    assert len([*table]) > 0


async def test_no_log_line_holds_what_a_visitor_wrote(caplog: pytest.LogCaptureFixture) -> None:
    """Promised by docs/architecture.md, "Untrusted text": logs never hold it."""
    sandbox = corpus_sandbox()
    broken: list[Any] = [corpus_row(number) | {"ts": [], "ID": []} for number in range(20)]
    sandbox.replace([*sandbox.rows(), *broken])
    with caplog.at_level("DEBUG", "convocore_mcp"):
        async with connected(sandbox, log_level="debug") as client:
            await client.until_read()
            await client.ask("list_conversations", limit=100, detail="full")
    written = "\n".join(record.getMessage() for record in caplog.records)
    assert written
    long = [text for text, _ in CORPUS if len(text) >= 5]  # a shorter one may be a word of ours
    assert [ascii(text) for text in long if text in written] == []
