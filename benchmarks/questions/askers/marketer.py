"""A marketer: where people come from, which campaign works, when they write."""

# Questions are in their own scripts, which the rule about look-alike characters would refuse.
# ruff: noqa: RUF001

from collections import Counter
from datetime import UTC, datetime

from benchmarks.questions.asking import (
    average,
    chats,
    grouped,
    how_many,
    measured_by,
    people,
    refused,
    totals,
)  # fmt: skip
from benchmarks.questions.truth import oracle
from benchmarks.questions.truth.dataset import Dataset, Lead
from benchmarks.questions.truth.periods import active_in, month, week


def _scores_by_source(dataset: Dataset) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for lead in dataset.leads:
        if lead.score is not None:
            found.setdefault(lead.get("source") or "none", []).append(lead.score)
    return {name: average(scores) or 0 for name, scores in found.items()}


def _steps(dataset: Dataset) -> dict[str, int]:
    steps = Counter(
        step
        for lead in dataset.leads
        for step in {s for row in lead.rows for s in row.get("funnelStepsMatched") or []}
        or {"none"}
    )
    return dict(steps)


def _active(row: oracle.Row) -> datetime:
    return datetime.fromtimestamp(oracle.active(row), UTC)


def _created(lead: Lead) -> datetime:
    return datetime.fromtimestamp(lead.created, UTC)


def _new_by_week(dataset: Dataset) -> dict[str, int]:
    fresh = [p for p in dataset.leads if p.created >= oracle.back(dataset.now, "4w")]
    return oracle.count_by(fresh, lambda p: "{:04}-W{:02}".format(*_created(p).isocalendar()[:2]))


QUESTIONS = (
    grouped(
        "Which source brings how many people?", "en", "leads",
        lambda d: oracle.count_by(d.leads, lambda p: p.get("source")),
        of="leads", group_by=["source"], tokens=850,
    ),
    grouped(
        "Welche Quelle bringt die meisten Abschlüsse?", "de", "leads",
        lambda d: oracle.count_by(
            d.people(lambda p: p.stage == "won"), lambda p: p.get("source")
        ),
        of="leads", group_by=["source"], stage=["won"],
    ),
    measured_by(
        "Average lead score by source?", "en", "score", "avg", _scores_by_source,
        of="leads", group_by=["source"], tokens=1050,
    ),
    people(
        "Hot leads from Google Ads?", "en",
        lambda d: [p for p in d.hot() if p.get("source") == "google-ads"],
        where=["source=google-ads", "hot=true"],
    ),
    how_many(
        "¿Cuántas personas llegaron por la campaña cmp_autumn?", "es",
        lambda d: d.people(lambda p: p.get("campaignId") == "cmp_autumn"),
        tool="list_leads", where=["campaign=cmp_autumn"],
    ),
    grouped(
        "How far did the people of the autumn campaign get?", "en", "leads",
        lambda d: oracle.count_by(
            d.people(lambda p: p.get("campaignId") == "cmp_autumn"), lambda p: p.stage
        ),
        of="leads", group_by=["stage"], where=["campaign=cmp_autumn"], tokens=800,
    ),
    grouped(
        "Quel jour de la semaine nous écrit-on le plus ?", "fr", "conversations",
        lambda d: oracle.count_by(d.rows, lambda row: f"{_active(row):%a}"), group_by=["weekday"],
        tokens=900,
    ),
    grouped(
        "What time of day do people write on Instagram?", "en", "conversations",
        lambda d: oracle.count_by(
            (row for row in d.rows if oracle.channel(row) == "instagram"),
            lambda row: str(_active(row).hour),
        ),
        group_by=["hour"], channel=["instagram"], tokens=1600,
    ),
    grouped(
        "Quantos contatos novos por semana, nas últimas quatro semanas?", "pt", "leads",
        _new_by_week, of="leads", group_by=["week"], by_time="created", where=["created>=4w"],
    ),
    grouped(
        "How far do people get in the qualification funnel?", "en", "leads", _steps,
        of="leads", group_by=["funnel_step"], tokens=1200,
    ),
    grouped(
        "Aus welchen Ländern kommen die heißen Leads?", "de", "leads",
        lambda d: oracle.count_by(d.hot(), lambda p: p.get("countryCode")),
        of="leads", group_by=["country"], where=["hot=true"], tokens=900,
    ),
    grouped(
        "На каких языках говорят лиды с выставки (тег Messe 2026)?", "ru", "leads",
        lambda d: oracle.count_by(
            d.people(lambda p: "messe 2026" in p.tags), lambda p: p.of(oracle.language)
        ),
        of="leads", group_by=["language"], tag=["Messe 2026"], tokens=900,
    ),
    totals(
        "What is the trade fair tag worth: how many people, how many of them hot?", "en",
        ["leads", "hot"],
        lambda d: {
            "leads": len(d.people(lambda p: "messe 2026" in p.tags)),
            "hot": sum("messe 2026" in p.tags for p in d.hot()),
        },
        of="leads", tag=["Messe 2026"],
    ),
    grouped(
        "Which channel grew last week?", "en", "conversations",
        lambda d: oracle.count_by(active_in(d.rows, week(d.now, offset=-1)), oracle.channel),
        group_by=["channel"], since="last_week", until="last_week", tokens=1200,
    ),
    chats(
        "上个月提到价格的有哪些会话? (price|pricing|价格)", "zh",
        lambda d: [
            row for row in active_in(d.rows, month(d.now, offset=-1))
            if oracle.says(row, "price") or oracle.says(row, "pricing")
            or "价格" in oracle.text(row)
        ],
        query="price|pricing|价格", since="last_month", until="last_month",
    ),
    how_many(
        "How many people use more than one channel?", "en",
        lambda d: d.people(lambda p: {"whatsapp", "web-chat"} <= set(_channels(p))),
        tool="list_leads", where=["channels=whatsapp", "channels=web-chat"],
    ),
    refused(
        "Which utm_content did they click?", "en", "conversation_stats",
        ["utm_content", "source", "campaign"], group_by=["utm_content"],
    ),
)  # fmt: skip


def _channels(lead: Lead) -> list[str | None]:
    return [oracle.channel(row) for row in lead.rows]
