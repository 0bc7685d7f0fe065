"""The manager of a support team: who waits, how fast the team is, what visitors think of it."""

from benchmarks.questions.asking import (
    average,
    chats,
    grouped,
    how_many,
    measured,
    measured_by,
    totals,
)  # fmt: skip
from benchmarks.questions.truth import crm, oracle
from benchmarks.questions.truth.dataset import Dataset
from benchmarks.questions.truth.oracle import Row
from benchmarks.questions.truth.periods import active_in, today, week


def _waits_an_hour(dataset: Dataset) -> list[Row]:
    limit = dataset.unix_now - 3600
    rows = [row for row in dataset.rows if (oracle.waits_since(row) or limit) < limit]
    return sorted(rows, key=lambda row: oracle.waits_since(row) or 0)


def _pickups_by_person(dataset: Dataset) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for row in dataset.rows:
        if (seconds := crm.pickup(row)) is not None:
            found.setdefault(crm.accepted_by(row) or "none", []).append(seconds)
    return {name: sum(seconds) / len(seconds) for name, seconds in found.items()}


def _badly_rated(dataset: Dataset) -> list[Row]:
    rated = [row for row in dataset.rows if 0 < (oracle.numeric(row.get("ratingFrom5")) or 0) <= 2]
    return sorted(rated, key=lambda row: oracle.numeric(row["ratingFrom5"]) or 0)


def _not_done(dataset: Dataset) -> list[Row]:
    return [row for row in dataset.rows if crm.accepted_by(row) and crm.handling(row) is None]


QUESTIONS = (
    chats(
        "Who has been waiting for a human for more than an hour, longest first?", "en",
        _waits_an_hour, where=["state=requested_chat", "waiting_since<1h"], sort="waiting",
    ),
    measured(
        "How fast do we accept chats on average?", "en", "pickup_seconds", ["n", "avg"],
        lambda d: {
            "n": sum(crm.pickup(row) is not None for row in d.rows),
            "avg": average(map(crm.pickup, d.rows)),
        },
    ),
    measured_by(
        "Wer nimmt Übergaben wie schnell an?", "de", "pickup_seconds", "avg", _pickups_by_person,
        group_by=["accepted_by"],
    ),
    measured(
        "¿Cuánto dura de media la atención humana esta semana?", "es", "handling_seconds",
        ["avg", "median", "max"],
        lambda d: _average_median_max([s for row in active_in(d.rows, week(d.now))
                           if (s := crm.handling(row)) is not None]),
        since="this_week",
    ),
    measured(
        "How long until a human first replied?", "en", "reply_seconds", ["avg"], lambda _: {},
    ),
    grouped(
        "Combien de conversations chacun a-t-il acceptées ces 7 derniers jours ?", "fr",
        "conversations", lambda d: oracle.count_by(d.since("7d"), crm.accepted_by),
        group_by=["accepted_by"], since="7d",
    ),
    grouped(
        "In what states are today's conversations?", "en", "conversations",
        lambda d: oracle.count_by(active_in(d.rows, today(d.now)), lambda row: row.get("state")),
        group_by=["state"], since="today",
    ),
    chats(
        "Show me the worst ratings, the lowest first.", "en", _badly_rated,
        where=["rating<=2"], sort="rating",
    ),
    how_many(
        "How many asked for a human twice or more?", "en",
        lambda d: [row for row in d.rows if crm.handoffs(row) >= 2], where=["handoffs>=2"],
    ),
    grouped(
        "Which team do people ask for?", "en", "conversations",
        lambda d: oracle.count_by(filter(crm.team, d.rows), crm.team),
        group_by=["team"], where=["team exists"],
    ),
    chats(
        "Welche Gespräche waren am längsten, über 30 Nachrichten?", "de",
        lambda d: sorted(
            (row for row in d.rows if crm.messages(row) > 30), key=lambda row: -crm.messages(row)
        ),
        where=["messages>30"], sort="-messages",
    ),
    chats(
        "Anything urgent this week? urgent, dringend, urgente", "en",
        lambda d: [
            row for row in active_in(d.rows, week(d.now))
            if any(oracle.says(row, word) for word in ("urgent", "dringend", "urgente"))
        ],
        query="urgent|dringend|urgente", since="this_week",
    ),
    how_many(
        "Quantas transferências aceitas ainda não foram concluídas?", "pt", _not_done,
        where=["accepted_by exists", "handling_seconds missing"],
    ),
    how_many(
        "有多少正在等待人工的会话还没有负责人?", "zh",
        lambda d: [row for row in d.rows if oracle.waits(row) and not oracle.assignees(row)],
        state=["requested_chat"], attention=["unassigned"],
    ),
    totals(
        "What is our average rating this month and from how many ratings?", "en",
        ["rating_avg", "rated"],
        lambda d: {
            "rating_avg": oracle.mean(row.get("ratingFrom5") for row in d.since("30d")),
            "rated": sum(row.get("ratingFrom5") is not None for row in d.since("30d")),
        },
        since="30d",
    ),
)  # fmt: skip


def _average_median_max(values: list[float]) -> dict[str, float | None]:
    if not values:
        return {}
    return {"avg": average(values), "median": crm.median(values), "max": max(values)}
