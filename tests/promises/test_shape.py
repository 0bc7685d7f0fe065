"""What answers hold, and what they leave out."""

import json
from typing import Any

import pytest

from tests.promises.conversations import LEADS, ROWS, Row, ago, sandbox_of
from tests.tool_client import ToolClient, connected

BRIEF_LEAD = {
    "lead_id", "name", "company", "contact", "channel", "stage", "label", "score", "hot", "value",
    "currency", "assignee", "last_activity", "next_due",
}  # fmt: skip
EXAMPLES = (
    "value>10000", "stage!=won|lost", "email missing", "expected_close<=+30d", "demo=today",
    "data.budget>=10000", "tags=vip", "reply_seconds>3600", "call_status=failed",
)  # fmt: skip
ROOT = "convocore://agents/demo-agent"


async def test_nothing_but_reading_is_asked_of_convocore() -> None:
    """Promised by docs/contract.md, "Rules for every answer": nothing changes Convocore.

    Holds docs/contract.md #changes-nothing.
    """
    sandbox = sandbox_of(export=True)
    async with connected(sandbox) as client:
        await client.until_complete()
        for tool in (await client.client.list_tools()).tools:
            asked: dict[str, Any] = {"get_lead": {"lead": "Ann"}}.get(tool.name, {})
            if tool.name == "get_conversation":
                asked = {"conversation": "ann-1", "turns": "5"}
            await client.ask(tool.name, **asked)
    assert {request.method for request in sandbox.requests} == {"GET"}


@pytest.mark.parametrize("condition", EXAMPLES)
async def test_every_example_of_a_condition_works(client: ToolClient, condition: str) -> None:
    """Promised by docs/contract.md, "Fields": the examples.

    Holds docs/contract.md #where-examples.
    """
    found = {
        tool: (await client.ask(tool, where=condition))["total"]
        for tool in ("list_conversations", "list_leads")
    }
    expected = {
        "value>10000": (1, 1), "stage!=won|lost": (len(ROWS) - 1, 3), "tags=vip": (1, 1),
        "email missing": (len(ROWS) - 1, 3), "expected_close<=+30d": (1, 1),
        "data.budget>=10000": (1, 1),
    }.get(condition, (0, 0))  # fmt: skip
    assert (found["list_conversations"], found["list_leads"]) == expected


async def test_min_score_leaves_out_what_was_never_scored(client: ToolClient) -> None:
    """Promised by docs/contract.md, "`list_conversations`": `min_score`.

    Holds docs/contract.md #min-score.
    """
    answer = await client.ask("list_conversations", min_score=0)
    assert [row["id"] for row in answer["conversations"]] == ["ann-1", "di-1"]


async def test_each_argument_of_a_list_of_leads_means_the_merged_value(client: ToolClient) -> None:
    """Promised by docs/contract.md, "`list_leads`": the values of all conversations, merged.

    Holds docs/contract.md #leads-arguments #leads-result.
    """
    everybody = await client.ask("list_leads")
    assert [row["lead_id"] for row in everybody["leads"]] == [*LEADS]
    assert everybody["total"] == len(LEADS)
    asked: dict[str, tuple[dict[str, Any], list[str]]] = {
        "stage": ({"stage": "new"}, []),  # of Ann's older conversation only
        "query": ({"query": "acme beta"}, ["ann"]),  # each word in another conversation
        "label": ({"label": "hot"}, ["cy", "bo"]),
        "attention": ({"attention": ["waiting_for_human", "overdue"]}, ["di", "cy"]),
        "where": ({"where": ["channels=web-chat", "messages=8"]}, ["ann"]),
        "since": ({"since": "5h"}, ["ann", "cy"]),
        "until": ({"until": "1d"}, ["di", "bo"]),
        "sort": ({"sort": "-conversations", "limit": 1}, ["ann"]),
        "fields": ({"fields": ["tags"], "limit": 1}, ["ann"]),
    }
    for arguments, expected in asked.values():
        answer = await client.ask("list_leads", **arguments)
        assert [row["lead_id"] for row in answer["leads"]] == expected, arguments
    (ann,) = answer["leads"]
    assert ann == {"lead_id": "ann", "tags": ["vip", "a|b", "beta"]}
    rest = await client.ask("list_leads", fields="tags", cursor=answer["next_cursor"])
    assert [row["lead_id"] for row in rest["leads"]] == [*LEADS[1:]]
    assert rest["excluded"] == {"tests": 1, "blocked": 1}


async def test_a_brief_lead_has_these_fields_and_no_others(client: ToolClient) -> None:
    """Promised by docs/contract.md, "`list_leads`": a brief row; what is unknown is left out.

    Holds docs/contract.md #leads-row.
    """
    rows = (await client.ask("list_leads"))["leads"]
    for row in rows:
        assert row.keys() <= BRIEF_LEAD | {"value_text"}
        assert {"lead_id", "name", "hot", "last_activity"} <= row.keys()
    assert rows[0]["contact"] == "ann@acme.example"


async def test_of_many_tags_a_row_shows_thirty_and_how_many_there_are() -> None:
    """Promised by docs/contract.md, "`list_conversations`": `tags_total`.

    Holds docs/contract.md #tags-total.
    """
    tags = [f"tag {n}" for n in range(34)]
    rows: list[Row] = [{"ID": "c", "tags": tags, "state": "open", "ts": ago(days=1)}]
    async with connected(sandbox_of(rows)) as client:
        await client.until_complete()
        plain: dict[str, Any] = {}
        for asked in (plain, {"where": "tags exists"}):
            (row,) = (await client.ask("list_conversations", **asked))["conversations"]
            assert (row["tags"], row["tags_total"]) == (tags[:30], 34)
        (row,) = (await client.ask("list_conversations", fields="tags"))["conversations"]
        assert row == {"id": "c", "tags": tags}


async def test_what_is_left_out_of_a_lead_is_noted() -> None:
    """Promised by docs/contract.md, "Rules for every answer": no list is cut in silence.

    Holds docs/contract.md #cut-told.
    """
    steps = [
        {"stepName": f"s{n}", "pointsAdded": n + 1, "newScore": n + 1, "timestamp": ago(hours=n),
         "messageContext": f"said {n}"} for n in range(20)
    ]  # fmt: skip
    person = {"userName": "Ann", "funnelScoreHistory": steps, "contactIdentityId": "ann"}
    rows: list[Row] = [{"ID": f"c{n}", "ts": ago(days=n + 1), **person} for n in range(25)]
    long = {f"name {n}": "y " * 140 for n in range(100)}
    rows.append({"ID": "long", "userName": "Bob", "capturedVariables": long, "ts": ago(days=1)})
    async with connected(sandbox_of(rows)) as client:
        await client.until_complete()
        answer = await client.ask("get_lead", lead="Ann")
        cut = await client.ask("get_lead", lead="Bob")
    lead = answer["lead"]
    assert (len(lead["conversations"]), lead["conversations_total"]) == (20, 25)
    assert (len(lead["timeline"]), len(lead["said"])) == (15, 3)
    notes = " ".join(answer["freshness"]["notes"])
    assert "timeline is cut short: 15 of 20 are shown" in notes
    assert "said is cut short: 3 of 20 are shown" in notes
    shown = len(cut["lead"]["extracted"])
    assert 80 < shown < 100
    assert f"extracted is cut short: {shown} of 100 are shown." in cut["freshness"]["notes"]


async def test_what_a_resource_shows_a_tool_answers_too(client: ToolClient) -> None:
    """Promised by docs/contract.md, "Rules for every answer": several clients show only tools.

    Holds docs/contract.md #tools-answer-all.
    """
    listed = await client.read(f"{ROOT}/conversations?limit=3")
    brief = await client.ask("list_conversations", limit=3)
    assert listed["conversations"] == brief["conversations"]
    stats = await client.ask("conversation_stats", of="leads", group_by="stage")
    assert (await client.read(f"{ROOT}/stats"))["groups"] == stats["groups"]
    record = await client.read(f"{ROOT}/conversations/ann-1")
    whole = (await client.ask("get_conversation", conversation="ann-1"))["conversation"]
    for here, there in {
        "user_name": "name", "user_company": "company", "user_email": "email", "stage": "stage",
        "lead_score": "score", "value": "value", "currency": "currency", "tags": "tags",
        "messages_num": "messages", "language": "language", "origin": "channel",
        "captured_variables": "data", "ts": "last_activity",
    }.items():  # fmt: skip
        assert record[here] == whole[there]
    fields = json.dumps(await client.read("convocore://schema/fields"))
    error = await client.refused("list_leads", where="nothing=1")
    for name in error["hint"].removeprefix("Valid fields: ").removesuffix(".").split(", "):
        assert f'"{name}"' in fields


async def test_names_of_tools_prompts_resources_and_templates_are_distinct(
    client: ToolClient,
) -> None:
    """Promised by docs/contract.md, "Resources": a name means one thing.

    Holds docs/contract.md #distinct-names.
    """
    session = client.client
    names = [tool.name for tool in (await session.list_tools()).tools]
    names += [prompt.name for prompt in (await session.list_prompts()).prompts]
    names += [resource.name for resource in (await session.list_resources()).resources]
    templates = (await session.list_resource_templates()).resource_templates
    names += [template.name for template in templates]
    assert len(names) == len(set(names))


async def test_more_than_two_hundred_tags_are_counted_as_they_are() -> None:
    """Promised by docs/contract.md, "Rules for every answer": no list is cut in silence.

    Holds docs/contract.md #cut-told.
    """
    tags = [f"{'tag ' * 45}{n}" for n in range(300)]
    short = [f"t{n}" for n in range(300)]
    captured = {f"v{n}": n for n in range(300)}
    rows: list[Row] = [
        {"ID": "long", "userName": "Ann", "tags": tags * 2, "ts": ago(days=1)},
        {"ID": "short", "userName": "Bob", "tags": short, "capturedVariables": captured,
         "ts": ago(days=2)},
    ]  # fmt: skip
    rows += [
        {"ID": f"one-{n}", "contactIdentityId": "one", "tags": tags[n * 100 : n * 100 + 100],
         "ts": ago(days=3 + n)} for n in range(3)
    ]  # fmt: skip
    async with connected(sandbox_of(rows)) as client:
        await client.until_complete()
        for lead_id in ("long", "short", "one"):
            answer = await client.ask("get_lead", lead=lead_id)
            shown = answer["lead"]["tags"]
            assert set(shown) <= {*tags, *short}
            assert (
                f"tags is cut short: {len(shown)} of 300 are shown." in answer["freshness"]["notes"]
            )
            if lead_id == "short":
                extracted = answer["lead"]["extracted"]
                assert extracted.keys() <= captured.keys()
                note = f"extracted is cut short: {len(extracted)} of 300 are shown."
                assert note in answer["freshness"]["notes"]
            listed = await client.ask("list_leads", where=f"lead_id={lead_id}", fields="tags")
            (row,), notes = listed["leads"], listed["freshness"].get("notes", [])
            if lead_id == "short":
                assert (row["tags"][200:], notes) == (["… 100 more"], [])
            else:
                assert notes == [f"tags: {len(row['tags'])} of 300 are shown."]
