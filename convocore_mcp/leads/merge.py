"""Which conversations are one lead, and what is known about that lead.

Conversations with the same identity are one lead. Those without an identity are joined by a common
email or phone number, directly or through each other, and belong to the identity that shares such a
value with them. If two identities share it, the conversations could be of either, so they are a
lead of their own: two different identities never merge. The order of the rows changes nothing.

**Shared values.** A value that two or more identities use (a reception's number, `info@`, a test
address) belongs to none of them and joins nobody to anybody with an identity. Convocore's identity
is the only evidence that a value is shared. Placeholders (`leads.contacts.placeholders`) and what
can't be an address or a number (`n/a`, `-`, fewer than seven digits) have no key and join nobody.
Any other value makes one lead of all conversations without an identity that share it, however many
there are: a limit on their number would split one person into two leads some day.

An identity that equals the ID of a conversation was named after it. That conversation belongs to
the identity even while it does not say so itself; otherwise two leads would have one id.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from operator import attrgetter
from typing import NamedTuple

from convocore_mcp.leads.hotness import hot_score, is_closed
from convocore_mcp.leads.index_terms import index_terms
from convocore_mcp.models import Conversation, DerivedKeys, Lead
from convocore_mcp.words.folding import blank_before_words

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class KeyedConversation(NamedTuple):
    """A conversation with the keys it is joined by."""

    conversation: Conversation
    keys: DerivedKeys


def takes_part(c: Conversation) -> bool:
    """Whether a conversation can belong to a lead: no test, not blocked, and it names somebody."""
    named = (c.name, c.email, c.phone, c.company, c.identity, c.stage, c.score)
    return not c.is_test and not c.is_blocked and any(value is not None for value in named)


def merge(rows: Iterable[tuple[Conversation, DerivedKeys]]) -> list[Lead]:
    """The leads among `rows`, in no particular order.

    `rows` must be an affected set: with each conversation come all that may be one lead with it;
    and for each email and phone number of a conversation without an identity come the identities
    that share it, or two of them.
    """
    taking_part = [KeyedConversation(*row) for row in rows if takes_part(row[0])]
    identities = {row.conversation.identity for row in taking_part}
    by_identity: dict[str, list[KeyedConversation]] = defaultdict(list)
    identities_with: dict[str, set[str]] = defaultdict(set)
    unidentified = []
    for row in taking_part:
        c = row.conversation
        identity = c.id if c.identity is None and c.id in identities else c.identity
        if identity is None:
            unidentified.append(row)
            continue
        by_identity[identity].append(row)
        for value in _contact_values(row):
            identities_with[value].add(identity)
    leads = []
    for group in _join_by_contact(unidentified):
        sharing = {
            identity
            for row in group
            for value in _contact_values(row)
            for identity in identities_with[value]
        }
        if len(sharing) == 1:
            by_identity[sharing.pop()].extend(group)
        else:
            leads.append(_lead(group, identity=None))
    return leads + [_lead(group, identity=identity) for identity, group in by_identity.items()]


def _contact_values(row: KeyedConversation) -> list[str]:
    # Prefixed, so that an email is never taken for a phone number.
    email, phone = row.keys.email, row.keys.phone
    return [f"@{email}"] * (email is not None) + [f"+{phone}"] * (phone is not None)


def _join_by_contact(rows: Sequence[KeyedConversation]) -> list[list[KeyedConversation]]:
    """Group rows that share an email or a phone number, directly or through each other."""
    parent = list(range(len(rows)))  # union-find

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    first_with: dict[str, int] = {}
    for i, row in enumerate(rows):
        for value in _contact_values(row):
            parent[root(i)] = root(first_with.setdefault(value, i))
    groups: dict[int, list[KeyedConversation]] = defaultdict(list)
    for i, row in enumerate(rows):
        groups[root(i)].append(row)
    return list(groups.values())


def newest_first(rows: Iterable[KeyedConversation]) -> list[KeyedConversation]:
    """By last activity, newest first; equal ones by id."""
    by_id = sorted(rows, key=lambda row: row.conversation.id)
    if len(by_id) == 1:  # as most leads are
        return by_id
    return sorted(by_id, key=lambda row: row.conversation.last_activity or _LONG_AGO, reverse=True)


def _lead(group: Iterable[KeyedConversation], *, identity: str | None) -> Lead:
    """The merge of one person's conversations: the newest that has a field wins, field by field."""
    rows = newest_first(group)
    conversations = [row.conversation for row in rows]
    known = _newest_known(conversations)
    valued = next((row for row in rows if row.conversation.value is not None), None)
    # The value of one row in the currency of another would be an amount that nobody wrote.
    with_currency = valued or next((row for row in rows if row.keys.currency is not None), None)
    waiting = [c for c in conversations if c.waiting]
    names = "\n".join(filter(None, (text for c in conversations for text in (c.name, c.company))))
    return Lead(
        agent_id=conversations[0].agent_id,
        lead_id=identity or min(conversations, key=_start).id,
        conversation_ids=tuple(c.id for c in conversations),
        last_activity=conversations[0].last_activity,
        name=known.name,
        email=known.email,
        phone=known.phone,
        company=known.company,
        channel=known.channel,
        state=known.state,
        stage=known.stage,
        label=known.label,
        score=known.score,
        amount=valued.keys.amount if valued else None,
        unparsed=valued.keys.unparsed if valued else False,
        value=valued.conversation.value if valued else None,
        currency=with_currency.keys.currency if with_currency else None,
        assignee=known.assignee,
        alerts=known.alerts or (),
        waiting=bool(waiting),
        waiting_since=min((c.waiting_since for c in waiting if c.waiting_since), default=None),
        expected_close=known.expected_close,
        hot_score=hot_score(known.stage, known.label, known.score),
        closed=is_closed(known.stage),
        text=blank_before_words(names),
        terms=index_terms(rows, known.name),
    )


class _Known(NamedTuple):
    """Fields whose value comes from the newest conversation that has one."""

    name: str | None
    email: str | None
    phone: str | None
    company: str | None
    channel: str | None
    state: str | None
    stage: str | None
    label: str | None
    score: float | None
    assignee: str | None
    alerts: tuple[str, ...] | None
    expected_close: str | None


_values_of = attrgetter(*_Known._fields)


def _newest_known(conversations: Sequence[Conversation]) -> _Known:
    """The first known value of each field; `conversations` come newest first."""
    if len(conversations) == 1:  # as most leads have
        return _Known._make(_values_of(conversations[0]))
    columns = zip(*map(_values_of, conversations), strict=True)
    return _Known._make(next(filter(_is_known, column), None) for column in columns)


def _is_known(value: object) -> bool:
    return value is not None


def _start(c: Conversation) -> tuple[datetime, str]:
    # The oldest conversation names the lead, so that its id stays when new conversations come.
    start = c.first_message or c.last_activity
    return (start or datetime.max.replace(tzinfo=UTC), c.id)
