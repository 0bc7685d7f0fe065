"""Models to rows and back."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any

from sqlalchemy import Column, RowMapping

from convocore_mcp.models import WAITING, Conversation, Keys, Lead, Value
from convocore_mcp.store.schema import UNKNOWN, conversations, leads

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIMES = {"last_activity", "first_message", "waiting_since"}
_JSON = {"tags", "assignees", "alerts", "value", "conversation_ids"}
_NEVER = 2**53
"""Later than any time: the waiting time of somebody of whom it is not known, negated."""

COLUMNS: tuple[Column[Any], ...] = tuple(
    conversations.c[f.name] for f in fields(Conversation) if f.name not in {"record"}
)
"""What a `Conversation` is made of, without the record."""
_CONVERSATION_FIELDS = frozenset(f.name for f in fields(Conversation))
_LEAD_FIELDS = frozenset(f.name for f in fields(Lead))
LEAD_COLUMNS: tuple[Column[Any], ...] = tuple(leads.c[f.name] for f in fields(Lead))


def milliseconds(moment: datetime | None) -> int | None:
    """A time as it is stored."""
    return None if moment is None else (moment - _EPOCH) // timedelta(milliseconds=1)


def moment(stored: int | None) -> datetime | None:
    """A stored time."""
    return None if stored is None else _EPOCH + timedelta(milliseconds=stored)


def digest(text: str) -> bytes:
    """Tells two records apart."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def conversation_row(c: Conversation, keys: Keys) -> dict[str, Any]:
    """A version's columns, without its place in the sequence."""
    row = _stored(c)
    active = row["last_activity"]
    waiting = row["waiting_since"]
    return row | {
        "digest": digest(c.record),
        "email_key": keys.email,
        "phone_key": keys.phone,
        "amount": keys.amount,
        "unparsed": keys.unparsed,
        "currency_key": keys.currency,
        "label_key": None if c.label is None else c.label.casefold(),
        "unassigned": not c.assignees,
        "overdue": c.overdue,
        "stale": c.stale,
        "by_newest": UNKNOWN if active is None else active,
        "by_oldest": UNKNOWN if active is None else -active,
        "by_score": UNKNOWN if c.score is None else c.score,
        "by_value": UNKNOWN if keys.amount is None else keys.amount,
        "by_waiting": UNKNOWN if c.state != WAITING else -(waiting or _NEVER - 1),
        "words": keys.text,
    }


def facet_rows(c: Conversation, seq: int) -> list[dict[str, Any]]:
    """The values that are compared without regard to case."""
    values = {("tag", tag) for tag in c.tags} | {("assignee", who) for who in c.assignees}
    if c.channel is not None:
        values.add(("channel", c.channel))
    folded = {(kind, value.casefold()) for kind, value in values}
    return [
        {"seq": seq, "agent_id": c.agent_id, "kind": kind, "value": value}
        for kind, value in sorted(folded)
    ]


def lead_row(lead: Lead) -> dict[str, Any]:
    """A lead's columns."""
    return _stored(lead) | {"overdue": lead.overdue}


def conversation(row: RowMapping) -> Conversation:
    """A `Conversation` from `COLUMNS`, with its record if that was selected too."""
    return Conversation(**_loaded(row, _CONVERSATION_FIELDS))


def lead(row: RowMapping) -> Lead:
    """A `Lead` from `LEAD_COLUMNS`."""
    return Lead(**_loaded(row, _LEAD_FIELDS))


def _stored(thing: Conversation | Lead) -> dict[str, Any]:
    row = {f.name: getattr(thing, f.name) for f in fields(thing)}
    for name in _TIMES & row.keys():
        row[name] = milliseconds(row[name])
    for name in _JSON & row.keys():
        row[name] = _json(row[name])
    return row


def _loaded(row: Mapping[Any, Any], names: frozenset[str]) -> dict[str, Any]:
    values = {name: row[name] for name in names if name in row}
    for name in _TIMES & values.keys():
        values[name] = moment(values[name])
    for name in _JSON & values.keys():
        values[name] = _thing(values[name])
    return values


def _json(value: Value | Iterable[str] | None) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _thing(stored: str | None) -> Any:
    value = None if stored is None else json.loads(stored)
    return tuple(value) if isinstance(value, list) else value
