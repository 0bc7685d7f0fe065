"""Models to database rows and back."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from operator import attrgetter
from typing import Any, TypeVar

from sqlalchemy import Column, RowMapping

from convocore_mcp.models import Conversation, DerivedKeys, Lead, Value
from convocore_mcp.store.database.columns import storable
from convocore_mcp.store.database.parsed_records import record_parts_of
from convocore_mcp.store.database.schema import LONGEST_KEY, UNKNOWN, conversations, leads
from convocore_mcp.store.database.search_tokens import tokens

T = TypeVar("T")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIMES = {"last_activity", "first_message", "last_modified", "waiting_since"}
_JSON = {"tags", "assignees", "alerts", "value", "conversation_ids", "links"}
_LATEST = 2**53
"""Later than any time in milliseconds; sorts unknown waiting times last."""

_Converters = Sequence[tuple[int, Callable[[Any], Any]]]
"""The positions of values that are stored in another form, each with the function to read it."""
_UNSTORED = {"record", "record_parts", "facts", "dropped"}
_CONVERSATION = tuple(f.name for f in fields(Conversation) if f.name not in _UNSTORED)
_LEAD = tuple(f.name for f in fields(Lead))
COLUMNS: tuple[Column[Any], ...] = tuple(conversations.c[name] for name in _CONVERSATION)
"""The columns of a `Conversation`, without the record."""
LEAD_COLUMNS: tuple[Column[Any], ...] = tuple(leads.c[name] for name in _LEAD)
"""The columns of a `Lead`."""


PARAMETERS = 400
"""Values in one `IN`: older builds of SQLite accept 999 parameters in a statement."""


def chunks(values: Sequence[T]) -> Iterable[Sequence[T]]:
    """`values` in pieces that fit into one `IN`."""
    return (values[i : i + PARAMETERS] for i in range(0, len(values), PARAMETERS))


def to_milliseconds(time: datetime | None) -> int | None:
    """A time as it is stored."""
    return None if time is None else (time - _EPOCH) // timedelta(milliseconds=1)


def from_milliseconds(stored: int | None) -> datetime | None:
    """A time from its stored form."""
    return None if stored is None else _EPOCH + timedelta(milliseconds=stored)


def digest(text: str) -> bytes:
    """A hash by which a changed record is recognized."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def digest_of(c: Conversation) -> bytes:
    """A hash by which a changed conversation is recognized, also where a field was dropped."""
    return digest(c.record if not c.dropped else "\0".join((c.record, *c.dropped)))


def conversation_row(c: Conversation, keys: DerivedKeys) -> dict[str, Any]:
    """The storable columns of a version, without those that say when it is valid."""
    row = _stored(_CONVERSATION, c)
    active = row["last_activity"]
    waiting = row["waiting_since"]
    row |= {
        "digest": digest_of(c),
        "dropped_fields": len(c.dropped),
        "email_key": keys.email,
        "phone_key": keys.phone,
        "amount": keys.amount,
        "unparsed": keys.unparsed,
        "currency_key": keys.currency,
        "tag_keys": _json(sorted({tag.casefold()[:LONGEST_KEY] for tag in c.tags})),
        "by_newest": UNKNOWN if active is None else active,
        "by_oldest": UNKNOWN if active is None else -active,
        "by_score": UNKNOWN if c.score is None else c.score,
        "by_value": UNKNOWN if keys.amount is None else keys.amount,
        "by_waiting": _waiting_sort_key(waiting) if c.waiting else UNKNOWN,
        "search": tokens(c, keys.text),
    }
    return {name: storable(value) if type(value) is str else value for name, value in row.items()}


def _waiting_sort_key(since: int | None) -> int:
    return -(_LATEST - 1) if since is None else -since


def lead_row(lead: Lead) -> dict[str, Any]:
    """The columns of a lead."""
    return _stored(_LEAD, lead)


def to_conversation(row: RowMapping) -> Conversation:
    """A `Conversation` from `COLUMNS`, with its record if that was selected too."""
    values = _values(row, _CONVERSATION, _CONVERSATION_CONVERTERS)
    record = row["record"] if "record" in row else ""  # noqa: SIM401  `get` is slow there
    return Conversation(*values, record, record_parts_of(record))  # type: ignore[call-arg]  # in order


def to_conversation_without_record(row: Sequence[Any]) -> Conversation:
    """A `Conversation` without its record, from a row that begins with `COLUMNS`."""
    return Conversation(*_convert(list(row[: len(_CONVERSATION)]), _CONVERSATION_CONVERTERS))


def to_lead(row: RowMapping) -> Lead:
    """A `Lead` from `LEAD_COLUMNS`."""
    return Lead(*_values(row, _LEAD, _LEAD_CONVERTERS))


def _stored(names: tuple[str, ...], model: Conversation | Lead) -> dict[str, Any]:
    row = dict(zip(names, attrgetter(*names)(model), strict=True))
    for name in _TIMES & row.keys():
        row[name] = to_milliseconds(row[name])
    for name in _JSON & row.keys():
        row[name] = _json(row[name])
    return row


def _values(row: RowMapping, names: tuple[str, ...], converters: _Converters) -> list[Any]:
    # By position, for speed: this runs for every row of every answer.
    return _convert([row[name] for name in names], converters)


def _convert(values: list[Any], converters: _Converters) -> list[Any]:
    for i, convert in converters:
        if values[i] is not None:
            values[i] = convert(values[i])
    return values


def _json(value: Value | Iterable[str] | None) -> str | None:
    if value in ((), []):  # the usual case
        return "[]"
    return None if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _parse_json(stored: str) -> Any:
    if stored == "[]":
        return ()
    value = json.loads(stored)
    return tuple(value) if isinstance(value, list) else value


def _converters(names: tuple[str, ...]) -> _Converters:
    times = [(i, from_milliseconds) for i, name in enumerate(names) if name in _TIMES]
    return [*times, *((i, _parse_json) for i, name in enumerate(names) if name in _JSON)]


_CONVERSATION_CONVERTERS, _LEAD_CONVERTERS = _converters(_CONVERSATION), _converters(_LEAD)
