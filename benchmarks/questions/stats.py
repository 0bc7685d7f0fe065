"""Questions about counts and sums: `conversation_stats`."""

# Questions are in their own scripts, which the rule about look-alike characters would refuse.
# ruff: noqa: RUF001

from collections.abc import Callable, Iterable

from benchmarks.questions.question import Call, Question, by, path
from benchmarks.questions.truth import crm, oracle
from benchmarks.questions.truth.dataset import Dataset, Lead, worth
from benchmarks.questions.truth.oracle import Facts, Row


def stats(*group_by: str, **arguments: object) -> Call:
    """A call of the tool."""
    grouped = {"group_by": list(group_by)} if group_by else {}
    return "conversation_stats", grouped | arguments


def count(of: Callable[[Row], str | None], since: str = "1000w") -> Callable[[Dataset], Facts]:
    """Conversations by `of`."""
    return lambda dataset: oracle.count_by(dataset.since(since), of)


def hot_by(of: Callable[[Lead], str | None]) -> Callable[[Dataset], Facts]:
    """Hot leads by their own merged value; empty groups are left out."""
    return lambda dataset: oracle.count_by(dataset.hot(), of)


def tags(dataset: Dataset) -> Facts:
    """A conversation counts under each of its tags."""
    every = [tag for row in dataset.since("2w") for tag in {*(row.get("tags") or ["none"])}]
    return oracle.count_by(every, str.casefold)


def _tags(answers: object) -> Facts:
    return {name.casefold(): n for name, n in by("tag", "conversations")(answers).items()}  # type: ignore[arg-type]


def spent(rows: Iterable[Row]) -> Facts:
    """Tokens and dollars."""
    rows = list(rows)
    return {
        "tokens": sum(oracle.usage(row, "cumulativeTotalTokens") for row in rows),
        "ai_usd": sum(map(crm.ai_usd, rows)),
        "usd": sum(crm.ai_usd(row) + crm.call_usd(row) for row in rows),
    }


def open_quotes(dataset: Dataset) -> Facts:
    """The value of the people with a conversation in proposal or negotiation."""
    rows = [row for row in dataset.rows if row.get("stage") in ("proposal", "negotiation")]
    return worth(dataset.leads_of(rows))


def unread(dataset: Dataset) -> Facts:
    """The number of people whose value cannot be read as a number."""
    return sum(lead.get("value") is not None and lead.money[0] is None for lead in dataset.leads)


def closed(dataset: Dataset) -> Facts:
    """The number of won and of lost conversations."""
    rows = [row for row in dataset.since("12w") if row.get("stage") in ("won", "lost")]
    return oracle.count_by(rows, lambda row: row["stage"])


WIDE = 2400
"""Tokens for a dozen groups, each with values in a dozen currencies."""

QUESTIONS = (
    Question(
        "How is the pipeline?", "en", [stats("stage")], by("stage", "conversations"),
        count(lambda row: row.get("stage")), tokens=WIDE,
    ),
    Question(
        "Wie viele Gespräche pro Woche hatten wir in den letzten vier Wochen?", "de",
        [stats("week", since="4w")], by("week", "conversations"), count(oracle.week, "4w"),
        tokens=1000,
    ),
    Question(
        "¿Cuántas conversaciones por día esta semana?", "es", [stats("day", since="7d")],
        by("day", "conversations"), count(oracle.day, "7d"), tokens=1200,
    ),
    Question(
        "Quel canal apporte le plus de leads chauds ?", "fr",
        [stats("channel", of="leads", where=["hot=true"])], by("channel", "leads"),
        hot_by(lambda lead: lead.channel), tokens=1600,
    ),
    Question(
        "Quanto custou a IA até agora?", "pt", [stats()],
        lambda a: {name: a[-1]["totals"][name] for name in ("tokens", "ai_usd", "usd")},
        lambda d: spent(d.rows),
    ),
    Question(
        "What did each AI model cost us this month?", "en", [stats("model", since="30d")],
        by("model", "ai_usd"), lambda d: crm.dollars_by_model(d.since("30d")),
    ),
    Question(
        "客户给我们的平均评分是多少?", "zh", [stats()], path("totals", "rating_avg"),
        lambda d: oracle.mean(row.get("ratingFrom5") for row in d.rows),
    ),
    Question(
        "من أي الدول جاءت المحادثات هذا الأسبوع؟", "ar", [stats("country", since="7d")],
        by("country", "conversations"), count(lambda row: row.get("countryCode"), "7d"),
        tokens=WIDE,
    ),
    Question(
        "今週はどの言語の会話が多いですか?", "ja", [stats("language", since="7d")],
        by("language", "conversations"), count(oracle.language, "7d"), tokens=WIDE,
    ),
    Question(
        "What are the open quotes worth, by currency?", "en",
        [stats(stage=["proposal", "negotiation"])], path("totals", "value"), open_quotes,
    ),
    Question(
        "Which tags did we use in the last two weeks?", "en", [stats("tag", since="2w")],
        _tags, tags, tokens=1600,
    ),
    Question(
        "Welche Quelle bringt wie viele Gespräche?", "de", [stats("source")],
        by("source", "conversations"), count(lambda row: row.get("source")), tokens=1000,
    ),
    Question(
        "Who on the team has how many conversations?", "en", [stats("assignee", since="30d")],
        by("assignee", "conversations"),
        count(lambda row: next(iter(oracle.assignees(row)), None), "30d"), tokens=1200,
    ),
    Question(
        "Kazanılan ve kaybedilen görüşmeler son 12 haftada kaç?", "tr",
        [stats("stage", stage=["won", "lost"], since="12w")], by("stage", "conversations"), closed,
    ),
    Question(
        "How many different people are we talking to, all in all?", "en", [stats()],
        path("totals", "leads"), lambda d: len(d.leads),
    ),
    Question(
        "Сколько сообщений написали за неделю?", "ru", [stats(since="7d")],
        path("totals", "messages"),
        lambda d: sum(oracle.numeric(row.get("messagesNum")) or 0 for row in d.since("7d")),
    ),
    Question(
        "Is it getting more? Conversations by month, last half year.", "en",
        [stats("month", since="26w")], by("month", "conversations"),
        count(lambda row: oracle.day(row)[:7], "26w"), tokens=1400,
    ),
    Question(
        "How many deal values are written so that nobody can add them up?", "en", [stats()],
        path("totals", "unparsed_values"), unread,
    ),
    Question(
        "¿Cuántos piden hablar con una persona en cada canal, esta semana?", "es",
        [stats("channel", state=["requested_chat"], since="7d")], by("channel", "conversations"),
        lambda d: oracle.count_by(filter(oracle.waits, d.since("7d")), oracle.channel), tokens=1200,
    ),
)  # fmt: skip
