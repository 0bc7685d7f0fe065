"""Answers say what was understood, and what would have been found otherwise."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from convocore_mcp.store.field_queries import row_values
from tests.promises.conversations import ROWS, ZONE, Row, ago, sandbox_of
from tests.tool_client import ToolClient, connected

LISTS = ("list_conversations", "list_leads", "conversation_stats")


@pytest.mark.parametrize(
    ("tool", "asked", "applied"),
    [
        ("list_conversations", {"stage": "WON", "tag": " vip "},
         {"stage": ["won"], "tag": ["vip"]}),
        ("list_conversations", {"stage": "PROPOSAL"}, {"stage": ["Proposal"]}),
        ("list_conversations", {"sort": "OLDEST", "attention": "Stale"},
         {"sort": "oldest", "attention": ["stale"]}),
        ("list_conversations", {"sort": "-Messages", "min_score": "50"},
         {"sort": "-messages", "min_score": 50}),
        ("list_leads", {"where": ["value>10K", "hot=yes", 'company="A|B"|C', "email missing"]},
         {"where": ["value>10000", "hot=true", 'company="A|B"|C', "email missing"]}),
        ("list_leads", {"query": " refund "}, {"query": "refund"}),
        ("conversation_stats", {"of": "LEADS", "group_by": "TAG", "measure": "Value"},
         {"of": "leads", "group_by": ["tag"], "measure": ["value"]}),
        ("conversation_stats", {"group_by": "Month", "by_time": "Created"},
         {"group_by": ["month"], "by_time": "created"}),
        ("summarize_hot_leads", {"min_score": "60", "top": 3}, {"min_score": 60, "top": 3}),
    ],
)  # fmt: skip
async def test_the_filters_and_the_order_are_echoed_as_they_were_understood(
    client: ToolClient, tool: str, asked: dict[str, Any], applied: dict[str, Any]
) -> None:
    """Promised by docs/contract.md, "Rules for every answer": `applied`.

    Holds docs/contract.md #applied #stages-without-case.
    """
    answer = await client.ask(tool, **asked)
    assert {name: answer["applied"].get(name) for name in applied} == applied
    assert answer["applied"]["timezone"] == ZONE


async def test_periods_are_echoed_as_absolute_times(client: ToolClient) -> None:
    """Promised by docs/contract.md, "Rules for every answer": the resolved window.

    Holds docs/contract.md #applied #future #time-zone.
    """
    where = ["created=2026-03-29", "created>=2026-03", "viewed<=2026-W10", "created!=2026-01-01"]
    for tool in LISTS:
        answer = await client.ask(tool, since="2026-03-29", until="2026-10-25", where=where)
        assert answer["applied"]["since"] == "2026-03-28T23:00:00Z"
        assert answer["applied"]["until"] == "2026-10-25T22:59:59Z"
        assert answer["applied"]["where"] == [
            "created=2026-03-28T23:00:00Z..2026-03-29T21:59:59Z",  # a day of 23 hours
            "created>=2026-02-28T23:00:00Z",
            "viewed<=2026-03-08T22:59:59Z",
            "created!=2025-12-31T23:00:00Z..2026-01-01T22:59:59Z",
        ]


async def test_an_empty_answer_says_what_each_filter_costs(client: ToolClient) -> None:
    """Promised by docs/contract.md, "Rules for every answer": `relax`.

    Holds docs/contract.md #relax.
    """
    asked: dict[str, Any] = {"stage": "won", "label": "cold", "where": ["messages<100"]}
    conversations = await client.ask("list_conversations", **asked)
    assert conversations["relax"] == {"stage": 0, "label": 1, "messages<100": 0}
    for tool, more in (("list_leads", {}), ("conversation_stats", {"of": "leads"})):
        leads = await client.ask(tool, **asked, **more)
        assert leads["relax"] == {"stage": 0, "label": 1, "messages<100": 0}
        assert leads["excluded"] == {"tests": 1, "blocked": 1}


@pytest.mark.parametrize(
    ("asked", "valid"),
    [
        ({"channel": "instagran"}, {"channel": ["instagram", "whatsapp"]}),
        ({"channel": ["phon", "phone"], "tag": "beta"}, {"channel": ["phone", "whatsapp"]}),
        ({"tag": ["vipp", "nope"]}, {"tag": ["vip"]}),
        ({"where": "source=groesse"}, {"source": ["Größe M"]}),
        ({"where": "data.budget=1"}, {"data.budget": ["25k"]}),
    ],
)  # fmt: skip
async def test_values_that_exist_are_listed_where_a_filter_names_one_that_does_not(
    client: ToolClient, asked: dict[str, Any], valid: dict[str, list[str]]
) -> None:
    """Promised by docs/contract.md, "Rules for every answer": `valid`, the nearest first.

    Holds docs/contract.md #valid.
    """
    for tool in ("list_conversations", "conversation_stats"):
        answer = await client.ask(tool, **asked)
        assert answer["valid"].keys() == valid.keys()
        for name, values in valid.items():
            assert answer["valid"][name][0] == values[0]
            assert set(values) <= set(answer["valid"][name])


@pytest.mark.parametrize(
    "asked",
    [
        {"assignee": "TOM@team.example", "stage": "new"},  # another name of an assignee
        {"where": "source=GROSSE m", "stage": "new"},  # the same without case and accents
        {"where": "data.budget=25000", "stage": "new"},  # the same number
        {"where": "notes=refund"},  # a long text: nobody names one
        {"where": "data.nothing=x"},  # no value to list
        {"attention": "waiting_for_human", "stage": "new"},
        {"where": "messages=77"},
        {"query": "xyzzy"},
    ],
)
async def test_nothing_is_listed_where_every_named_value_exists(
    client: ToolClient, asked: dict[str, Any]
) -> None:
    """Promised by docs/contract.md, "Rules for every answer": no empty list, no false claim.

    Holds docs/contract.md #valid.
    """
    for tool in ("list_conversations", "conversation_stats"):
        answer = await client.ask(tool, **asked)
        assert answer["relax"]
        assert "valid" not in answer


async def test_what_was_found_is_not_explained(client: ToolClient) -> None:
    """Promised by docs/contract.md, "Rules for every answer": only of an empty list."""
    for tool in LISTS:
        answer = await client.ask(tool, stage="won")
        assert "relax" not in answer
        assert "valid" not in answer


@pytest.mark.parametrize("asked", [{"query": "!!! —"}, {"where": "summary~%"}])
async def test_a_search_without_a_word_says_that_it_can_find_nothing(
    client: ToolClient, asked: dict[str, Any]
) -> None:
    """Ours: punctuation is not searched for, so an empty list proves nothing."""
    for tool in ("list_conversations", "list_leads", "conversation_stats"):
        answer = await client.ask(tool, **asked)
        assert "has no word and no number" in str(answer["freshness"]["notes"])
    assert "notes" not in (await client.ask("list_leads", query="Zzyzx!"))["freshness"]


UNPARSED_DATES: dict[str, Callable[[str | None], Row]] = {
    "expected_close": lambda text: {"expectedCloseDate": text},
    "demo": lambda text: {"demoDate": text},
    "next_due": lambda text: {"crmActivities": [{"type": "Call", "dueDate": text}]},
}
"""The fields of dates that the CRM takes any text for."""


@pytest.mark.parametrize("field", UNPARSED_DATES)
async def test_dates_that_have_two_readings_are_noted_where_they_matter(field: str) -> None:
    """Promised by docs/contract.md, "Fields": the CRM takes any text for a date.

    Holds docs/contract.md #unread-dates.
    """
    texts = ("31/12/2026", "Dec 31, 2026", "02/03/2026", "when the budget is there", "", None)
    rows: list[Row] = [
        {"ID": f"c{n}", "userName": f"P {n}", "ts": ago(hours=n)} | UNPARSED_DATES[field](text)
        for n, text in enumerate(texts)
    ]
    done = {"type": "Call", "dueDate": "02/03/2026", "completed": True}
    rows.append({"ID": "done", "userName": "Done", "ts": ago(hours=9), "crmActivities": [done]})
    note = f"{field}: 2 conversations have"
    async with connected(sandbox_of(rows)) as client:
        await client.until_complete()
        for tool in ("list_conversations", "list_leads"):
            for asked in ({"where": f"{field}=2026-12"}, {"sort": field}, {"fields": field}):
                answer = await client.ask(tool, **asked)
                assert answer["total"] == (2 if "where" in asked else 7)
                assert note in str(answer["freshness"]["notes"])
        stats = await client.ask("conversation_stats", where=f"{field} exists")
        assert note in str(stats["freshness"]["notes"])
        assert "notes" not in (await client.ask("list_leads"))["freshness"]


MANY = [
    {
        "ID": f"m{n}",
        "userName": f"Name {n}",
        "userCompany": f"Company {n:02}",
        "ts": ago(hours=n + 1),
    }
    for n in range(40)
]


@pytest.fixture(scope="module")
async def of_many() -> AsyncIterator[ToolClient]:
    """Conversations with forty companies, and one with very many long tags."""
    tags = [f"tag {n} {'x' * 250}" for n in range(150)]
    rows: list[Row] = [*MANY, {"ID": "tagged", "tags": tags, "ts": ago(minutes=1)}]
    async with connected(sandbox_of(rows)) as found:
        await found.until_complete()
        yield found


async def test_a_list_of_valid_values_that_is_cut_says_how_many_there_are(
    of_many: ToolClient,
) -> None:
    """Promised by docs/contract.md, "Rules for every answer": no list is cut in silence.

    Holds docs/contract.md #cut-told.
    """
    for tool in ("list_conversations", "list_leads"):
        answer = await of_many.ask(tool, where="company=Company 3")
        assert len(answer["valid"]["company"]) == 30
        assert all(name.startswith("Company 3") for name in answer["valid"]["company"][:3])
        assert answer["freshness"]["notes"] == ["valid: 30 of 40 values of company are listed."]


async def test_of_very_many_values_the_nearest_are_listed(
    of_many: ToolClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promised by docs/contract.md, "Rules for every answer": as of IDs and email addresses.

    Holds docs/contract.md #valid-near.
    """
    monkeypatch.setattr(row_values, "MAX_FIELD_VALUES", 20)
    for tool in ("list_conversations", "list_leads"):
        answer = await of_many.ask(tool, where="company=company 310")
        assert answer["valid"]["company"][:2] == ["Company 31", "Company 30"]
        assert answer["freshness"]["notes"] == [
            "valid: of more than 20 values of company, the 30 nearest are listed."
        ]


async def test_a_row_that_is_too_long_by_itself_keeps_what_fits(of_many: ToolClient) -> None:
    """Promised by docs/contract.md, "Rules for every answer": at most 30,000 characters.

    Holds docs/contract.md #lists-shortened.
    """
    answer = await of_many.ask("list_conversations", fields="tags", limit=3)
    (row,) = answer["conversations"]
    first, second = answer["freshness"]["notes"]
    assert 80 < len(row["tags"]) < 150
    assert first == f"tags: {len(row['tags'])} of 150 are shown."
    assert second.startswith("1 of 3 rows of this page fit")
    whole = await of_many.ask("get_conversation", conversation="tagged")
    assert f"tags: {len(whole['conversation']['tags'])} of 150" in str(whole["freshness"]["notes"])


async def test_fields_do_not_change_the_order(client: ToolClient) -> None:
    """Promised by docs/contract.md, "Tools": `fields` are shown in place of the brief ones.

    Holds docs/contract.md #same-order.
    """
    for sort in ("newest", "oldest", "score", "value", "waiting"):
        brief = await client.ask("list_conversations", sort=sort)
        named = await client.ask("list_conversations", sort=sort, fields="stage")
        assert [row["id"] for row in brief["conversations"]] == [
            row["id"] for row in named["conversations"]
        ]
        assert len(named["conversations"]) == len(ROWS)


async def test_values_that_cannot_be_read_can_be_distinguished(client: ToolClient) -> None:
    """Promised by docs/contract.md, "Fields": `value_text`.

    Holds docs/contract.md #value-text #value-text-where.
    """
    for tool, name in (("list_conversations", "id"), ("list_leads", "lead_id")):
        rows = {"list_conversations": "conversations", "list_leads": "leads"}[tool]
        found = (await client.ask(tool, where="value_text exists", fields="value"))[rows]
        assert [(row[name][:2], row["value_text"]) for row in found] == [("cy", "soon")]
        (shown,) = (await client.ask(tool, where="value_text exists", fields="value_text"))[rows]
        assert shown == {name: found[0][name], "value_text": "soon"}
        others = await client.ask(tool, where=["value exists", "value_text missing"])
        assert [row["value"] for row in others[rows]] == [12000, 5000]
    error = await client.refused("list_leads", where="value_text=soon")
    assert "exists missing" in error["hint"]
    assert "value" in (await client.refused("list_leads", sort="value_text"))["hint"]
