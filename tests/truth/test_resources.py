"""The resources: each can be read, pages to its end, and shows no secret."""

import json
from typing import Any
from urllib.parse import quote

import jsonschema  # type: ignore[import-untyped]
import pytest
from mcp.shared.exceptions import MCPError
from mcp_types import ResourceTemplateReference

from convocore_mcp.sandbox import Sandbox
from tests.tool_client import Answer, ToolClient, connected, text_of
from tests.truth import oracle
from tests.truth.oracle import Row

ROOT = "convocore://agents"
AGENT = f"{ROOT}/demo-agent"
SCHEMA = "convocore://schema/conversation"
FIELDS = "convocore://schema/fields"


async def refusal(tool_client: ToolClient, uri: str) -> Answer:
    """The error object of a resource that cannot be read."""
    with pytest.raises(MCPError) as caught:
        await tool_client.client.read_resource(uri)
    text = str(caught.value)
    error: Answer = json.loads(text[text.index("{") : text.rindex("}") + 1])["error"]
    return error


async def test_every_resource_is_listed_and_can_be_read(
    tool_client: ToolClient, rows: list[Row]
) -> None:
    """Promised by docs/contract.md, "Resources": eight URIs, all JSON, each with a time to live."""
    listed = {str(r.uri) for r in (await tool_client.client.list_resources()).resources}
    templates = {
        t.uri_template
        for t in (await tool_client.client.list_resource_templates()).resource_templates
    }
    named = ("hot-leads", "stats", "conversations")
    assert listed == {ROOT, SCHEMA, FIELDS, *(f"{AGENT}/{name}" for name in named)}
    agent = f"{ROOT}/{{agent_id}}"
    assert templates == {
        f"{agent}/conversations{{?cursor,limit}}",
        f"{agent}/conversations/{{conversation_id}}",
        f"{agent}/leads/{{lead_id}}",
        f"{agent}/hot-leads",
        f"{agent}/stats",
    }
    lead_id = (await tool_client.ask("summarize_hot_leads"))["leads"][0]["lead_id"]
    for uri in (
        ROOT, SCHEMA, FIELDS, f"{AGENT}/conversations", f"{AGENT}/conversations/{rows[0]['ID']}",
        f"{AGENT}/leads/{lead_id}", f"{AGENT}/hot-leads", f"{AGENT}/stats",
    ):  # fmt: skip
        result = await tool_client.client.read_resource(uri)
        (content,) = result.contents
        assert content.mime_type == "application/json"
        assert isinstance(json.loads(content.text), dict)  # type: ignore[union-attr]
        assert result.ttl_ms > 0
        assert result.cache_scope == ("public" if uri in (SCHEMA, FIELDS) else "private")


async def test_the_agents_are_those_configured_with_coverage_and_size(
    tool_client: ToolClient, rows: list[Row]
) -> None:
    """Promised by docs/contract.md, "Resources": region, coverage and size.

    Holds docs/contract.md #r-agents.
    """
    (agent,) = (await tool_client.read(ROOT))["agents"]
    assert agent["agent_id"] == "demo-agent"
    assert agent["region"] == "eu"
    assert agent["conversations"] == len(rows)
    assert agent["complete"] is True
    assert agent["oldest"] == oracle.rfc3339(min(map(oracle.last_activity, rows)))


async def test_conversations_can_be_paged_to_the_end(
    tool_client: ToolClient, rows: list[Row]
) -> None:
    """Promised by docs/contract.md, "Resources": brief rows, with the next page's URI.

    Holds docs/contract.md #r-conversations.
    """
    uri, found = f"{AGENT}/conversations?limit=90", []
    while uri:
        page = await tool_client.read(uri)
        found += page["conversations"]
        assert page["total"] == len(rows)
        uri = page.get("next_uri", "")
    assert [row["id"] for row in found] == oracle.ordered(rows, "newest")
    usual = await tool_client.read(f"{AGENT}/conversations")
    assert usual["conversations"] == found[:20]
    by_tool = await tool_client.ask("list_conversations")
    assert usual["conversations"] == by_tool["conversations"]


async def test_a_record_is_the_whole_record_normalised(
    tool_client: ToolClient, rows: list[Row]
) -> None:
    """Promised by docs/contract.md, "Resources": snake_case names and RFC 3339 times.

    Holds docs/contract.md #r-conversation.
    """
    for row in rows[::16]:
        got = await tool_client.read(f"{AGENT}/conversations/{row['ID']}")
        assert got.pop("freshness")["complete"] is True
        assert oracle.record_differences(got, oracle.record(row)) == [], row["ID"]


async def test_a_lead_and_the_hot_leads_equal_the_tools_answers(tool_client: ToolClient) -> None:
    """Promised by docs/contract.md, "Rules for every answer": a tool can answer it too.

    Holds docs/contract.md #tools-answer-all #r-lead #r-hot-leads.
    """
    by_tool = await tool_client.ask("summarize_hot_leads")
    assert await tool_client.read(f"{AGENT}/hot-leads") == by_tool
    for lead in by_tool["leads"]:
        uri = f"{AGENT}/leads/{quote(lead['lead_id'], safe='')}"
        by_tool = await tool_client.ask("get_lead", lead=lead["lead_id"])
        assert _at_any_time(await tool_client.read(uri)) == _at_any_time(by_tool)


async def test_the_statistics_equal_the_expected_ones(
    tool_client: ToolClient, rows: list[Row]
) -> None:
    """Promised by docs/contract.md, "Resources": totals of leads, and the pipeline by stage.

    Holds docs/contract.md #r-stats.
    """
    stats = await tool_client.read(f"{AGENT}/stats")
    leads = oracle.leads(rows)
    by_stage: dict[str, list[oracle.Lead]] = {}
    for lead in leads:
        by_stage.setdefault(lead.field("stage") or "none", []).append(lead)
    assert _counted(stats["totals"]) == _numbers(leads)
    assert {g["stage"]: _counted(g) for g in stats["groups"]} == {
        stage: _numbers(there) for stage, there in by_stage.items()
    }
    by_tool = await tool_client.ask("conversation_stats", of="leads", group_by="stage")
    assert _at_any_time(by_tool) == _at_any_time(stats)


def _at_any_time(answer: Row) -> Row:
    """The answer without the time of the last look at Convocore, which may come in between."""
    return answer | {"freshness": answer["freshness"] | {"as_of": "a time"}}


def _counted(group: Row) -> Row:
    return {name: group.get(name, 0) for name in ("leads", "hot", "unparsed_values")}


def _numbers(leads: list[oracle.Lead]) -> Row:
    unparsed = [x for x in leads if x.field("value") is not None and x.money[0] is None]
    return {
        "leads": len(leads),
        "hot": sum(lead.hot() for lead in leads),
        "unparsed_values": len(unparsed),
    }


async def test_the_schema_describes_every_record(tool_client: ToolClient, rows: list[Row]) -> None:
    """Promised by docs/contract.md, "Resources": JSON Schema of a record.

    Holds docs/contract.md #r-schema.
    """
    schema = await tool_client.read(SCHEMA)
    jsonschema.Draft202012Validator.check_schema(schema)
    check = jsonschema.Draft202012Validator(schema)
    assert len(schema["properties"]) >= 102
    for row in rows[::40]:
        record = await tool_client.read(f"{AGENT}/conversations/{row['ID']}")
        del record["freshness"]
        assert [e.message for e in check.iter_errors(record)] == []


async def test_no_address_key_or_recording_is_ever_shown(
    tool_client: ToolClient, rows: list[Row]
) -> None:
    """Promised by docs/architecture.md, "Untrusted text".

    Holds docs/contract.md #r-conversation.
    """
    secrets = {value for row in rows for value in secret_values(row)}
    assert len(secrets) > 400
    texts = []
    for detail in ("brief", "full"):
        texts += [json.dumps(page) for page in await tool_client.pages(limit=100, detail=detail)]
    for asked in ({"top": 50, "explain": True}, {"top": 50, "since": "24h", "min_score": 0}):
        texts.append(text_of(await tool_client.call("summarize_hot_leads", **asked)))
    with_secrets = [row for row in rows if secret_values(row)]
    for row in with_secrets[::20]:
        texts.append(json.dumps(await tool_client.read(f"{AGENT}/conversations/{row['ID']}")))
        texts.append(text_of(await tool_client.call("get_lead", lead=row["ID"])))
    for uri in (ROOT, f"{AGENT}/hot-leads", f"{AGENT}/stats", f"{AGENT}/conversations?limit=100"):
        texts.append(json.dumps(await tool_client.read(uri)))
    everything = "\n".join(texts)
    assert [secret for secret in secrets if secret in everything] == []
    for word in ("sandbox-key", "vf-secret", "rec-secret", "sk-x", "storage.example.com"):
        assert word not in everything


def secret_values(row: Row) -> list[str]:
    """The visitor's address, session keys and recording URLs."""
    known = [
        row.get("ipAddress"),
        (row.get("voiceflowV4Session") or {}).get("sessionKey"),
        (row.get("vapi") or {}).get("recordingUrl"),
        (row.get("voice") or {}).get("listenUrl"),
    ]
    return [value for value in known if value]


async def test_a_missing_resource_is_an_error_that_says_what_to_do(tool_client: ToolClient) -> None:
    """Promised by docs/contract.md, "Rules for every answer": one error object."""
    for uri, code in {
        f"{AGENT}/conversations/nope": "not_found",
        f"{AGENT}/leads/nope-nope-nope": "not_found",
        f"{ROOT}/another/stats": "invalid_argument",
        f"{ROOT}/another/conversations": "invalid_argument",
        f"{AGENT}/conversations?limit=0": "invalid_argument",
        f"{AGENT}/conversations?limit=101": "invalid_argument",
        f"{AGENT}/conversations?limit=many": "invalid_argument",
        f"{AGENT}/conversations?cursor=garbage": "invalid_argument",
    }.items():
        error = await refusal(tool_client, uri)
        assert error["code"] == code, uri
        assert error["message"]
        assert error["hint"]
    with pytest.raises(MCPError):
        await tool_client.client.read_resource(f"{ROOT}/demo-agent/nothing-of-the-kind")
    with pytest.raises(MCPError):
        await tool_client.client.read_resource("file:///etc/passwd")


async def test_ids_with_any_characters_work_in_a_uri() -> None:
    """Ours: an ID can hold any characters."""
    sandbox = Sandbox(size=0, agent_id="shop & sons/ü")
    odd: list[Any] = ["a/b", "a b", "ü?x=1#y", "100%", "%2F", "+49 151", "a&b=c"]
    sandbox.replace([{"ID": i, "ts": 1_780_000_000, "userName": "x"} for i in odd])
    async with connected(sandbox) as tool_client:
        root = f"{ROOT}/{quote(sandbox.agent_id, safe='')}"
        for identifier in odd:
            record = await tool_client.read(f"{root}/conversations/{quote(identifier, safe='')}")
            assert record["id"] == identifier
            lead = await tool_client.read(f"{root}/leads/{quote(identifier, safe='')}")
            assert lead["lead"]["lead_id"] == identifier
        page = await tool_client.read(f"{root}/conversations?limit=3")
        again = await tool_client.read(page["next_uri"])
        assert len(again["conversations"]) == 3


async def test_of_an_agent_that_is_gone_resources_say_no_more_than_tools() -> None:
    """Promised by docs/contract.md, "Resources": nothing that a tool would refuse to tell."""
    sandbox = Sandbox(size=60)
    id_, agent_id = next(sandbox.rows())["ID"], sandbox.agent_id
    async with connected(sandbox, incremental_sync_seconds=0) as tool_client:
        await tool_client.until_complete()
        uri = f"{ROOT}/{{agent_id}}/conversations/{{conversation_id}}"
        template = ResourceTemplateReference(uri=uri)
        typed = {"name": "conversation_id", "value": id_[:3]}
        assert (await tool_client.client.complete(template, typed)).completion.values
        sandbox.agent_id = "another-agent"
        error = await tool_client.refused("list_conversations")
        assert error["code"] == "not_found"
        for uri in (
            f"{AGENT}/conversations", f"{AGENT}/conversations/{id_}", f"{AGENT}/leads/{id_}",
            f"{AGENT}/hot-leads", f"{AGENT}/stats",
        ):  # fmt: skip
            assert await refusal(tool_client, uri) == error, uri
        (agent,) = (await tool_client.read(ROOT))["agents"]
        assert (agent["agent_id"], agent["complete"]) == (agent_id, False)
        assert (await tool_client.client.complete(template, typed)).completion.values == []
