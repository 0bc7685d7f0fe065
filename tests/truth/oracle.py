"""Expected answers, computed in plain Python: slow, obvious, and independent of the package.

Everything here takes Convocore's rows as the sandbox holds them (`Sandbox.rows()`) and computes
what an answer must contain, by the rules of docs/contract.md. Nothing is imported from the package
under test: shared code would share its mistakes.
"""

import json
import re
import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

Row = dict[str, Any]

CLOSED = {"won", "lost"}
READINGS: dict[str, tuple[float | None, str | None]] = {
    "12,500.50": (12500.5, None),
    "$5k": (5000, None),
    "abc": (None, None),
    "12.500,50 €": (12500.5, "EUR"),
    "4800": (4800, None),
    "1 200": (1200, None),
    "€ 3.000": (None, "EUR"),  # three euros or three thousand: unparsed
    "TBD": (None, None),
    "10-15k": (None, None),
}
"""Every text that the sandbox puts into `value`, with the amount and currency a person reads."""
SPELLINGS = {"US$": "USD", "USD$": "USD", "US DOLLAR": "USD", "€": "EUR"}
"""Currencies that are not written as their code."""


# Values


def filled(value: Any) -> Any:
    """The value, or None if it is null, blank text, or an empty list or object."""
    if isinstance(value, str) and not value.strip():
        return None
    return None if value in ([], {}) else value


def number(value: Any) -> float | None:
    """A number, also one that is written as text."""
    if isinstance(value, str) and re.fullmatch(r"\s*-?\d+(\.\d+)?\s*", value):
        return float(value)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def seconds(value: Any) -> float | None:
    """Unix seconds from seconds, milliseconds, or an ISO date or time."""
    read = number(value)
    if read is not None:
        return read / 1000 if read > 10**11 else read
    if not isinstance(value, str) or not value.strip():
        return None
    at = datetime.fromisoformat(value.strip())
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def rfc3339(at: float) -> str:
    """RFC 3339, UTC, to the second."""
    return datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def unix_time(when: str) -> float:
    """An RFC 3339 time in Unix seconds."""
    return datetime.fromisoformat(when).timestamp()


def day(value: Any) -> str:
    """The date of an ISO date or time."""
    return date.fromisoformat(str(value)[:10]).isoformat()


# One conversation


def last_activity(row: Row) -> float:
    """When the newest message came, in Unix seconds."""
    at = seconds(row["ts"])
    assert at is not None
    return at


def score(row: Row) -> float | None:
    """`leadScore`; a zero that was never evaluated is no score."""
    points = number(row.get("leadScore"))
    evaluated = row.get("funnelScoreHistory") or row.get("funnelLastEvaluated")
    return None if points == 0 and not evaluated else points


def channel(row: Row) -> str | None:
    """`origin`, which may be any JSON."""
    origin = filled(row.get("origin"))
    if origin is None or isinstance(origin, str):
        return origin
    return json.dumps(origin, separators=(",", ":"), ensure_ascii=False)


def assignees(row: Row) -> list[str]:
    """Everything an assignee is known by: id, name, email."""
    assignee = row.get("assignedTo") or {}
    known = [
        assignee.get("name"),
        assignee.get("email"),
        assignee.get("userId"),
        row.get("chatAssignedTo"),
    ]
    return [name for name in known if name and filled(name)]


def waiting(row: Row) -> bool:
    """Whether the visitor waits for a human."""
    return row.get("state") == "requested_chat"


def waiting_since(row: Row) -> float | None:
    """Since when, in Unix seconds, if the row says so."""
    latest = (row.get("handoffHistory") or [{}])[-1]
    if not waiting(row) or "acceptedAt" in latest:
        return None
    return seconds(latest.get("requestedAt"))


def alert(row: Row, *names: str) -> bool:
    """Whether one of these alerts is on."""
    alerts = row.get("crmAlerts") or {}
    return any(alerts.get(name) is True for name in names)


def money(row: Row) -> tuple[float | None, str | None]:
    """The amount, and the currency: from its own field, otherwise from the text of the value.

    Where both name a currency and they differ, there is no amount.
    """
    value = filled(row.get("value"))
    amount, sign = READINGS[value] if isinstance(value, str) else (value, None)
    written = filled(row.get("currency"))
    if written is None:
        return amount, sign
    currency = SPELLINGS.get(written.upper(), written.upper())
    return (None if sign and sign != currency else amount), currency


def past(when: Any, now: float) -> bool:
    """Whether a date of the CRM is past: a day when it is over (UTC), a time when it has passed."""
    if isinstance(when, str) and len(when.strip()) == len("2026-07-19"):
        return day(when) < rfc3339(now)[:10]
    at = seconds(when)
    return at is not None and at < int(now)


def planned(rows: Iterable[Row]) -> list[Row]:
    """Activities with a due date that are not done."""
    activities = [a for row in rows for a in row.get("crmActivities") or ()]
    return [a for a in activities if a.get("dueDate") and not a.get("completed")]


def next_steps(rows: Iterable[Row], now: float) -> list[Row]:
    """What is planned: what comes next first, then what is overdue, newest first."""
    steps = sorted(planned(rows), key=lambda a: seconds(a["dueDate"]) or 0)
    late = [a for a in steps if past(a["dueDate"], now)]
    return [a for a in steps if a not in late] + late[::-1]


def alerts_of(rows: list[Row], now: float) -> set[str]:
    """The alerts of a lead, by its dates where they are known, else as the CRM says."""
    newest: Row = next((row["crmAlerts"] for row in rows if row.get("crmAlerts")), {})
    on = {snake(name) for name, value in newest.items() if value is True}
    on -= {"overdue_activity", "overdue_ecd", "stale_lead"}
    for row in rows:
        open_ = planned([row])
        late = [a for a in open_ if past(a["dueDate"], now)]
        if late or (not open_ and alert(row, "overdueActivity")):
            on.add("overdue_activity")
        close = row.get("expectedCloseDate")
        is_past = past(close, now) if close else alert(row, "overdueECD")
        if is_past and row.get("stage") not in CLOSED:
            on.add("overdue_ecd")
        if alert(row, "staleLead"):
            on.add("stale_lead")
    return on


def overdue(*rows: Row) -> bool:
    """Whether an activity or the expected close of any of these is overdue now."""
    return bool({"overdue_activity", "overdue_ecd"} & alerts_of([*rows], time.time()))


ATTENTION: dict[str, Callable[[Row], bool]] = {
    "waiting_for_human": waiting,
    "unassigned": lambda row: not assignees(row),
    "overdue": overdue,
    "stale": lambda row: alert(row, "staleLead"),
}


# Text


@lru_cache(maxsize=50_000)
def words(text: str) -> tuple[str, ...]:
    """Words as a person sees them: without case, accents or invisible characters."""
    visible = "".join(c for c in text if unicodedata.category(c) not in ("Cf", "Cc", "Cs", "Co"))
    decomposed = unicodedata.normalize("NFKD", visible.casefold())
    bare = "".join(c for c in decomposed if not unicodedata.combining(c))
    bare = bare.replace("\u0131", "i")  # the Turkish i without a dot, which has no accent
    return tuple(re.findall(r"\w+", bare))


def notes(row: Row) -> str | None:
    """The notes, or the assignment's `note` where there are none."""
    text: str | None = filled(row.get("notes")) or filled(row.get("note"))
    return text


DIGRAPHS = {"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"}
"""How some letters are written without their marks."""


def searched(row: Row) -> str:
    """All the text that `query` searches."""
    fields = ("userName", "userEmail", "userPhone", "userCompany", "title", "summary")
    names = (*fields, "lastMessage", "funnelSummary")
    texts = [*(row.get(name) for name in names), notes(row), *(row.get("tags") or [])]
    return " \n ".join([text for text in texts if isinstance(text, str)])


def spelled(text: str) -> str:
    """`text` with digraphs in place of letters with marks."""
    for letter, digraph in DIGRAPHS.items():
        text = text.replace(letter, digraph).replace(letter.upper(), digraph)
    return text


@lru_cache(maxsize=50_000)
def spellings(text: str) -> tuple[str, ...]:
    """The words of a text, those with letters that have digraphs in both spellings."""
    composed = unicodedata.normalize("NFC", text)
    return (*words(composed), *words(spelled(composed)), *words(re.sub("['\u2019]", "", composed)))


@lru_cache(maxsize=50_000)
def distinct_spellings(text: str) -> frozenset[str]:
    """The same, each once."""
    return frozenset(spellings(text))


def surely_found(row: Row, query: str) -> bool:
    """Whether every word of the query is a whole word of the searched text, in some spelling."""
    known = distinct_spellings(searched(row))
    return all(one in known or other in known for one, other in spelled_words(query))


@lru_cache
def spelled_words(query: str) -> list[tuple[str, str]]:
    """Each word of a query, as it is written and with digraphs."""
    composed = unicodedata.normalize("NFC", query)
    return [*zip(words(composed), words(spelled(composed)), strict=True)]


def possibly_found(row: Row, query: str) -> bool:
    """Whether every word of the query, perhaps with another ending, occurs in the searched text."""
    text = joined_spellings(searched(row))
    return all(word[: max(4, len(word) - 3)] in text for word in words(query))


@lru_cache(maxsize=50_000)
def joined_spellings(text: str) -> str:
    """The words of a text in one piece, as punctuation may be written or not."""
    return "".join(spellings(text))


def speaks(row: Row, *languages: str) -> bool:
    """Whether the row says that it is in one of `languages`, or nothing about that."""
    language = filled(row.get("language")) or filled(row.get("lang"))
    return language is None or language in languages


# Lists


def _one_of(given: Any, *values: str | None) -> bool:
    expected = [given] if isinstance(given, str) else given
    return any(value in expected for value in values)


FILTERS: dict[str, Callable[[Row, Any], bool]] = {
    "stage": lambda row, given: _one_of(given, filled(row.get("stage"))),
    "label": lambda row, given: _one_of(given, row.get("hotLabel")),
    "state": lambda row, given: _one_of(given, row.get("state")),
    "channel": lambda row, given: _one_of(given, channel(row)),
    "tag": lambda row, given: _one_of(given, *(row.get("tags") or [])),
    "assignee": lambda row, given: _one_of(given, *assignees(row)),
    "min_score": lambda row, given: (s := score(row)) is not None and s >= given,
    "attention": lambda row, given: any(
        ATTENTION[name](row) for name in ([given] if isinstance(given, str) else given)
    ),
    "since": lambda row, given: last_activity(row) >= unix_time(given),
    # Answers give times to the second, so the whole of that second is included.
    "until": lambda row, given: int(last_activity(row)) <= unix_time(given),
    "query": surely_found,
}


def matching(rows: Iterable[Row], **filters: Any) -> list[Row]:
    """The rows that satisfy every filter."""
    return [row for row in rows if all(FILTERS[n](row, given) for n, given in filters.items())]


def _high_first(value: float | None) -> tuple[bool, float]:
    return value is None, -(value or 0)


SORTS: dict[str, Callable[[Row], tuple[Any, ...]]] = {
    "newest": lambda row: (-last_activity(row),),
    "oldest": lambda row: (last_activity(row),),
    "score": lambda row: (*_high_first(score(row)), -last_activity(row)),
    "value": lambda row: (*_high_first(money(row)[0]), -last_activity(row)),
    # The longest wait first, then waits of unknown length, then conversations that do not wait.
    "waiting": lambda row: (
        not waiting(row),
        waiting_since(row) is None,
        waiting_since(row) or 0,
        -last_activity(row),
    ),
}


def ordered(rows: Iterable[Row], sort: str) -> list[str]:
    """The IDs of `rows` in the order that `sort` names."""
    return [row["ID"] for row in sorted(rows, key=SORTS[sort])]


# Leads


NOBODY = {"test@test.com", "n/a", "none", "noreply@acme.example", "a@a.com"}
WITHHELD = {"266696687"}
MOBILE_DIGITS = ((r"55(\d\d)([6-9]\d{7})", r"55\g<1>9\2"), (r"(52)1(\d{10})", r"\1\2"),
                 (r"(54)9(\d{10})", r"\1\2"))  # fmt: skip
"""Numbers of Brazil, Mexico and Argentina that people and channels write in two ways."""


def email(row: Row) -> str | None:
    """The address in lower case, without blanks around it, unless it is nobody's."""
    given = filled(row.get("userEmail"))
    address = given.strip().casefold() if given else ""
    return address if address and address not in NOBODY else None


def phone(row: Row) -> str | None:
    """The digits with the country code; the sandbox never writes a number without one."""
    digits = re.sub(r"\D", "", row.get("userPhone") or "").removeprefix("00")
    if len(set(digits)) <= 1 or digits in WITHHELD or digits in "01234567890":
        return None
    for one_way, other in MOBILE_DIGITS:
        digits = re.sub(f"^{one_way}$", other, digits)
    return digits


def names_somebody(row: Row) -> bool:
    """Whether a conversation says anything about the person."""
    fields = ("userName", "userEmail", "userPhone", "userCompany", "contactIdentityId", "stage")
    return any(filled(row.get(name)) for name in fields) or score(row) is not None


def takes_part(row: Row) -> bool:
    """Whether it counts for leads: not a test, and not blocked."""
    return not row.get("isTest") and not row.get("isBlocked")


class Lead:
    """A person: their conversations, newest first."""

    def __init__(self, rows: list[Row]) -> None:
        self.rows = sorted(rows, key=last_activity, reverse=True)

    def get(self, read: Callable[[Row], Any]) -> Any:
        """The value that `read` finds in the newest conversation that has one."""
        return next((found for row in self.rows if (found := filled(read(row))) is not None), None)

    def field(self, name: str) -> Any:
        """The newest value of a field of the row."""
        return self.get(lambda row: row.get(name))

    @property
    def ids(self) -> frozenset[str]:
        """The conversations."""
        return frozenset(row["ID"] for row in self.rows)

    @property
    def at(self) -> float:
        """The last activity."""
        return last_activity(self.rows[0])

    @property
    def closed(self) -> bool:
        """Won or lost."""
        return str(self.field("stage") or "").strip().casefold() in CLOSED

    def hot(self, min_score: float = 75) -> bool:
        """Whether it is hot (docs/contract.md, "A lead")."""
        label, points = self.field("hotLabel"), self.get(score)
        if label is None:
            return not self.closed and points is not None and points >= min_score
        return not self.closed and bool(label == "hot")

    @property
    def money(self) -> tuple[float | None, str | None]:
        """The amount and the currency, both of the newest conversation that has a value."""
        valued = [row for row in self.rows if filled(row.get("value")) is not None]
        return money(valued[0]) if valued else (None, self.get(lambda row: money(row)[1]))

    @property
    def waiting(self) -> bool:
        """Whether somebody waits in any of the conversations."""
        return any(waiting(row) for row in self.rows)

    @property
    def assignee(self) -> str | None:
        """The assignee's name, otherwise an id."""
        found: list[str] | None = self.get(assignees)
        return found[0] if found else None


def leads(rows: Iterable[Row]) -> list[Lead]:
    """The people behind these conversations."""
    taking_part = [row for row in rows if takes_part(row) and names_somebody(row)]
    group = {row["ID"]: {row["ID"]} for row in taking_part}
    identity = {row["ID"]: filled(row.get("contactIdentityId")) for row in taking_part}
    sharing: dict[tuple[str, str], list[str]] = {}
    for row in taking_part:
        keys = (("id", identity[row["ID"]]), ("email", email(row)), ("phone", phone(row)))
        for kind, key in keys:
            if key:
                sharing.setdefault((kind, key), []).append(row["ID"])
    for members in sharing.values():
        known = {identity[i] for i in members} - {None}
        if len(known) > 1:  # two identities never merge, and whose a stray is would be a guess
            assert all(identity[i] for i in members), "the sandbox promised not to do this"
            continue
        merged = set().union(*(group[i] for i in members))
        for i in merged:
            group[i] = merged
    by_id = {row["ID"]: row for row in taking_part}
    distinct = {frozenset(members) for members in group.values()}
    found = [Lead([by_id[i] for i in members]) for members in distinct]
    for lead in found:
        assert len({identity[i] for i in lead.ids} - {None}) <= 1
    return found


def summary(rows: Iterable[Row], *, min_score: float = 75, **window: str) -> dict[str, Any]:
    """The counts and sums of `summarize_hot_leads`."""
    given = list(rows)
    considered = [
        lead for lead in leads(given) if all(FILTERS[n](lead.rows[0], w) for n, w in window.items())
    ]
    hot = [lead for lead in considered if lead.hot(min_score)]
    sums: Counter[str] = Counter()
    for amount, currency in (lead.money for lead in hot):
        if amount is not None:
            sums[currency or "unknown"] += amount  # type: ignore[assignment]
    return {
        "hot": len(hot),
        "leads_considered": len(considered),
        "by_stage": Counter(lead.field("stage") or "none" for lead in hot),
        "by_channel": Counter(lead.get(channel) or "none" for lead in hot),
        "value": {currency: round(amount, 2) for currency, amount in sums.items()},
        "unparsed_values": sum(
            lead.field("value") is not None and lead.money[0] is None for lead in hot
        ),
        "waiting_for_human": sum(lead.waiting for lead in hot),
        "unassigned": sum(lead.assignee is None for lead in hot),
        "overdue": sum(overdue(*lead.rows) for lead in hot),
        "closed": sum(lead.closed for lead in considered),
        "leads": {lead.ids: lead for lead in hot},
    }


# What a row of a list shows

HIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def shown_unchanged(text: str) -> bool:
    """Text that has to arrive as it is: nothing hidden, no markup, not too long."""
    odd = HIDDEN.search(text) or any(unicodedata.category(c) in ("Cf", "Cs", "Co") for c in text)
    return not odd and not set("[]<>") & set(text) and len(text) <= 120


def listed(row: Row, *, full: bool) -> Row:
    """A row of `list_conversations`, without its `lead_id`."""
    amount, currency = money(row)
    points, count = score(row), number(row.get("messagesNum"))
    known = {
        "id": row["ID"],
        "name": row.get("userName"),
        "company": row.get("userCompany"),
        "channel": channel(row),
        "state": row.get("state"),
        "stage": row.get("stage"),
        "label": row.get("hotLabel"),
        "score": points,
        "value": amount,
        "value_text": str(row["value"]) if amount is None and row.get("value") else None,
        "currency": currency,
        "tags": row.get("tags"),
        "assignee": next(iter(assignees(row)), None),
        "last_activity": rfc3339(last_activity(row)),
        "waiting_since": rfc3339(at) if (at := waiting_since(row)) else None,
        "messages": count,
        "preview": row.get("lastMessage"),
        "test": row.get("isTest") or None,
        "blocked": row.get("isBlocked") or None,
    }
    if full:
        known |= {
            "email": row.get("userEmail"),
            "phone": row.get("userPhone"),
            "title": row.get("title"),
            "summary": row.get("summary"),
            "notes": notes(row),
            "source": row.get("source"),
            "language": row.get("language") or row.get("lang"),
            "country": row.get("countryCode"),
            "expected_close": row.get("expectedCloseDate"),
            "rating": row.get("ratingFrom5"),
        }
    return {name: value for name, value in known.items() if filled(value) is not None}


def differences(got: Row, expected: Row) -> dict[str, tuple[Any, Any]]:
    """Fields that differ, except for text that is sanitized."""
    found = {}
    for name in got.keys() | expected.keys():
        here, there = got.get(name), expected.get(name)
        if isinstance(there, str):
            if not shown_unchanged(there):
                continue
            there = unicodedata.normalize("NFC", there).strip()
        if here != there:
            found[name] = (here, there)
    return found


# The whole record

TIMES = {
    "ts", "lastMessageTS", "firstMessageTS", "funnelLastEvaluated", "lastModified", "updatedAt",
    "humanClaimedAt", "requestedAt", "acceptedAt", "completedAt", "assignedAt", "date", "dueDate",
    "timestamp", "lastTurnTs", "lastUsedTs", "lastActivityDate",
}  # fmt: skip
CRM_DATES = {"date", "dueDate"}
"""Times of activities: a day without a time stays the day it is."""
SECRET = {"ipAddress", "sessionKey", "recordingUrl", "listenUrl", "listenUrlUNIX", "api_token"}
COUNTS = {"messagesNum", "leadScore"}


def snake(name: str) -> str:
    """`lastMessageTS` as `last_message_ts`."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return apart.lower()


def record(value: Any, name: str = "") -> Any:
    """A record as it must be shown: without empty and secret fields, with RFC 3339 times."""
    if name in CRM_DATES and isinstance(value, str) and re.fullmatch(r"[\d-]{8,10}", value):
        return value
    if name in TIMES:
        at = seconds(value)
        return None if at is None else rfc3339(at)
    if name in COUNTS:
        return number(value)
    if isinstance(value, dict):
        kept = {key: inner for key, inner in value.items() if key not in SECRET}
        found = {snake(key): record(inner, key) for key, inner in kept.items()}
        return {key: inner for key, inner in found.items() if filled(inner) is not None} or None
    if isinstance(value, list):
        return [record(item) for item in value] or None
    return value


def record_differences(got: Any, expected: Any, path: str = "") -> list[str]:
    """Where a record differs from what is expected, except for text that is sanitized."""
    if isinstance(expected, dict) and isinstance(got, dict):
        names = {n for n in got.keys() | expected.keys() if shown_unchanged(n)}
        if not all(shown_unchanged(n) for n in expected):
            names &= expected.keys()
        return [
            difference
            for n in sorted(names)
            for difference in record_differences(
                filled(got.get(n)), filled(expected.get(n)), f"{path}.{n}"
            )
        ]
    if isinstance(expected, list) and isinstance(got, list) and len(got) == len(expected):
        pairs = zip(got, expected, strict=True)
        return [
            p for i, (a, b) in enumerate(pairs) for p in record_differences(a, b, f"{path}[{i}]")
        ]
    if isinstance(expected, str):
        if set("[]<>") & set(expected) or HIDDEN.search(expected.replace("\n", "")):
            return []
        if not shown_unchanged(expected.replace("\n", "")) and len(expected) <= 120:
            return []
        expected = unicodedata.normalize("NFC", expected).strip()
    return [] if got == expected else [f"{path}: {got!r}, not {expected!r}"]
