"""Personal data is shown, masked or left out in everything that a client can ask for."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from mcp.shared.exceptions import MCPError
from mcp_types import PromptReference, ResourceTemplateReference

from convocore_mcp.models.personal import PersonalValues
from convocore_mcp.sandbox import Sandbox, serving
from convocore_mcp.server.privacy.text_masks import mask_text
from tests.postgresql import NewDatabase
from tests.tool_client import Answer, ToolClient, connected

AGENT = "convocore://agents/demo-agent"
RAW = [
    "Jane", "Quill", "jane", "acme.example", "151", "linkedin.com/in/janequill", "Lina", "Park",
    "Marta", "渡辺", "健太", "0143", "5551",
]  # fmt: skip
"""Parts of every personal value in the mirror: none may be in any answer."""
CURSOR = re.compile(r"gAAAA[\w=-]+")
"""An encrypted cursor: random letters and digits, of which three may be those of a number."""
SCORED = {"hotLabel": "hot", "leadScore": 90, "funnelLastEvaluated": 1_780_000_000}
ROWS: list[dict[str, Any]] = [
    {"ID": "4915112345678", "userName": "Jane Quill", "userEmail": "jane.quill@acme.example",
     "userPhone": "+49 151 12345678", "userCompany": "Quill Consulting", "countryCode": "DE",
     "lastMessage": "I'm Jane! Call 0151/12345678 or jane.quill@acme.example; Bob: +12025550143.",
     "summary": "Jane Quill wants a demo on 2026-07-19 for 15000 EUR.",
     "notes": "Quill is nice. Lina Park called.",
     "linkedIn": "linkedin.com/in/janequill", "userAddress": "5551 Jane Street",
     "capturedVariables": {"firstName": "Marta", "note": "Marta loves it", "budget": "15000"},
     "assignedTo": {"name": "Lina Park", "email": "lina@acme.example"},
     "funnelScoreHistory": [{"timestamp": 1_780_000_000, "stepId": "s", "pointsAdded": 5,
                             "messageContext": "Jane here, 0151 12345678"}],
     "crmActivities": [{"title": "Call Jane", "type": "call", "note": "ask Quill",
                        "dueDate": "2099-01-01"}],
     "state": "requested_chat", "stage": "new", **SCORED},
    {"ID": "c2", "userName": "JANE QUILL", "userEmail": "Jane.Quill@acme.example", "stage": "lost"},
    {"ID": "c3", "userName": "渡辺健太", "lastMessage": "渡辺です", "userPhone": "+1 202 555 0143",
     "stage": "new", "tags": ["健太 vip"]},
]  # fmt: skip


def filled() -> Sandbox:
    sandbox = Sandbox(size=0, export=True)
    for row in ROWS:
        sandbox.insert(**row)
    return sandbox


@pytest.fixture(params=["masked", "none"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[ToolClient]:
    async with connected(filled(), pii=request.param) as found:
        await found.until_complete()
        yield found


async def everything(client: ToolClient) -> AsyncIterator[Any]:
    """What every tool, resource, completion, prompt and error says."""
    every = {"where": ["name exists"], "agent_id": "all", "limit": 100}
    fields = ["name", "email", "phone", "company", "links", "assignee", "preview", "summary",
              "notes", "tags", "data.firstName", "data.note", "title"]  # fmt: skip
    yield await client.ask("list_conversations", detail="full")
    yield (rows := await client.ask("list_conversations", fields=fields, **every))
    yield await client.ask("list_leads", fields=fields, **every)
    yield (leads := await client.ask("list_leads"))
    yield await client.ask("summarize_hot_leads", explain=True)
    yield await client.ask("list_changes", since="1y")
    for group in ("name", "email", "phone", "assignee", "data.firstName", "data.note", "company"):
        yield await client.ask("conversation_stats", group_by=[group])
    yield await client.ask("list_conversations", where=["name=Nobody", "email=x@y.example"])
    for row in rows["conversations"]:
        yield await client.ask("get_conversation", conversation=row["id"], turns=50)
        yield await client.read(f"{AGENT}/conversations/{row['id']}")
    for lead in leads["leads"]:
        yield await client.ask("get_lead", lead=lead["lead_id"])
        yield await client.read(f"{AGENT}/leads/{lead['lead_id']}")
    for part in ("conversations", "hot-leads", "stats"):
        yield await client.read(f"{AGENT}/{part}")
    yield await client.ask("get_lead", lead="J.")
    yield await client.refused("get_lead", lead="Jakobine Quilmen")
    for reference, argument in (
        (PromptReference(type="ref/prompt", name="prepare_for_call"), "lead"),
        (ResourceTemplateReference(type="ref/resource", uri=URI + "leads/{lead_id}"), "lead_id"),
        (ResourceTemplateReference(
            type="ref/resource", uri=URI + "conversations/{conversation_id}"), "conversation_id"),
    ):  # fmt: skip
        completed = await client.client.complete(reference, {"name": argument, "value": ""})
        yield completed.completion.values
    for typed in (*TYPED, *TYPED_IN_VAIN):
        yield await prompted(client, typed)


TYPED = ("Jane Quill", "jane.quill@acme.example", "+49 151 12345678", "渡辺健太")
TYPED_IN_VAIN = ("Jakobine Quilmen", "渡辺")
"""Names that are nobody's or not of one person alone."""


async def prompted(client: ToolClient, lead: str) -> str:
    """The prompt about a lead, or the error in its place."""
    try:
        result = await client.client.get_prompt("prepare_for_call", {"lead": lead})
    except MCPError as error:
        return error.error.message
    return result.model_dump_json()


async def test_a_prompt_names_a_person_by_what_a_tool_finds(client: ToolClient) -> None:
    """Promised by docs/security.md, "Personal data": masked or left out, also in prompts."""
    for typed in TYPED:
        (message,) = json.loads(await prompted(client, typed))["messages"]
        assert typed not in message["content"]["text"]
        found = re.search(r'\{"lead": "([^"]+)"\}', message["content"]["text"])
        assert found is not None
        by_typed = await client.ask("get_lead", lead=typed)
        by_prompt = await client.ask("get_lead", lead=found[1])
        assert by_prompt["lead"]["lead_id"] == by_typed["lead"]["lead_id"]


URI = "convocore://agents/{agent_id}/"


async def test_no_way_out_shows_personal_data(client: ToolClient) -> None:
    """Promised by docs/security.md, "Personal data": everywhere at once."""
    count = 0
    async for answer in everything(client):
        text = CURSOR.sub("", json.dumps(answer, ensure_ascii=False))
        found = [raw for raw in RAW if raw in text]
        assert found == [], text
        count += 1
    assert count > 25


async def test_full_shows_what_masked_does_not() -> None:
    """Ours: a test that looks for nothing finds nothing."""
    async with connected(filled()) as client:
        await client.until_complete()
        answers = [answer async for answer in everything(client)]
    text = json.dumps(answers, ensure_ascii=False)
    assert [raw for raw in RAW if raw not in text] == []


async def masked_lead(client: ToolClient) -> Answer:
    leads = (await client.ask("list_leads", fields=["name", "email", "phone", "links"]))["leads"]
    lead: Answer = next(lead for lead in leads if "email" in lead)
    return lead


async def test_a_masked_value_is_the_same_everywhere_and_finds_its_person() -> None:
    """Promised by docs/security.md, "Personal data": rows join, and arguments are read back."""
    async with connected(filled(), pii="masked") as client:
        await client.until_complete()
        lead = await masked_lead(client)
        rows = (await client.ask("list_conversations", where=["email exists"], detail="full"))[
            "conversations"
        ]
        assert {(row["name"], row["email"]) for row in rows} == {(lead["name"], lead["email"])}
        assert lead["name"] in json.dumps(rows)
        for given in (
            lead["name"],
            lead["email"],
            lead["phone"],
            lead["links"][0],
            lead["lead_id"],
            lead["name"].upper(),
        ):
            found = await client.ask("get_lead", lead=given)
            assert found["lead"]["lead_id"] == lead["lead_id"], given
        for where in (f"name={lead['name']}", f"email={lead['email']}"):
            found = await client.ask("list_conversations", where=[where])
            assert found["total"] == 2, where
            assert found["applied"]["where"] == [where]
        by_query = await client.ask("list_leads", query=lead["email"])
        assert by_query["total"] == 1
        same = await client.ask("get_conversation", conversation=lead["lead_id"])
        assert same["conversation"]["lead_id"] == lead["lead_id"]
        assert (await client.read(f"{AGENT}/leads/{lead['lead_id']}"))["lead"]["name"] == lead[
            "name"
        ]


async def test_numbers_dates_and_stages_stay_readable_in_masked_texts() -> None:
    """Ours: what is masked should still be of use."""
    async with connected(filled(), pii="masked") as client:
        await client.until_complete()
        rows = (await client.ask("list_conversations", detail="full"))["conversations"]
        (row,) = (row for row in rows if "summary" in row)
        assert row["summary"].endswith("wants a demo on 2026-07-19 for 15000 EUR.")
        assert row["summary"].startswith(row["name"])
        assert row["stage"] == "new"
        assert row["last_activity"].endswith("Z")
        assert row["preview"].count("phone-") == 2


async def test_a_cursor_holds_no_name_in_clear_and_leads_on() -> None:
    """Promised by docs/security.md, "Personal data": a cursor holds what a list is sorted by."""
    async with connected(filled(), pii="masked") as client:
        await client.until_complete()
        pages = await client.pages(sort="name", limit=1, fields=["name"])
        assert len(pages) == 3
        assert len({page["conversations"][0]["id"] for page in pages}) == 3
        refused = await client.refused("list_conversations", cursor="made-up")
        assert refused["message"].startswith("cursor: it was not made by this server")


async def test_a_masked_answer_is_no_longer_than_any_other() -> None:
    """Promised by docs/contract.md, "Rules for every answer": at most 30,000 characters."""
    sandbox = Sandbox(size=0)
    for number in range(100):
        text = f"Bo {number} " * 40
        sandbox.insert(ID=f"c{number}", userName="Bob", summary=text.replace("Bo ", "Bob "))
    async with connected(sandbox, pii="masked") as client:
        await client.until_complete()
        answer = await client.ask("list_conversations", limit=100, detail="full")
        assert len(json.dumps(answer, ensure_ascii=False, separators=(",", ":"))) <= 30_000
        assert answer["next_cursor"]
        seen = len(answer["conversations"])
        following = await client.ask(
            "list_conversations", limit=100, detail="full", cursor=answer["next_cursor"]
        )
        ids = [row["id"] for page in (answer, following) for row in page["conversations"]]
        assert len(set(ids)) == len(ids) > seen


@pytest.mark.parametrize("place", ["file", "postgresql"])
async def test_pseudonyms_stay_the_same_as_long_as_the_mirror(
    tmp_path: Path, postgresql: NewDatabase, place: str
) -> None:
    """Promised by docs/security.md, "Personal data": stable within a mirror, on both engines."""
    store = str(tmp_path / "mirror.sqlite3") if place == "file" else postgresql()
    sandbox, found = filled(), []
    with serving(sandbox) as url:
        for where in (store, store, "memory"):
            async with connected(sandbox, pii="masked", store=where, base_url=url) as client:
                await client.until_complete()
                found.append(await masked_lead(client))
    assert found[0] == found[1]
    assert found[0]["name"] != found[2]["name"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ann's order", "<person>'s order"),
        ("Planning for ANN LEE.", "Planning for <person>."),
        ("mail ann@x.example, now", "mail <email>, now"),
        ("dial (030) 1234567 today", "dial <phone> today"),
        ("abroad: 0049 30 1234567", "abroad: <phone>"),
        ("or +1 202-555-0143.", "or <phone>."),
        ("on 19.07.2026, 2026-07, 12:30", "on 19.07.2026, 2026-07, 12:30"),
        ("order 4711, 25 % of 12,500.50", "order 4711, 25 % of 12,500.50"),
        ("it ended with +49 151 23…", "it ended with <phone>…"),
        ("locally 123 4567", "locally <phone>"),
        ("ref 999 999 999", "ref <phone>"),
        ("from +290 22158", "from <phone>"),
        ("or 040 42838", "or <phone>"),
        ("von dort, Rot", "von dort, <person>"),
        ("a li is long, Wang", "a li is long, <person>"),
        ("渡辺です", "<person>です"),
        ("see x.example/annlee", "see <link>"),
        ("the leeway and the annex", "the leeway and the annex"),
    ],
)
def test_a_text_is_masked_by_what_is_known_and_by_patterns(text: str, expected: str) -> None:
    """Promised by docs/security.md, "Personal data": free text."""
    known = PersonalValues(
        names=("Ann Lee", "Max von Rot", "Li Wang", "渡辺健太"), phones=("+49 30 1234567",),
        links=("x.example/annlee",), countries=("DE",),
    )  # fmt: skip
    assert mask_text(text, known, lambda kind, _: f"<{kind}>") == expected


async def test_after_a_mirror_was_replaced_all_servers_show_the_same_pseudonyms(
    tmp_path: Path,
) -> None:
    """Promised by docs/security.md, "Personal data": rows join, also those of two servers."""
    sandbox = Sandbox(size=20)
    settings: dict[str, Any] = {"pii": "masked", "store": str(tmp_path / "mirror.sqlite3")}

    async def names(server: ToolClient) -> list[str]:
        rows = (await server.ask("list_conversations", limit=20))["conversations"]
        return [row["name"] for row in rows if "name" in row]

    with serving(sandbox) as settings["base_url"]:
        async with connected(sandbox, **settings) as one:
            await one.until_complete()
            before = await names(one)
            for file in list(tmp_path.glob("mirror.sqlite3*")):  # noqa: ASYNC240
                file.unlink()
            await one.call("list_conversations", limit=1)  # says that the mirror was replaced
            await one.until_complete()
            async with connected(sandbox, **settings) as two:
                await two.until_complete()
                assert await names(one) == await names(two) != before
