"""`summarize_hot_leads`, and which conversations are one lead, compared with the oracle."""

import time
from typing import Any

import pytest

from convocore_mcp.sandbox import Sandbox
from tests.tool_client import Answer, ToolClient, connected
from tests.truth import oracle
from tests.truth.conftest import in_live_dialect
from tests.truth.oracle import Lead, Row

QUESTIONS: tuple[dict[str, Any], ...] = (
    {},
    {"min_score": 0},
    {"min_score": 40},
    {"min_score": 74.5},
    {"min_score": 100},
    {"since": "7d"},
    {"until": "30d"},
    {"since": "90d", "until": "3d", "min_score": 60},
    {"since": "2026-01-01"},
    {"since": "3mo", "until": "2w", "min_score": 20},
)
COUNTED = (
    "hot", "leads_considered", "by_stage", "by_channel", "value", "unparsed_values",
    "waiting_for_human", "unassigned", "overdue",
)  # fmt: skip


async def summarized(
    tool_client: ToolClient, rows: list[Row], **asked: Any
) -> tuple[Answer, dict[str, Any]]:
    """The server's answer and the expected summary."""
    answer = await tool_client.ask("summarize_hot_leads", **asked)
    window = {n: answer["applied"][n] for n in ("since", "until") if n in answer["applied"]}
    assert window.keys() == asked.keys() & {"since", "until"}
    return answer, oracle.summary(rows, min_score=asked.get("min_score", 75), **window)


@pytest.fixture(scope="module")
async def lead_ids(tool_client: ToolClient) -> dict[frozenset[str], str]:
    """Each lead's id, by the ids of its conversations, as the list shows it."""
    members: dict[str, set[str]] = {}
    for page in await tool_client.pages(limit=100, detail="full"):
        for row in page["conversations"]:
            if "lead_id" in row:
                members.setdefault(row["lead_id"], set()).add(row["id"])
    return {frozenset(ids): lead_id for lead_id, ids in members.items()}


async def test_the_right_conversations_are_one_lead(
    rows: list[Row], lead_ids: dict[frozenset[str], str]
) -> None:
    """Promised by docs/contract.md, "A lead": by identity, email or phone.

    Holds docs/contract.md #lead.
    """
    ours = oracle.leads(rows)

    assert lead_ids.keys() == {lead.ids for lead in ours}
    assert max(len(ids) for ids in lead_ids) > 3
    for ids, lead_id in lead_ids.items():
        known = {row.get("contactIdentityId") for row in rows if row["ID"] in ids} - {None}
        assert lead_id in (known or ids)


@pytest.mark.parametrize("asked", QUESTIONS, ids=str)
async def test_every_count_and_sum_agrees_with_a_plain_computation(
    tool_client: ToolClient, rows: list[Row], asked: dict[str, Any]
) -> None:
    """Promised by docs/contract.md, "Tools": every field of `summarize_hot_leads`.

    Holds docs/contract.md #hot-result #hot-window.
    """
    answer, ours = await summarized(tool_client, rows, **asked)

    assert {name: answer[name] for name in COUNTED} == {name: ours[name] for name in COUNTED}
    assert answer["hot"] > 0
    assert sum(answer["by_stage"].values()) == answer["hot"] == sum(answer["by_channel"].values())
    assert answer["excluded"]["closed"] == ours["closed"]
    assert f"{asked.get('min_score', 75):g}" in answer["definition"]
    assert answer["applied"]["min_score"] == asked.get("min_score", 75)
    assert "relax" not in answer
    assert answer["freshness"]["complete"] is True
    assert answer["freshness"]["conversations"] == len(rows)


async def test_tests_and_blocked_conversations_are_counted_as_excluded(
    tool_client: ToolClient, rows: list[Row], lead_ids: dict[frozenset[str], str]
) -> None:
    """Promised by docs/contract.md, "A lead": dropped before merging, counted in `excluded`.

    Holds docs/contract.md #excluded #tests-and-blocked.
    """
    answer, _ = await summarized(tool_client, rows)

    out = sum(not oracle.takes_part(row) for row in rows)
    assert answer["excluded"]["tests"] == sum(bool(row.get("isTest")) for row in rows)
    assert answer["excluded"]["tests"] + answer["excluded"]["blocked"] == out
    assert not {i for group in lead_ids for i in group} & {
        row["ID"] for row in rows if not oracle.takes_part(row)
    }


@pytest.mark.parametrize("asked", QUESTIONS, ids=str)
async def test_leads_come_hottest_first_and_every_field_is_right(
    tool_client: ToolClient,
    rows: list[Row],
    lead_ids: dict[frozenset[str], str],
    asked: dict[str, Any],
) -> None:
    """Promised by docs/contract.md, "A lead": by score, last activity and `lead_id`.

    Holds docs/contract.md #hot-arguments #hot-row.
    """
    ids = lead_ids
    answer, ours = await summarized(tool_client, rows, **asked, top=50)
    for top in (50, 10, 1):
        if top < 50:
            again = {} if top == 10 else {"top": top}  # ten by default
            answer = await tool_client.ask("summarize_hot_leads", **asked, **again)
        ranked = sorted(ours["leads"].values(), key=lambda lead: _rank(lead, ids[lead.ids]))
        expected = [_hot_view(lead, ids[lead.ids]) for lead in ranked[:top]]
        assert [lead["lead_id"] for lead in answer["leads"]] == [e["lead_id"] for e in expected]
        for got, wanted, lead in zip(answer["leads"], expected, ranked, strict=False):
            _check_words(got, lead)
            assert oracle.differences(got, wanted) == {}


def _rank(lead: Lead, lead_id: str) -> tuple[float, float, str]:
    return -(lead.get(oracle.score) or 0), -lead.at, lead_id


def _hot_view(lead: Lead, lead_id: str) -> Row:
    """One of `leads`, without `why`, `wants` and `next_step`."""
    amount, currency = lead.money
    known = {
        "lead_id": lead_id,
        "conversation_id": lead.rows[0]["ID"],
        "name": lead.field("userName"),
        "company": lead.field("userCompany"),
        "contact": ", ".join(t.strip() for t in map(lead.field, ("userEmail", "userPhone")) if t),
        "channel": lead.get(oracle.channel),
        "stage": lead.field("stage"),
        "label": lead.field("hotLabel"),
        "score": lead.get(oracle.score),
        "value": amount,
        "value_text": lead.field("value") if amount is None else None,
        "currency": currency,
        "assignee": lead.assignee,
        "last_activity": oracle.rfc3339(lead.at),
    }
    return {name: value for name, value in known.items() if oracle.filled(value) is not None}


def _check_words(got: Row, lead: Lead) -> None:
    """Check the three fields whose wording is free: their facts must be the lead's."""
    why = " ".join(got.pop("why"))
    assert ("label hot decides" in why) == (lead.field("hotLabel") is not None)
    assert ("waiting for a human" in why) == lead.waiting
    texts = [
        text for row in lead.rows for name in ("summary", "funnelSummary", "lastMessage", "title")
        if (text := row.get(name))
    ]  # fmt: skip
    wants = got.pop("wants", None)
    if all(oracle.shown_unchanged(text) for text in texts):
        assert (wants is None) == (not texts)
        assert wants is None or wants in texts
    step = got.pop("next_step", None)
    steps = oracle.next_steps(lead.rows, time.time())
    assert (step is None) == (not steps)
    if step is not None:
        same_day = [a for a in steps if oracle.day(_iso(a["dueDate"])) == step["due"][:10]]
        assert oracle.day(_iso(steps[0]["dueDate"])) == step["due"][:10]
        assert (step["type"], step.get("title")) in [(a["type"], a.get("title")) for a in same_day]
        assert step.get("overdue", False) == oracle.past(steps[0]["dueDate"], time.time())


def _iso(when: Any) -> str:
    at = oracle.seconds(when)
    assert at is not None
    return oracle.rfc3339(at)


@in_live_dialect
async def test_near_misses_are_shown_only_when_asked_for_and_are_not_hot(
    tool_client: ToolClient, rows: list[Row], lead_ids: dict[frozenset[str], str]
) -> None:
    """Promised by docs/contract.md, "Tools": `explain` adds `near_misses`.

    Holds docs/contract.md #near-misses.
    """
    assert "near_misses" not in await tool_client.ask("summarize_hot_leads")
    answer = await tool_client.ask("summarize_hot_leads", explain=True)
    ids = {lead_id: members for members, lead_id in lead_ids.items()}
    ours = {lead.ids: lead for lead in oracle.leads(rows)}
    assert answer["near_misses"]["leads"]
    for miss in answer["near_misses"]["leads"]:
        lead = ours[ids[miss["lead_id"]]]
        assert not lead.hot()
        assert not lead.closed
        assert miss["why_not"]


@in_live_dialect
async def test_an_empty_summary_says_what_each_bound_excludes(
    tool_client: ToolClient, rows: list[Row]
) -> None:
    """Promised by docs/contract.md, "Rules for every answer": `relax`."""
    answer, _ = await summarized(tool_client, rows, since="2027-01-01")
    assert answer["leads"] == []
    assert answer["hot"] == answer["leads_considered"] == 0
    assert answer["value"] == {}
    assert answer["relax"]["since"] == oracle.summary(rows)["hot"]
    assert answer["relax"]["min_score"] == 0


@in_live_dialect
@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"top": 0}, "top"), ({"top": 51}, "top"), ({"min_score": 101}, "min_score"),
        ({"since": "soon"}, "since"), ({"limit": 5}, "limit"), ({"agent_id": "x"}, "agent_id"),
        ({"explain": "perhaps"}, "explain"), ({"since": "1d", "until": "5d"}, "since"),
    ],
)  # fmt: skip
async def test_an_invalid_argument_is_named(
    tool_client: ToolClient, arguments: dict[str, Any], named: str
) -> None:
    """Promised by docs/contract.md, "Rules for every answer": an unknown argument is named."""
    error = await tool_client.refused("summarize_hot_leads", **arguments)
    assert error["code"] == "invalid_argument"
    assert named in error["message"]
    assert error["hint"]


# Cases that the sandbox does not generate


NOW = 1_780_000_000


def conversation(number: int, **fields: Any) -> Row:
    """A conversation; a higher number is newer."""
    return {"ID": f"c{number}", "ts": NOW + number, "lastMessageTS": NOW + number, **fields}


def scored(points: float, **more: Any) -> Row:
    """The fields of an evaluated score."""
    return {"leadScore": points, "funnelLastEvaluated": NOW, **more}


async def hot_of(rows: list[Row], **asked: Any) -> Answer:
    """The summary of these rows."""
    sandbox = Sandbox(size=0)
    sandbox.replace(sorted(rows, key=lambda row: -row["ts"]))
    async with connected(sandbox) as tool_client:
        return await tool_client.ask("summarize_hot_leads", **asked)


async def test_the_newest_value_of_each_field_wins() -> None:
    """Promised by docs/contract.md, "A lead": the newest conversation that has a field wins.

    Holds docs/contract.md #newest-wins.
    """
    same = {"contactIdentityId": "ci_1"}
    answer = await hot_of(
        [
            conversation(
                1, **same, userName="Old Name", userCompany="Acme", **scored(95), stage="new"
            ),
            conversation(
                2, **same, userName="New Name", hotLabel="cold", value="1 200", currency="eur"
            ),
            conversation(3, **same, hotLabel="hot", leadScore=0, funnelScoreHistory=[], value=""),
            conversation(4, contactIdentityId="ci_2", **scored(99), stage="won"),
            conversation(5, contactIdentityId="ci_2", userName="Won Already", **scored(99)),
            conversation(6, contactIdentityId="ci_3", **scored(90)),
            conversation(7, contactIdentityId="ci_3", **scored(10)),
            conversation(8, contactIdentityId="ci_4", **scored(90), isTest=True),
            conversation(9, contactIdentityId="ci_4", userName="Only a name"),
            conversation(10, contactIdentityId="ci_5", **scored(75)),
            conversation(11, contactIdentityId="ci_6", **scored(74.9)),
            conversation(12, contactIdentityId="ci_7", **scored(99), hotLabel="warm"),
        ]
    )
    assert [lead["lead_id"] for lead in answer["leads"]] == ["ci_1", "ci_5"]
    first = answer["leads"][0]
    assert (first["name"], first["company"], first["label"]) == ("New Name", "Acme", "hot")
    assert (first["score"], first["value"], first["currency"]) == (95, 1200, "EUR")
    assert first["conversation_id"] == "c3"
    assert answer["leads_considered"] == 7
    assert answer["excluded"] == {"tests": 1, "blocked": 0, "closed": 1}
    assert answer["value"] == {"EUR": 1200}


async def test_identities_never_merge_and_others_join_the_one_they_share_a_value_with() -> None:
    """Promised by docs/contract.md, "A lead".

    Holds docs/contract.md #joins-identity.
    """
    answer = await hot_of(
        [
            conversation(1, contactIdentityId="ci_1", userPhone="+49 1512 2020999", **scored(90)),
            conversation(2, contactIdentityId="ci_2", userPhone="+4915122020999", **scored(91)),
            conversation(3, contactIdentityId="ci_1", userEmail="Jane@Example.com", **scored(92)),
            conversation(
                4, userEmail=" jane@example.COM ", **scored(93), userPhone="0044 7400 123456"
            ),
            conversation(5, userPhone="+447400123456", **scored(94)),
            conversation(6, userPhone="4915122020998", countryCode="DE", **scored(80)),
            conversation(7, userPhone="+49 (1512) 2020998", **scored(81)),
            conversation(8, userEmail="n/a", **scored(82)),
            conversation(9, userEmail="n/a", **scored(83)),
            conversation(10, userName="Same Name", **scored(84)),
            conversation(11, userName="Same Name", **scored(85)),
        ]
    )
    assert [(lead["conversation_id"], lead["score"]) for lead in answer["leads"]] == [
        ("c5", 94), ("c2", 91), ("c11", 85), ("c10", 84), ("c9", 83), ("c8", 82), ("c7", 81)
    ]  # fmt: skip


async def test_strangers_who_typed_the_same_placeholder_are_not_one_person() -> None:
    """Promised by docs/contract.md, "A lead": a placeholder joins nobody."""
    placeholders = [
        {"userPhone": "+266696687"}, {"userPhone": "000-000-0000"}, {"userPhone": "1234567890"},
        {"userEmail": "test@test.com"}, {"userEmail": "n/a"}, {"userEmail": "noreply@acme.example"},
    ]  # fmt: skip
    rows = [
        conversation(10 * i + at, userName=name, **placeholder, **fields)
        for i, placeholder in enumerate(placeholders)
        for at, (name, fields) in enumerate(
            [("Hot", scored(90)), ("Closed", scored(95, stage="lost")), ("Cool", scored(10))]
        )
    ]
    answer = await hot_of(rows)

    assert answer["hot"] == len(placeholders) == len(oracle.summary(rows)["leads"])
    assert answer["leads_considered"] == len(rows) == len(oracle.leads(rows))
    assert {lead["name"] for lead in answer["leads"]} == {"Hot"}


async def test_a_number_with_and_without_its_countrys_mobile_digit_is_one_person() -> None:
    """Promised by docs/contract.md, "A lead": Brazil's ninth, Mexico's 1, Argentina's 9."""
    pairs = [
        ("+55 11 98765-4321", "551187654321"), ("+52 55 1234 5678", "5215512345678"),
        ("+54 11 2345-6789", "5491123456789"),
    ]  # fmt: skip
    rows = [
        conversation(10 * i + at, userPhone=phone, **scored(80))
        for i, pair in enumerate(pairs)
        for at, phone in enumerate(pair)
    ]

    answer = await hot_of(rows)

    assert answer["hot"] == answer["leads_considered"] == len(pairs) == len(oracle.leads(rows))


async def test_a_lead_that_waits_in_an_older_conversation_waits() -> None:
    """Promised by docs/contract.md, "Fields": `waiting` is that of any conversation."""
    asked = {"handoffHistory": [{"requestedAt": NOW - 60}]}
    rows = [
        conversation(1, contactIdentityId="i", state="requested_chat", **asked, **scored(90)),
        conversation(2, contactIdentityId="i", state="requested_chat", **scored(90)),
        conversation(3, contactIdentityId="i", state="ended_chat", **scored(90)),
        conversation(4, contactIdentityId="j", state="Requested_Chat", **scored(80)),
        conversation(5, contactIdentityId="k", state="ai-chatting", **scored(85)),
    ]

    answer = await hot_of(rows)

    assert answer["waiting_for_human"] == 2
    waits = [any("waiting for a human" in why for why in lead["why"]) for lead in answer["leads"]]
    assert waits == [True, False, True]


async def test_a_currency_never_comes_from_another_row_than_the_value() -> None:
    """Promised by docs/contract.md, "A lead": `value` and `currency` go together.

    Holds docs/contract.md #currency-of-row.
    """
    answer = await hot_of(
        [
            conversation(1, contactIdentityId="i", value=1000, currency="EUR", **scored(90)),
            conversation(2, contactIdentityId="i", currency="AED", **scored(90)),
            conversation(3, contactIdentityId="j", value=5, currency="USD", **scored(80)),
            conversation(4, contactIdentityId="j", value=7, **scored(80)),
            conversation(5, contactIdentityId="k", value="5000 USD", currency="EUR", **scored(85)),
            conversation(6, userName="a", value=1, currency="US$", **scored(79)),
            conversation(7, userName="b", value=2, currency="us dollar", **scored(78)),
            conversation(8, userName="c", value=4, currency="USD$", **scored(77)),
        ]
    )

    assert answer["value"] == {"EUR": 1000, "USD": 7, "unknown": 7}
    assert answer["unparsed_values"] == 1


async def test_costs_that_no_sum_can_hold_are_left_out() -> None:
    """Ours: two costs of 1e308 are more than a number can be."""
    sandbox = Sandbox(size=0)
    usage = {"tokenUsage": {"cumulativeUsd": 1e308, "cumulativeTotalTokens": 5}}
    sandbox.replace([conversation(i, contactIdentityId="i", **usage) for i in (2, 1)])
    async with connected(sandbox) as tool_client:
        totals = (await tool_client.ask("conversation_stats"))["totals"]
        lead = (await tool_client.ask("get_lead", lead="i"))["lead"]

    assert totals["tokens"] == lead["usage"]["tokens"] == 10
    assert totals.get("usd", 0) == 0
    assert "ai_usd" not in lead["usage"]


async def test_money_is_summed_per_currency_and_unparsed_values_are_counted() -> None:
    """Promised by docs/contract.md, "Rules for every answer": money.

    Holds docs/contract.md #money-by-currency #unparsed.
    """
    values: tuple[tuple[Any, str | None], ...] = (
        (100, "usd"), (0.1, "USD"), (0.2, " Usd "), ("12,500.50", "eur"), ("12.500,50 €", None),
        ("$5k", None), ("1 200", None), ("abc", "USD"), ("12,500", "USD"), ("10-15k", None),
        ("", "USD"), (None, "GBP"), (0, "CHF"), ("AED 3 000", None), ("-50", "SEK"),
    )  # fmt: skip
    answer = await hot_of(
        [
            conversation(i, hotLabel="hot", userName="x", value=value, currency=currency)
            for i, (value, currency) in enumerate(values)
        ]
    )
    assert answer["value"] == {
        "USD": 100.3, "EUR": 25001, "unknown": 6200, "CHF": 0, "AED": 3000, "SEK": -50,
    }  # fmt: skip
    assert answer["unparsed_values"] == 3
    assert answer["hot"] == len(values)
