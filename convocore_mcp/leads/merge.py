"""One person, not five rows: which conversations are one lead, and what is known about it.

Conversations with the same identity are one lead. Those without one are joined by a common email
or phone number, directly or through each other, and belong to an identity that shares such a value
with them. Where two identities share it, nobody can say whose they are, and they are a lead of
their own: two different identities never merge. The order of the rows changes nothing.

**Shared values.** A reception's number, `info@`, a test address: the line is the second identity.
A value that two or more identities use belongs to none of them and glues nobody to anybody with
an identity. Convocore's identity is the only evidence there is that a value is shared, so among
conversations that have none the same value makes one lead, however many there are: no list of
suspicious addresses, no limit by number, which would make two leads of one person one day. What
can't be an address or a number (`n/a`, `-`, fewer than seven digits) is no value at all.

An identity that is the ID of a conversation was named after it, so that conversation is its own
even while it does not say so itself: else two leads would go by one id.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from convocore_mcp.leads.hotness import closed, hot_score
from convocore_mcp.leads.index_terms import terms
from convocore_mcp.leads.keys import blank_before_words
from convocore_mcp.models import Conversation, Keys, Lead

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class Keyed(NamedTuple):
    """A conversation with the keys it is joined by."""

    conversation: Conversation
    keys: Keys


def takes_part(c: Conversation) -> bool:
    """Whether a conversation is a lead's at all: not a test, not blocked, and naming somebody."""
    named = (c.name, c.email, c.phone, c.company, c.identity, c.stage, c.score)
    return not c.is_test and not c.is_blocked and any(value is not None for value in named)


def merge(rows: Iterable[tuple[Conversation, Keys]]) -> list[Lead]:
    """The leads among `rows`, in no particular order.

    `rows` must be closed: with a conversation come all that may be one lead with it, and for each
    email and phone number of one without an identity, the identities that share it, or two of them.
    """
    taking_part = [Keyed(*row) for row in rows if takes_part(row[0])]
    named = {row.conversation.identity for row in taking_part}
    people: dict[str, list[Keyed]] = defaultdict(list)
    owners: dict[str, set[str]] = defaultdict(set)
    strays = []
    for row in taking_part:
        c = row.conversation
        identity = c.id if c.identity is None and c.id in named else c.identity
        if identity is None:
            strays.append(row)
            continue
        people[identity].append(row)
        for value in _values(row):
            owners[value].add(identity)
    leads = []
    for group in _joined(strays):
        claims = {identity for row in group for value in _values(row) for identity in owners[value]}
        if len(claims) == 1:
            people[claims.pop()].extend(group)
        else:
            leads.append(_lead(group, identity=None))
    return leads + [_lead(group, identity=identity) for identity, group in people.items()]


def _values(row: Keyed) -> list[str]:
    # Prefixed, so that an email is never taken for a phone number.
    email, phone = row.keys.email, row.keys.phone
    return [f"@{email}"] * (email is not None) + [f"+{phone}"] * (phone is not None)


def _joined(strays: Sequence[Keyed]) -> list[list[Keyed]]:
    """Group what shares an email or a phone number, directly or through each other."""
    parent = list(range(len(strays)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    first: dict[str, int] = {}
    for i, row in enumerate(strays):
        for value in _values(row):
            parent[root(i)] = root(first.setdefault(value, i))
    groups: dict[int, list[Keyed]] = defaultdict(list)
    for i, row in enumerate(strays):
        groups[root(i)].append(row)
    return list(groups.values())


def newest_first(rows: Iterable[Keyed]) -> list[Keyed]:
    """By last activity, newest first; equal ones by id."""
    by_id = sorted(rows, key=lambda row: row.conversation.id)
    return sorted(by_id, key=lambda row: row.conversation.last_activity or _LONG_AGO, reverse=True)


def _lead(group: Iterable[Keyed], *, identity: str | None) -> Lead:
    """What is known about one person: for each field, the newest conversation that has it wins."""
    rows = newest_first(group)
    conversations = [row.conversation for row in rows]
    stage, label, score = (
        _newest(conversations, "stage"),
        _newest(conversations, "label"),
        _newest(conversations, "score"),
    )
    valued = next((row for row in rows if row.conversation.value is not None), None)
    named_currency = next((row.keys.currency for row in rows if row.conversation.currency), None)
    known_as = "\n".join(
        filter(None, (part for c in conversations for part in (c.name, c.company)))
    )
    return Lead(
        agent_id=conversations[0].agent_id,
        lead_id=identity or min(conversations, key=_began).id,
        conversation_ids=tuple(c.id for c in conversations),
        last_activity=conversations[0].last_activity,
        name=_newest(conversations, "name"),
        email=_newest(conversations, "email"),
        phone=_newest(conversations, "phone"),
        company=_newest(conversations, "company"),
        channel=_newest(conversations, "channel"),
        state=_newest(conversations, "state"),
        stage=stage,
        label=label,
        score=score,
        amount=valued.keys.amount if valued else None,
        unparsed=valued.keys.unparsed if valued else False,
        value=valued.conversation.value if valued else None,
        currency=named_currency or (valued.keys.currency if valued else None),
        assignee=_newest(conversations, "assignee"),
        alerts=_newest(conversations, "alerts") or (),
        waiting_since=_newest(conversations, "waiting_since"),
        expected_close=_newest(conversations, "expected_close"),
        hot_score=hot_score(stage, label, score),
        closed=closed(stage),
        text=blank_before_words(known_as),
        terms=terms(rows, _newest(conversations, "name")),
    )


def _newest(conversations: Iterable[Conversation], field: str) -> Any:  # what the field holds
    for c in conversations:
        value = getattr(c, field)
        if value is not None:
            return value
    return None


def _began(c: Conversation) -> tuple[datetime, str]:
    # The oldest conversation names the lead: new ones come and don't change it.
    began = c.first_message or c.last_activity
    return (began or datetime.max.replace(tzinfo=UTC), c.id)
