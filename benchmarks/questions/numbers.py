"""How many, how much, by what: `conversation_stats`."""

# People ask in their own script; the look-alike rule would have it written in Latin.
# ruff: noqa: RUF001

from collections.abc import Callable, Iterable

from benchmarks.questions import plain
from benchmarks.questions.asking import Call, Question, by, path
from benchmarks.questions.plain import Facts, Row
from benchmarks.questions.world import World, worth


def stats(*group_by: str, **arguments: object) -> Call:
    """One call."""
    grouped = {"group_by": list(group_by)} if group_by else {}
    return "conversation_stats", grouped | arguments


def count(of: Callable[[Row], str | None], since: str = "1000w") -> Callable[[World], Facts]:
    """Conversations by `of`."""
    return lambda world: plain.count_by(world.since(since), of)


def hot_by(of: Callable[[Row], str | None]) -> Callable[[World], Facts]:
    """Hot leads by where they have a conversation; groups without any are left out."""

    def truth(world: World) -> Facts:
        hot = world.hot()
        groups = [group for lead in hot for group in {of(row) or "none" for row in lead.rows}]
        return plain.count_by(groups, str)

    return truth


def tags(world: World) -> Facts:
    """A conversation counts under each of its tags."""
    every = [tag for row in world.since("2w") for tag in {*(row.get("tags") or ["none"])}]
    return plain.count_by(every, str.casefold)


def _tags(answers: object) -> Facts:
    return {name.casefold(): n for name, n in by("tag", "conversations")(answers).items()}  # type: ignore[arg-type]


def spent(rows: Iterable[Row]) -> Facts:
    """Tokens and dollars."""
    rows = list(rows)
    return {
        "tokens": sum(plain.usage(row, "cumulativeTotalTokens") for row in rows),
        "usd": sum(plain.usage(row, "cumulativeUsd") for row in rows),
    }


def open_quotes(world: World) -> Facts:
    """What the people with a conversation in proposal or negotiation are worth."""
    rows = [row for row in world.rows if row.get("stage") in ("proposal", "negotiation")]
    return worth(world.leads_of(rows))


def unread(world: World) -> Facts:
    """People whose value nobody can read as a number."""
    return sum(lead.get("value") is not None and lead.money[0] is None for lead in world.leads)


def closed(world: World) -> Facts:
    """Won and lost."""
    rows = [row for row in world.since("12w") if row.get("stage") in ("won", "lost")]
    return plain.count_by(rows, lambda row: row["stage"])


def model(row: Row) -> str | None:
    """The model that answered last."""
    return (row.get("tokenUsage") or {}).get("lastTurnModelId")


WIDE = 2400
"""Tokens for a grouping by something that has a dozen values, each worth something in a dozen
currencies."""

QUESTIONS = (
    Question(
        "How is the pipeline?", "en", [stats("stage")], by("stage", "conversations"),
        count(lambda row: row.get("stage")), tokens=WIDE,
    ),
    Question(
        "Wie viele Gespräche pro Woche hatten wir in den letzten vier Wochen?", "de",
        [stats("week", since="4w")], by("week", "conversations"), count(plain.week, "4w"),
        tokens=1000,
    ),
    Question(
        "¿Cuántas conversaciones por día esta semana?", "es", [stats("day", since="7d")],
        by("day", "conversations"), count(plain.day, "7d"), tokens=1200,
    ),
    Question(
        "Quel canal apporte le plus de leads chauds ?", "fr", [stats("channel")],
        by("channel", "hot"), hot_by(plain.channel), tokens=WIDE,
    ),
    Question(
        "Quanto custou a IA até agora?", "pt", [stats()],
        lambda a: {name: a[-1]["totals"][name] for name in ("tokens", "usd")},
        lambda w: spent(w.rows),
    ),
    Question(
        "What did each AI model cost us this month?", "en", [stats("model", since="30d")],
        by("model", "usd"),
        lambda w: {
            name: usd
            for name in {model(row) or "none" for row in w.since("30d")}
            if (usd := spent(
                row for row in w.since("30d") if (model(row) or "none") == name
            )["usd"])
        },
    ),
    Question(
        "客户给我们的平均评分是多少?", "zh", [stats()], path("totals", "rating_avg"),
        lambda w: plain.mean(row.get("ratingFrom5") for row in w.rows),
    ),
    Question(
        "من أي الدول جاءت المحادثات هذا الأسبوع؟", "ar", [stats("country", since="7d")],
        by("country", "conversations"), count(lambda row: row.get("countryCode"), "7d"),
        tokens=WIDE,
    ),
    Question(
        "今週はどの言語の会話が多いですか?", "ja", [stats("language", since="7d")],
        by("language", "conversations"), count(plain.language, "7d"), tokens=WIDE,
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
        count(lambda row: next(iter(plain.owners(row)), None), "30d"), tokens=1200,
    ),
    Question(
        "Kazanılan ve kaybedilen görüşmeler son 12 haftada kaç?", "tr",
        [stats("stage", stage=["won", "lost"], since="12w")], by("stage", "conversations"), closed,
    ),
    Question(
        "How many different people are we talking to, all in all?", "en", [stats()],
        path("totals", "leads"), lambda w: len(w.leads),
    ),
    Question(
        "Сколько сообщений написали за неделю?", "ru", [stats(since="7d")],
        path("totals", "messages"),
        lambda w: sum(plain.numeric(row.get("messagesNum")) or 0 for row in w.since("7d")),
    ),
    Question(
        "Is it getting more? Conversations by month, last half year.", "en",
        [stats("month", since="26w")], by("month", "conversations"),
        count(lambda row: plain.day(row)[:7], "26w"), tokens=1400,
    ),
    Question(
        "How many deal values are written so that nobody can add them up?", "en", [stats()],
        path("totals", "unparsed_values"), unread,
    ),
    Question(
        "¿Cuántos piden hablar con una persona en cada canal, esta semana?", "es",
        [stats("channel", state=["requested_chat"], since="7d")], by("channel", "conversations"),
        lambda w: plain.count_by(filter(plain.waits, w.since("7d")), plain.channel), tokens=1200,
    ),
)  # fmt: skip
