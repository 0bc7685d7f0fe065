"""The rows that an answer can be based on, and the people in them.

A `Dataset` holds all rows, or only those that an alternative has shown so far.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from benchmarks.questions.truth import crm
from benchmarks.questions.truth.oracle import (
    Row,
    active,
    assignees,
    back,
    channel,
    email,
    given,
    money,
    phone,
    rfc3339,
    score,
    takes_part,
)  # fmt: skip


class Lead:
    """A person: their conversations, newest first."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self.rows = sorted(rows, key=active, reverse=True)

    def of(self, read: Callable[[Row], Any]) -> Any:
        """The value that `read` finds in the newest conversation that has one."""
        return next((v for row in self.rows if (v := given(read(row))) is not None), None)

    def get(self, name: str) -> Any:
        """The newest value of a field of the row."""
        return self.of(lambda row: row.get(name))

    @property
    def id(self) -> str | None:
        """The identity; None where there is none."""
        return self.get("contactIdentityId")  # type: ignore[no-any-return]

    @property
    def lead_id(self) -> str:
        """The identity, else the conversation that began first."""
        return self.id or min(self.rows, key=lambda row: (crm.created(row), row["ID"]))["ID"]

    @property
    def name(self) -> str | None:
        """The newest name."""
        return self.get("userName")  # type: ignore[no-any-return]

    @property
    def at(self) -> float:
        """The last activity, in Unix seconds."""
        return active(self.rows[0])

    @property
    def closed(self) -> bool:
        """Whether it is won or lost."""
        return self.get("stage") in ("won", "lost")

    @property
    def score(self) -> float | None:
        """The newest score."""
        return self.of(score)  # type: ignore[no-any-return]

    @property
    def money(self) -> tuple[float | None, str | None]:
        """Amount and currency, both of the newest conversation that has a value."""
        valued = [row for row in self.rows if given(row.get("value")) is not None]
        return money(valued[0]) if valued else (None, self.of(lambda row: money(row)[1]))

    @property
    def stage(self) -> str | None:
        """The newest stage."""
        return self.get("stage")  # type: ignore[no-any-return]

    @property
    def channel(self) -> str | None:
        """The newest channel."""
        return self.of(channel)  # type: ignore[no-any-return]

    @property
    def assignee(self) -> str | None:
        """The name, else the email or ID, of the newest assignee."""
        return next(iter(self.of(assignees) or []), None)

    @property
    def last_activity(self) -> str | None:
        """The last activity as answers show it."""
        return rfc3339(self.at)

    @property
    def created(self) -> float:
        """The first message of the first conversation."""
        return min(crm.created(row) for row in self.rows)

    def sum(self, read: Callable[[Row], float | None]) -> float:
        """The sum over all conversations."""
        return sum(read(row) or 0 for row in self.rows)

    def any(self, read: Callable[[Row], bool]) -> bool:
        """Whether `read` is true of any conversation."""
        return any(read(row) for row in self.rows)

    def overdue(self, now: float) -> bool:
        """Whether anything is overdue in any of the conversations."""
        return self.any(lambda row: crm.overdue(row, now))

    def next_due(self, now: float) -> float | None:
        """The first open activity that is not overdue."""
        return min((d for row in self.rows if (d := crm.next_due(row, now))), default=None)

    @property
    def tags(self) -> set[str]:
        """All tags, in lower case."""
        return {tag.casefold() for row in self.rows for tag in row.get("tags") or []}

    @property
    def waits(self) -> bool:
        """Whether somebody waits in any of the conversations."""
        return any(row.get("state") == "requested_chat" for row in self.rows)

    def hot(self, min_score: float = 75) -> bool:
        """Whether it is hot (docs/contract.md, "A lead")."""
        label, points = self.get("hotLabel"), self.score
        if self.closed:
            return False
        return label == "hot" if label else points is not None and points >= min_score


def _people(rows: Iterable[Row]) -> list[Lead]:
    """Same identity, else same email or phone; different identities never merge."""
    naming = ("userName", "userEmail", "userPhone", "userCompany", "contactIdentityId", "stage")
    rows = [
        row
        for row in rows
        if takes_part(row)
        and (any(given(row.get(name)) for name in naming) or score(row) is not None)
    ]
    groups: dict[str, set[str]] = {row["ID"]: {row["ID"]} for row in rows}
    identity = {row["ID"]: given(row.get("contactIdentityId")) for row in rows}
    sharing: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in rows:
        for kind, key in (("i", identity[row["ID"]]), ("e", email(row)), ("p", phone(row))):
            if key:
                sharing[kind, key].append(row["ID"])
    for ids in sharing.values():
        if len({identity[i] for i in ids} - {None}) > 1:
            continue  # two identities share a value and never merge
        merged = set().union(*(groups[i] for i in ids))
        for i in merged:
            groups[i] = merged
    by_id = {row["ID"]: row for row in rows}
    return [Lead(by_id[i] for i in ids) for ids in {frozenset(ids) for ids in groups.values()}]


# All rows


@dataclass(frozen=True)
class Dataset:
    """Rows (newest first), the people in them, the time, and earlier versions of rows by id."""

    rows: Sequence[Row]
    leads: Sequence[Lead]
    now: datetime
    earlier: Mapping[str, Row]
    agents: Mapping[str, "Dataset"] = field(default_factory=dict)
    """The data of each agent, where there are several."""
    exports: Mapping[str, Row] = field(default_factory=dict)
    """Transcripts as the export endpoint tells them, by conversation."""
    named: Mapping[str, str] = field(default_factory=dict)
    """The IDs that placeholders in questions stand for."""

    @classmethod
    def of(
        cls, rows: Sequence[Row], now: datetime, earlier: Mapping[str, Row] | None = None
    ) -> "Dataset":
        """A dataset with the people in `rows`."""
        return cls(rows, _people(rows), now, earlier or {})

    @property
    def unix_now(self) -> float:
        """The present time, in Unix seconds."""
        return self.now.timestamp()

    def row(self, placeholder: str) -> Row:
        """The conversation that a placeholder stands for."""
        return next(row for row in self.rows if row["ID"] == self.named[placeholder])

    def since(self, age: str) -> list[Row]:
        """Conversations active in the window."""
        return [row for row in self.rows if active(row) >= back(self.now, age)]

    def hot(self, min_score: float = 75, since: str = "1000w") -> list[Lead]:
        """The hot leads, hottest first."""
        start = back(self.now, since)
        hot = [lead for lead in self.leads if lead.at >= start and lead.hot(min_score)]
        return sorted(hot, key=lambda lead: (-(-1 if lead.score is None else lead.score), -lead.at))

    def people(
        self, fits: Callable[[Lead], Any], key: Callable[[Lead], Any] | None = None
    ) -> list[Lead]:
        """The leads that fit, by `key`, then newest first."""
        found = sorted(filter(fits, self.leads), key=lambda lead: -lead.at)
        return sorted(found, key=key) if key else found

    def leads_of(self, rows: Iterable[Row]) -> list[Lead]:
        """The people with at least one of these conversations."""
        ids = {row["ID"] for row in rows}
        return [lead for lead in self.leads if any(row["ID"] in ids for row in lead.rows)]

    def called(self, name: str) -> Lead | None:
        """The one person with this name; None if there is nobody or several."""
        found = [lead for lead in self.leads if (lead.name or "").casefold() == name.casefold()]
        return found[0] if len(found) == 1 else None

    def reached(self, contact: str) -> Lead | None:
        """The one person with this email address or these digits of a phone number."""
        found = [
            lead for lead in self.leads
            if lead.any(lambda row: contact in (email(row), phone(row)))
        ]  # fmt: skip
        return found[0] if len(found) == 1 else None

    def changed(self) -> list[tuple[Row | None, Row]]:
        """New and changed rows as pairs of before and after, oldest first."""
        pairs = [(self.earlier.get(row["ID"]), row) for row in reversed(self.rows)]
        return [(before, after) for before, after in pairs if before != after]


def worth(leads: Iterable[Lead]) -> dict[str, float]:
    """Money per currency, each person once."""
    sums: Counter[str] = Counter()
    for amount, currency in (lead.money for lead in leads):
        if amount is not None:
            sums[currency or "unknown"] += amount  # type: ignore[assignment]
    return {currency: round(amount, 2) for currency, amount in sums.items()}
