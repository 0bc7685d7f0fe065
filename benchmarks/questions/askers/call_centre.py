"""The manager of a call centre: how many calls, how long, how expensive, by whom."""

from datetime import UTC, datetime

from benchmarks.questions.asking import (
    average,
    chats,
    grouped,
    how_many,
    measured,
    measured_by,
    people,
    totals,
)  # fmt: skip
from benchmarks.questions.truth import crm, oracle
from benchmarks.questions.truth.dataset import Dataset
from benchmarks.questions.truth.oracle import Row
from benchmarks.questions.truth.periods import active_in, today, week

CALL_CHANNELS = ("phone", "outbound-call")


def _call_rows(rows: list[Row]) -> list[Row]:
    return [row for row in rows if oracle.channel(row) in CALL_CHANNELS]


def _seconds(rows: list[Row]) -> list[float]:
    return [seconds for row in rows if (seconds := crm.call_seconds(row)) is not None]


def _by_channel(dataset: Dataset) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for row in dataset.rows:
        if (seconds := crm.call_seconds(row)) is not None:
            found.setdefault(oracle.channel(row) or "none", []).append(seconds)
    return {name: round(sum(lengths) / len(lengths), 4) for name, lengths in found.items()}


def _long_today(dataset: Dataset) -> list[Row]:
    rows = active_in(dataset.rows, today(dataset.now))
    long_ones = [row for row in rows if (crm.call_seconds(row) or 0) > 300]
    return sorted(long_ones, key=lambda row: -(crm.call_seconds(row) or 0))


QUESTIONS = (
    how_many(
        "How many calls did we have this week, in and out?", "en",
        lambda d: _call_rows(active_in(d.rows, week(d.now))),
        channel=list(CALL_CHANNELS), since="this_week",
    ),
    measured(
        "How many minutes were we on the phone in the last 30 days, and how long is a call?", "en",
        "call_seconds", ["sum", "avg"],
        lambda d: {
            "sum": sum(_seconds(d.since("30d"))),
            "avg": round(average(_seconds(d.since("30d"))) or 0, 4),
        },
        since="30d",
    ),
    measured_by(
        "Sind eingehende oder ausgehende Anrufe länger?", "de", "call_seconds", "avg", _by_channel,
        group_by=["channel"], where=["call_seconds exists"],
    ),
    chats(
        "Which calls took more than five minutes today, longest first?", "en", _long_today,
        where=["call_seconds>300"], since="today", sort="-call_seconds",
    ),
    how_many(
        "¿Cuántas llamadas se cortaron antes de 30 segundos?", "es",
        lambda d: [row for row in d.rows if (crm.call_seconds(row) or 99) < 30],
        where=["call_seconds<30"],
    ),
    grouped(
        "When do people call? Calls by hour of the day.", "en", "conversations",
        lambda d: oracle.count_by(
            (row for row in d.rows if oracle.channel(row) == "phone"),
            lambda row: str(datetime.fromtimestamp(oracle.active(row), UTC).hour),
        ),
        group_by=["hour"], channel=["phone"], tokens=1700,
    ),
    grouped(
        "Combien d'appels par jour ces sept derniers jours ?", "fr", "conversations",
        lambda d: oracle.count_by(_call_rows(d.since("7d")), oracle.day),
        group_by=["day"], channel=list(CALL_CHANNELS), since="7d",
    ),
    measured(
        "What do calls cost us on average?", "en", "call_usd", ["n", "sum", "avg"],
        lambda d: {
            "n": len(_seconds(list(d.rows))),
            "sum": sum(map(crm.call_usd, d.rows)), "avg": 0.12,
        },
    ),
    how_many(
        "Which calls failed, and why?", "en", lambda d: [
            row for row in d.rows if (row.get("vapi") or {}).get("callError")
        ],
        where=["call_error exists"],
    ),
    grouped(
        "How did the calls end?", "en", "conversations",
        lambda d: {"none": len(_call_rows(list(d.rows)))},
        group_by=["call_status"], channel=list(CALL_CHANNELS),
    ),
    people(
        "Wen haben wir angerufen und der will noch eine Demo?", "de",
        lambda d: d.people(
            lambda p: p.stage == "demo_req"
            and p.any(lambda row: oracle.channel(row) == "outbound-call")
        ),
        stage=["demo_req"], where=["channels=outbound-call"], sort="newest",
    ),
    people(
        "Who called us and is hot but not assigned to anybody?", "en",
        lambda d: [p for p in d.hot() if p.channel == "phone" and p.assignee is None],
        attention=["unassigned"], where=["hot=true", "channel=phone"],
    ),
    totals(
        "Quantas ligações pediram um humano esta semana?", "pt",
        ["conversations", "waiting_for_human"],
        lambda d: {
            "conversations": len(_call_rows(d.since("7d"))),
            "waiting_for_human": sum(map(oracle.waits, _call_rows(d.since("7d")))),
        },
        channel=list(CALL_CHANNELS), since="7d",
    ),
    chats(
        "電話で「予約」の話をしたのは?", "ja",
        lambda d: [row for row in d.rows if "予約" in oracle.text(row)], query="予約",
    ),
)  # fmt: skip
