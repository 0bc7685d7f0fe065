"""The owner of an agency, who looks after several agents in another time zone."""

from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from benchmarks.questions.agency import DENTAL, MOTORS, ZONE
from benchmarks.questions.asking import CONVERSATIONS, LEADS, STATS, refused
from benchmarks.questions.question import Answers, Call, Question, by, ids, path
from benchmarks.questions.truth import crm, oracle, periods
from benchmarks.questions.truth.dataset import Dataset, Lead, worth
from benchmarks.questions.truth.oracle import Facts, Row

ALL = {"agent_id": "all"}
OWNER_ZONE = ZoneInfo(ZONE)


def about_all(
    words: str,
    language: str,
    tool: str,
    facts: Callable[[Answers], Facts],
    truth: Callable[[Dataset], Facts],
    *,
    tokens: int = 700,
    **given: object,
) -> Question:
    """One call about all agents, unless an agent is named."""
    calls: list[Call] = [(tool, ALL | given)]
    return Question(words, language, calls, facts, truth, tokens=tokens)


def everybody(dataset: Dataset) -> list[Lead]:
    """The leads of every agent."""
    return [lead for one in dataset.agents.values() for lead in one.leads]


def every_row(dataset: Dataset) -> list[Row]:
    """The conversations of every agent, newest first."""
    rows = [row for one in dataset.agents.values() for row in one.rows]
    return sorted(rows, key=oracle.active, reverse=True)


def each(of: Callable[[Dataset], int]) -> Callable[[Dataset], Facts]:
    """One number for each agent that has any."""
    return lambda d: {name: number for name, one in d.agents.items() if (number := of(one))}


def _local_day(row: Row) -> str:
    return datetime.fromtimestamp(oracle.active(row), UTC).astimezone(OWNER_ZONE).date().isoformat()


def _within(period: periods.Period) -> Callable[[Row], bool]:
    return lambda row: period[0] <= oracle.active(row) < period[1]


def _hottest(dataset: Dataset) -> list[Lead]:
    hot = [lead for lead in everybody(dataset) if lead.hot()]
    return sorted(hot, key=lambda p: (-(-1 if p.score is None else p.score), -p.at))


def _activity_of_hottest(answers: Answers) -> Facts:
    return [lead["last_activity"] for lead in answers[-1]["leads"]]


def _overdue_leads(one: Dataset) -> int:
    return sum(p.any(lambda row: crm.overdue(row, one.unix_now, OWNER_ZONE)) for p in one.leads)


QUESTIONS = (
    about_all(
        "Across all my clients, who are the three hottest leads?", "en", "summarize_hot_leads",
        _activity_of_hottest, lambda d: [p.last_activity for p in _hottest(d)[:3]], top=3,
        tokens=1000,
    ),
    about_all(
        "How many hot leads do my clients have together, and how many need a human?", "en",
        "summarize_hot_leads",
        lambda a: [a[-1]["hot"], a[-1]["waiting_for_human"], a[-1]["unassigned"]],
        lambda d: [
            len(_hottest(d)), sum(p.waits for p in _hottest(d)),
            sum(p.assignee is None for p in _hottest(d)),
        ],
        top=1,
    ),
    about_all(
        "Hay algo vencido entre los leads calientes de todos los clientes, ¿cuántos?", "es",
        "summarize_hot_leads", path("overdue"),
        lambda d: sum(
            p.any(lambda row: crm.overdue(row, d.unix_now, OWNER_ZONE)) for p in _hottest(d)
        ),
        top=1,
    ),
    about_all(
        "Wie viele Leads hat jeder Kunde?", "de", STATS, by("agent_id", "leads"),
        each(lambda one: len(one.leads)), of="leads", group_by=["agent_id"],
    ),
    about_all(
        "Which client has how many overdue leads?", "en", STATS, by("agent_id", "overdue"),
        each(_overdue_leads), of="leads", group_by=["agent_id"],
    ),
    about_all(
        "What are all open deals of all clients worth?", "en", STATS, path("totals", "value"),
        lambda d: worth(p for p in everybody(d) if not p.closed),
        of="leads", where=["stage!=won|lost"],
    ),
    about_all(
        "Combien de conversations par client aujourd'hui ?", "fr", STATS,
        by("agent_id", "conversations"),
        each(lambda one: len([*filter(_within(periods.today(one.now, OWNER_ZONE)), one.rows)])),
        group_by=["agent_id"], since="today",
    ),
    about_all(
        "Quantas conversas ontem, hora da Nova Zelândia, em todos os clientes?", "pt",
        CONVERSATIONS, path("total"),
        lambda d: len([*filter(_within(periods.today(d.now, OWNER_ZONE, -1)), every_row(d))]),
        since="yesterday", until="yesterday", limit=1, fields=["name"],
    ),
    about_all(
        "Conversations per day this week, all clients, by our calendar?", "en", STATS,
        by("day", "conversations"),
        lambda d: oracle.count_by(
            filter(_within(periods.week(d.now, OWNER_ZONE)), every_row(d)), _local_day
        ),
        group_by=["day"], since="this_week",
    ),
    about_all(
        "What came in last, wherever? Newest five.", "en", CONVERSATIONS, ids,
        lambda d: [row["ID"] for row in every_row(d)[:5]], limit=5, fields=["name"],
    ),
    about_all(
        "And for whom? (which client each of the five belongs to)", "en", CONVERSATIONS,
        lambda a: [row["agent_id"] for row in a[-1]["conversations"]],
        lambda d: [
            DENTAL if row in d.agents[DENTAL].rows else MOTORS for row in every_row(d)[:5]
        ],
        limit=5, fields=["name", "agent_id"],
    ),
    about_all(
        "Wer wartet beim Kunden Motors auf einen Menschen, wie viele?", "de", CONVERSATIONS,
        path("total"), lambda d: sum(map(oracle.waits, d.agents[MOTORS].rows)),
        agent_id=MOTORS, attention=["waiting_for_human"], limit=1, fields=["name"],
    ),
    about_all(
        "哪个客户赢单最多?", "zh", STATS, by("agent_id", "leads"),
        each(lambda one: sum(p.stage == "won" for p in one.leads)),
        of="leads", group_by=["agent_id"], stage=["won"],
    ),
    about_all(
        "Which client spends how much on AI?", "en", STATS, by("agent_id", "ai_usd"),
        lambda d: {n: sum(map(crm.ai_usd, one.rows)) for n, one in d.agents.items()},
        group_by=["agent_id"],
    ),
    about_all(
        "People of all clients whose demo is today, our time?", "en", LEADS, path("total"),
        lambda d: sum(
            periods.today(d.now, OWNER_ZONE)[0]
            <= (p.of(lambda row: crm.demo(row, OWNER_ZONE)) or 0)
            < periods.today(d.now, OWNER_ZONE)[1]
            for p in everybody(d)
        ),
        where=["demo=today"], limit=1, fields=["name"],
    ),
    about_all(
        "Stages of the dental client only?", "en", STATS, by("stage", "leads"),
        lambda d: oracle.count_by(d.agents[DENTAL].leads, lambda p: p.stage),
        agent_id=DENTAL, of="leads", group_by=["stage"], tokens=2000,
    ),
    refused("How many leads do we have? (which client?)", "en", LEADS, [DENTAL, MOTORS]),
    refused(
        "Hot leads of the client Acme?", "en", "summarize_hot_leads", [DENTAL, MOTORS],
        agent_id="acme",
    ),
)  # fmt: skip
