"""The truth: what Convocore's rows say, in plain Python, straight from `contract.md`.

Slow, obvious, and without a line of the product: nothing here may import it. A `World` is what a
reader has in front of them: all rows, or only as many as a peer has shown so far.
"""

import json
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

Row = dict[str, Any]
Facts = Any
"""JSON: what a question asks for, and nothing else."""

READINGS: dict[str, tuple[float | None, str | None]] = {
    "12,500.50": (12500.5, None),
    "12.500,50 €": (12500.5, "EUR"),
    "$5k": (5000, None),  # whose dollars nobody said
    "4800": (4800, None),
    "1 200": (1200, None),
    "€ 3.000": (None, "EUR"),  # three euros, or three thousand
    "abc": (None, None),
    "TBD": (None, None),
    "10-15k": (None, None),
}
"""Every text that stands for money in the sandbox, read by a person: amount, currency."""


def given(value: Any) -> Any:
    """The value, or None for what says nothing: null, blank text, an empty list or object."""
    return (
        None if value in (None, [], {}) or (isinstance(value, str) and not value.strip()) else value
    )


def numeric(value: Any) -> float | None:
    """A number, also when it came as text."""
    if isinstance(value, str) and re.fullmatch(r"\s*-?\d+(\.\d+)?\s*", value):
        return float(value)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def moment(value: Any) -> float | None:
    """Unix seconds out of seconds, milliseconds, dates and times."""
    number = numeric(value)
    if number is not None:
        return number / 1000 if number > 10**11 else number
    if given(value) is None:
        return None
    at = datetime.fromisoformat(value.strip())
    return at.replace(tzinfo=at.tzinfo or UTC).timestamp()


def told(at: float | None) -> str | None:
    """The time as answers write it."""
    return (
        None if at is None else datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    )


def back(now: datetime, how_far: str) -> float:
    """The start of a window: `24h`, `7d`, `2w` before `now`."""
    hours = {"h": 1, "d": 24, "w": 168}[how_far[-1]] * int(how_far[:-1])
    return (now - timedelta(hours=hours)).timestamp()


# One conversation


def active(row: Row) -> float:
    """The last activity."""
    at = moment(row.get("ts"))
    assert at is not None
    return at


def score(row: Row) -> float | None:
    """The points; a zero that was never evaluated is no score."""
    points = numeric(row.get("leadScore"))
    evaluated = row.get("funnelScoreHistory") or row.get("funnelLastEvaluated")
    return points if points or evaluated else None


def channel(row: Row) -> str | None:
    """Where they write; any JSON."""
    origin = given(row.get("origin"))
    if origin is None or isinstance(origin, str):
        return origin
    return json.dumps(origin, separators=(",", ":"), ensure_ascii=False)


def owners(row: Row) -> list[str]:
    """All that the assignee is called: name, email, id."""
    to = row.get("assignedTo") or {}
    called = (to.get("name"), to.get("email"), to.get("userId"), row.get("chatAssignedTo"))
    return [str(name) for name in called if given(name)]


def waits(row: Row) -> bool:
    """Whether the visitor waits for a human."""
    return bool(row.get("state") == "requested_chat")


def waits_since(row: Row) -> float | None:
    """Since when, where anything says so."""
    asked = (row.get("handoffHistory") or [{}])[-1]
    return moment(asked.get("requestedAt")) if waits(row) and "acceptedAt" not in asked else None


def alert(row: Row, *names: str) -> bool:
    """Whether one of these alerts is on."""
    return any((row.get("crmAlerts") or {}).get(name) is True for name in names)


def overdue(row: Row) -> bool:
    """An activity or the expected close is."""
    return alert(row, "overdueActivity", "overdueECD")


def money(row: Row) -> tuple[float | None, str | None]:
    """Amount and currency."""
    value, sign = row.get("value"), None
    if isinstance(value, str):
        value, sign = READINGS[value] if value.strip() else (None, None)
    code = given(row.get("currency"))
    return value, code.upper() if code else sign


def email(row: Row) -> str | None:
    """The address, however it is written."""
    address = given(row.get("userEmail"))
    return address.strip().casefold() if address else None


def phone(row: Row) -> str | None:
    """The digits with the country's code, which the sandbox always writes."""
    return re.sub(r"\D", "", row.get("userPhone") or "").removeprefix("00") or None


def language(row: Row) -> str | None:
    """The language spoken."""
    spoken: str | None = given(row.get("language")) or given(row.get("lang"))
    return spoken


def usage(row: Row, name: str) -> float:
    """What the AI used: a sum of `tokenUsage`."""
    return numeric((row.get("tokenUsage") or {}).get(name)) or 0


def words(text: str) -> set[str]:
    """Words without case and accents."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return set(re.findall(r"\w+", "".join(c for c in plain if not unicodedata.combining(c))))


def says(row: Row, *wanted: str) -> bool:
    """Whether all of these are beginnings of words in the fields that are searched."""
    names = ("userName", "userEmail", "userPhone", "userCompany", "title", "summary", "lastMessage")
    notes = given(row.get("notes")) or row.get("note")
    texts = [*(row.get(name) for name in names), notes, *(row.get("tags") or [])]
    found = words(" ".join(text for text in texts if isinstance(text, str)))
    return all(any(word.startswith(one) for word in found) for one in wanted)


def takes_part(row: Row) -> bool:
    """Neither a test nor blocked."""
    return not row.get("isTest") and not row.get("isBlocked")


# People


class Lead:
    """A person: their conversations, newest first."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self.rows = sorted(rows, key=active, reverse=True)

    def of(self, read: Callable[[Row], Any]) -> Any:
        """What the newest conversation says that says anything."""
        return next((v for row in self.rows if (v := given(read(row))) is not None), None)

    def get(self, name: str) -> Any:
        """The same of a plain field."""
        return self.of(lambda row: row.get(name))

    @property
    def id(self) -> str | None:
        """The identity; else nothing that plain reading could know."""
        return self.get("contactIdentityId")  # type: ignore[no-any-return]

    @property
    def name(self) -> str | None:
        """As shown."""
        return self.get("userName")  # type: ignore[no-any-return]

    @property
    def at(self) -> float:
        """The last activity."""
        return active(self.rows[0])

    @property
    def closed(self) -> bool:
        """Won or lost."""
        return self.get("stage") in ("won", "lost")

    @property
    def score(self) -> float | None:
        """The newest score."""
        return self.of(score)  # type: ignore[no-any-return]

    @property
    def money(self) -> tuple[float | None, str | None]:
        """Amount and currency, each from the newest conversation that has it."""
        return money({"value": self.get("value"), "currency": self.get("currency")})

    def hot(self, min_score: float = 75) -> bool:
        """The contract's definition."""
        label, points = self.get("hotLabel"), self.score
        if self.closed:
            return False
        return label == "hot" if label else points is not None and points >= min_score


def _people(rows: Iterable[Row]) -> list[Lead]:
    """Same identity, else same email or phone; different identities never merge."""
    said = ("userName", "userEmail", "userPhone", "userCompany", "contactIdentityId", "stage")
    rows = [
        row
        for row in rows
        if takes_part(row)
        and (any(given(row.get(name)) for name in said) or score(row) is not None)
    ]
    together: dict[str, set[str]] = {row["ID"]: {row["ID"]} for row in rows}
    identity = {row["ID"]: given(row.get("contactIdentityId")) for row in rows}
    sharing: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in rows:
        for kind, key in (("i", identity[row["ID"]]), ("e", email(row)), ("p", phone(row))):
            if key:
                sharing[kind, key].append(row["ID"])
    for ids in sharing.values():
        if len({identity[i] for i in ids} - {None}) > 1:
            continue  # families: two people known apart share a phone
        merged = set().union(*(together[i] for i in ids))
        for i in merged:
            together[i] = merged
    by_id = {row["ID"]: row for row in rows}
    return [Lead(by_id[i] for i in ids) for ids in {frozenset(ids) for ids in together.values()}]


# All that is in sight


@dataclass(frozen=True)
class World:
    """Rows, newest first, the people in them, the time, and how the rows were at the last look."""

    rows: Sequence[Row]
    leads: Sequence[Lead]
    now: datetime
    earlier: Mapping[str, Row]

    @classmethod
    def of(
        cls, rows: Sequence[Row], now: datetime, earlier: Mapping[str, Row] | None = None
    ) -> "World":
        """With the people found in `rows`."""
        return cls(rows, _people(rows), now, earlier or {})

    def since(self, how_far: str) -> list[Row]:
        """Conversations active in the window."""
        return [row for row in self.rows if active(row) >= back(self.now, how_far)]

    def hot(self, min_score: float = 75, since: str = "1000w") -> list[Lead]:
        """The hot leads, hottest first."""
        start = back(self.now, since)
        hot = [lead for lead in self.leads if lead.at >= start and lead.hot(min_score)]
        return sorted(hot, key=lambda lead: (-(-1 if lead.score is None else lead.score), -lead.at))

    def leads_of(self, rows: Iterable[Row]) -> list[Lead]:
        """The people with at least one of these conversations."""
        ids = {row["ID"] for row in rows}
        return [lead for lead in self.leads if any(row["ID"] in ids for row in lead.rows)]

    def called(self, name: str) -> Lead | None:
        """The one person of this name; None if nobody or several are called so."""
        found = [lead for lead in self.leads if (lead.name or "").casefold() == name.casefold()]
        return found[0] if len(found) == 1 else None

    def changed(self) -> list[tuple[Row | None, Row]]:
        """What is new or different since the last look, as before and after, oldest first."""
        pairs = [(self.earlier.get(row["ID"]), row) for row in reversed(self.rows)]
        return [(before, after) for before, after in pairs if before != after]


def worth(leads: Iterable[Lead]) -> dict[str, float]:
    """Money per currency, each person's once."""
    sums: Counter[str] = Counter()
    for amount, currency in (lead.money for lead in leads):
        if amount is not None:
            sums[currency or "unknown"] += amount  # type: ignore[assignment]
    return {currency: round(amount, 2) for currency, amount in sums.items()}


def count_by(rows: Iterable[Any], of: Callable[[Any], str | None]) -> dict[str, int]:
    """How many have which; `none` where there is nothing."""
    return dict(Counter(given(of(row)) or "none" for row in rows))


def day(row: Row) -> str:
    """The day of the last activity, in UTC."""
    return datetime.fromtimestamp(active(row), UTC).date().isoformat()


def week(row: Row) -> str:
    """Its ISO week."""
    year, number, _ = date.fromisoformat(day(row)).isocalendar()
    return f"{year}-W{number:02}"


def mean(values: Iterable[Any]) -> float | None:
    """The average of what is a number, to two places."""
    numbers = [n for value in values if (n := numeric(value)) is not None]
    return round(sum(numbers) / len(numbers), 2) if numbers else None
