"""Questions about which conversations there are: `list_conversations`."""

# Questions are in their own scripts, which the rule about look-alike characters would refuse.
# ruff: noqa: RUF001

from collections.abc import Callable, Iterable

from benchmarks.questions.question import Call, Question, ids, path, total_and_ids
from benchmarks.questions.truth import crm, oracle
from benchmarks.questions.truth.dataset import Dataset
from benchmarks.questions.truth.oracle import Facts, Row


def find(**arguments: object) -> Call:
    """A call of the tool."""
    return "list_conversations", dict(arguments)


def first(rows: Iterable[Row], count: int) -> Facts:
    """The number of rows, and the first ids."""
    found = [row["ID"] for row in rows]
    return {"total": len(found), "first": found[:count]}


def longest_waiting(rows: Iterable[Row]) -> list[Row]:
    """Waiting conversations, longest first; waits of unknown length come last."""

    def order(row: Row) -> tuple[bool, float, float]:
        since = oracle.waits_since(row)
        return since is None, since or 0, -oracle.active(row)

    return sorted(filter(oracle.waits, rows), key=order)


def by_value(rows: Iterable[Row]) -> list[Row]:
    """By amount, the largest first, then the newest."""

    def order(row: Row) -> tuple[bool, float, float]:
        amount = oracle.money(row)[0]
        return amount is None, -(amount or 0), -oracle.active(row)

    return sorted(rows, key=order)


def staged(stage: str) -> Callable[[Row], bool]:
    """Whether a conversation is in this stage."""
    return lambda row: row.get("stage") == stage


def tagged(row: Row, tag: str) -> bool:
    """Whether the conversation has a tag."""
    return tag.casefold() in {one.casefold() for one in row.get("tags") or []}


def scored(rows: Iterable[Row], points: float) -> list[Row]:
    """Rows with at least `points`, the highest score first, then the newest."""
    found = [row for row in rows if (oracle.score(row) or -1) >= points]
    return sorted(found, key=lambda row: (-(oracle.score(row) or 0), -oracle.active(row)))


def all_waiting(dataset: Dataset) -> Facts:
    """Waiting conversations that were active this week."""
    return [row["ID"] for row in longest_waiting(dataset.since("7d"))]


def _longest_wait_today(dataset: Dataset) -> Facts:
    waiting = longest_waiting(dataset.since("24h"))
    if not waiting:
        return None
    return {"id": waiting[0]["ID"], "since": oracle.rfc3339(oracle.waits_since(waiting[0]))}


WEEK = {"since": "7d", "limit": 5}
WAITING = {"attention": ["waiting_for_human"], "sort": "waiting"}

QUESTIONS = (
    Question(
        "Who is waiting for a human right now?", "en", [find(**WAITING, limit=5)], total_and_ids,
        lambda d: first(longest_waiting(d.rows), 5),
    ),
    Question(
        "Wer wartet seit heute auf einen Menschen, und wer am längsten?", "de",
        [find(**WAITING, since="24h", limit=3)],
        lambda a: {
            "id": a[-1]["conversations"][0]["id"],
            "since": a[-1]["conversations"][0].get("waiting_since"),
        },
        _longest_wait_today,
    ),
    Question(
        "¿Qué ha entrado en las últimas 24 horas?", "es", [find(since="24h", limit=5)],
        total_and_ids, lambda d: first(d.since("24h"), 5),
    ),
    Question(
        "Quelles négociations valent le plus ?", "fr",
        [find(stage=["negotiation"], sort="value", limit=5, fields=["name", "value", "currency"])],
        lambda a: [[row["id"], row.get("value")] for row in a[-1]["conversations"]],
        lambda d: [
            [row["ID"], oracle.money(row)[0]]
            for row in by_value(filter(staged("negotiation"), d.rows))[:5]
        ],
    ),
    Question(
        "Quantas conversas têm atividade ou fechamento atrasado?", "pt",
        [find(attention=["overdue"], limit=1)], path("total"),
        lambda d: sum(crm.overdue(row, d.unix_now) for row in d.rows),
    ),
    Question(
        "How many of our deals have gone stale?", "en", [find(attention=["stale"], limit=1)],
        path("total"), lambda d: sum(oracle.alert(row, "staleLead") for row in d.rows),
    ),
    Question(
        "过去24小时有哪些会话还没人负责?", "zh",
        [find(attention=["unassigned"], since="24h", limit=5)], total_and_ids,
        lambda d: first([row for row in d.since("24h") if not oracle.assignees(row)], 5),
    ),
    Question(
        "VIPs on WhatsApp this week?", "en", [find(tag=["vip"], channel=["whatsapp"], **WEEK)],
        total_and_ids,
        lambda d: first(
            [r for r in d.since("7d") if tagged(r, "vip") and oracle.channel(r) == "whatsapp"], 5
        ),
    ),
    Question(
        "Zeig mir die Kontakte von der Messe 2026.", "de", [find(tag=["Messe 2026"], limit=5)],
        total_and_ids, lambda d: first([r for r in d.rows if tagged(r, "Messe 2026")], 5),
    ),
    Question(
        "带“中文”标签的会话有多少?", "zh", [find(tag=["中文"], limit=1)], path("total"),
        lambda d: sum(tagged(row, "中文") for row in d.rows),
    ),
    Question(
        "Who asked for a discount lately?", "en", [find(query="discount", since="2w", limit=5)],
        total_and_ids,
        lambda d: first([r for r in d.since("2w") if oracle.says(r, "discount")], 5),
    ),
    Question(
        "Wo steht in den Notizen etwas von Rückruf?", "de", [find(query="Rückruf", limit=5)],
        total_and_ids, lambda d: first([r for r in d.rows if oracle.says(r, "ruckruf")], 5),
    ),
    Question(
        "من طلب التحدث مع موظف هذا الأسبوع؟", "ar", [find(state=["requested_chat"], **WEEK)],
        total_and_ids, lambda d: first(filter(oracle.waits, d.since("7d")), 5),
    ),
    Question(
        "Who is on a trial at the moment?", "en", [find(stage=["trial"], limit=5)],
        total_and_ids, lambda d: first(filter(staged("trial"), d.rows), 5),
    ),
    Question(
        "What sits with Tom (staff_tom)?", "en", [find(assignee=["staff_tom"], limit=5)],
        total_and_ids,
        lambda d: first([row for row in d.rows if "staff_tom" in oracle.assignees(row)], 5),
    ),
    Question(
        "Qui a demandé une démo cette semaine ?", "fr", [find(stage=["demo_req"], **WEEK)],
        total_and_ids, lambda d: first(filter(staged("demo_req"), d.since("7d")), 5),
    ),
    Question(
        "Разговоры за неделю с баллом от 90, лучшие первыми.", "ru",
        [find(min_score=90, sort="score", **WEEK)], total_and_ids,
        lambda d: first(scored(d.since("7d"), 90), 5),
    ),
    Question(
        "पिछले 24 घंटों में WhatsApp पर कितनी बातचीत हुई?", "hi",
        [find(channel=["whatsapp"], since="24h", limit=1)], path("total"),
        lambda d: sum(oracle.channel(row) == "whatsapp" for row in d.since("24h")),
    ),
    Question(
        "Give me the IDs of everybody waiting this week, the whole list.", "en",
        [
            find(**WAITING, since="7d", limit=30),
            ("list_conversations", lambda a: {
                **WAITING, "since": "7d", "limit": 30, "cursor": a[-1]["next_cursor"]
            }),
        ],
        ids, all_waiting, tokens=7500,
    ),
    Question(
        "Sollen wir Chloë Khan anrufen oder mailen, und was steht in den Notizen?", "de",
        [find(query="Chloë Khan", detail="full", limit=3)],
        lambda a: [
            [row["id"], (row.get("email") or "").strip(), row.get("notes")]
            for row in a[-1]["conversations"]
        ],
        lambda d: [
            [row["ID"], (row.get("userEmail") or "").strip(), oracle.given(row.get("notes"))]
            for row in d.rows if oracle.says(row, "chloe", "khan")
        ][:3],
    ),
)  # fmt: skip
