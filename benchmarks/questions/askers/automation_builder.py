"""A builder of automations: exact filters, captured variables, pages, and what is refused."""

from datetime import UTC, datetime, timedelta

from benchmarks.questions.asking import (
    CONVERSATIONS,
    LEADS,
    chats,
    grouped,
    how_many,
    people,
    refused,
)
from benchmarks.questions.question import Answers, Question, ids
from benchmarks.questions.truth import crm, oracle
from benchmarks.questions.truth.dataset import Dataset, Lead
from benchmarks.questions.truth.oracle import Facts, Row
from benchmarks.questions.truth.periods import today

TODAY = datetime.now(UTC).date()
FIRST_DAY, LAST_DAY = ((TODAY - timedelta(days)).isoformat() for days in (300, 210))


def _data(lead: Lead, name: str) -> object:
    return lead.of(lambda row: crm.data(row, name))


def _budgets(dataset: Dataset) -> list[Row]:
    rows = [row for row in dataset.rows if (crm.amount(crm.data(row, "budget")) or 0) >= 40_000]
    return sorted(rows, key=lambda row: -(crm.amount(crm.data(row, "budget")) or 0))


def _teams(dataset: Dataset) -> list[Row]:
    return [row for row in dataset.rows if (crm.amount(crm.data(row, "team_size")) or 0) > 70]


def _emails(answers: Answers) -> Facts:
    return [[row["lead_id"], (row.get("email") or "").casefold()] for row in answers[-1]["leads"]]


QUESTIONS = (
    chats(
        "Everything with a captured budget of 40,000 or more, largest first.", "en", _budgets,
        where=["data.budget>=40000"], sort="-data.budget",
    ),
    how_many(
        "team_size over 70?", "en", _teams, where=["data.team_size>70"],
    ),
    how_many(
        "Wie viele haben 12 Plätze (seats) genannt?", "de",
        lambda d: [r for r in d.rows if crm.amount(crm.data(r, "seats")) == 12],
        where=["data.seats=12"],
    ),
    how_many(
        "Wie viele sind aus Köln (data.city)?", "de",
        lambda d: [r for r in d.rows if crm.data(r, "city") == "Köln"], where=["data.city=köln"],
    ),
    how_many(
        "Who ticked urgent?", "en",
        lambda d: [r for r in d.rows if crm.data(r, "urgent") is True], where=["data.urgent=true"],
    ),
    people(
        "People with a budget of at least 30k and a team over 20.", "en",
        lambda d: d.people(
            lambda p: (crm.amount(_data(p, "budget")) or 0) >= 30_000
            and (crm.amount(_data(p, "team_size")) or 0) > 20
        ),
        where=["data.budget>=30k", "data.team_size>20"], sort="newest",
    ),
    grouped(
        "Distribution of data.seats over people?", "en", "leads",
        lambda d: oracle.count_by(d.leads, lambda p: _text(_data(p, "seats"))),
        of="leads", group_by=["data.seats"],
    ),
    Question(
        "Give me lead_id and email of the won ones, as a table.", "en",
        [(LEADS, {"stage": ["won"], "where": ["email exists"], "sort": "newest",
                  "fields": ["email"], "limit": 10})],
        _emails,
        lambda d: [[p.lead_id, p.of(oracle.email)] for p in d.people(
            lambda p: p.stage == "won" and p.of(oracle.email)
        )[:10]],
        tokens=900,
    ),
    Question(
        "All conversation IDs since yesterday on the web chat, page by page.", "en",
        [
            (CONVERSATIONS, {"channel": ["web-chat"], "since": "yesterday", "limit": 8,
                             "fields": ["id"], "sort": "oldest"}),
            (CONVERSATIONS, lambda a: {
                "channel": ["web-chat"], "since": "yesterday", "limit": 8, "fields": ["id"],
                "sort": "oldest", "cursor": a[-1].get("next_cursor", ""),
            }),
        ],
        ids, lambda d: [row["ID"] for row in _web_since_yesterday(d)][:16], tokens=1600,
    ),
    Question(
        "id, stage and value of the newest three, nothing else.", "en",
        [(CONVERSATIONS, {"limit": 3, "fields": ["stage", "value"]})],
        lambda a: [[row["id"], row.get("stage"), row.get("value")]
                   for row in a[-1]["conversations"]],
        lambda d: [[r["ID"], r.get("stage"), oracle.money(r)[0]] for r in d.rows[:3]],
    ),
    how_many(
        "Conversations of whom the funnel says step_demo and step_budget", "en",
        lambda d: [r for r in d.rows
                   if {"step_demo", "step_budget"} <= set(r.get("funnelStepsMatched") or [])],
        where=["funnel_step=step_demo", "funnel_step=step_budget"],
    ),
    how_many(
        "Alles außer web-chat und whatsapp", "de",
        lambda d: [r for r in d.rows if oracle.channel(r) not in ("web-chat", "whatsapp")],
        where=["channel!=web-chat|whatsapp"],
    ),
    how_many(
        f"since {FIRST_DAY} until {LAST_DAY}", "en",
        lambda d: [r for r in d.rows if FIRST_DAY <= oracle.day(r) <= LAST_DAY],
        since=FIRST_DAY, until=LAST_DAY,
    ),
    refused(
        "Everything of the last 3m", "en", CONVERSATIONS, ["3min", "3mo"], since="3m",
    ),
    refused(
        "where=stagee=won", "en", LEADS, ["stagee", "stage"], where=["stagee=won"], tokens=900,
    ),
    refused(
        "where=value>lots", "en", LEADS, ["value", "10000"], where=["value>lots"],
    ),
    refused(
        "Bitte mit page=2", "de", CONVERSATIONS, ["page", "cursor"], page=2,
    ),
    refused(
        "label: lukewarm", "en", LEADS, ["lukewarm", "warm"], label=["lukewarm"],
    ),
    refused(
        "Give me 5000 rows at once.", "en", CONVERSATIONS, ["limit", "100"], limit=5000,
    ),
)  # fmt: skip


def _web_since_yesterday(dataset: Dataset) -> list[Row]:
    start = today(dataset.now, offset=-1)[0]
    rows = [r for r in dataset.rows if oracle.channel(r) == "web-chat"]
    return sorted((r for r in rows if oracle.active(r) >= start), key=oracle.active)


def _text(value: object) -> str | None:
    return None if value is None else str(value)
