"""Models to database rows and back."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from operator import attrgetter
from typing import Any, TypeVar

from sqlalchemy import Column, RowMapping

from convocore_mcp.models import Conversation, DerivedKeys, Lead, Value
from convocore_mcp.store.database.columns import is_storable, storable
from convocore_mcp.store.database.parsed_records import record_parts_of, stored_value
from convocore_mcp.store.database.schema import (
    CURRENT,
    MAX_INDEX_KEY_LENGTH,
    UNKNOWN,
    conversations,
    leads,
)
from convocore_mcp.store.database.search_tokens import tokens

T = TypeVar("T")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIMES = {"last_activity", "first_message", "last_modified", "waiting_since"}
_JSON = {"tags", "assignees", "alerts", "value", "conversation_ids", "links"}
_FLAGS = {"is_test", "is_blocked"}
_AFTER_ALL_TIMES = 2**53
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
_MERGED = (
    "agent_id", "id", "last_activity", "first_message", "identity", "name", "email", "phone",
    "company", "channel", "state", "stage", "label", "score", "value", "assignee", "waiting_since",
    "alerts", "is_test", "is_blocked", "country", "expected_close", "links", "lead_id",
)  # fmt: skip
MERGED_COLUMNS: tuple[Column[Any], ...] = tuple(conversations.c[name] for name in _MERGED)
"""The columns that leads are merged from: without long texts, and fewer to read."""

_ONLY_DERIVED = ("amount", "currency_key", "lead_id")
"""Attributes of a conversation that the mirror fills in."""
_ROW = (*(name for name in _CONVERSATION if name not in _ONLY_DERIVED), *_ONLY_DERIVED)
_row_values = attrgetter(*_ROW)
_TIME_POSITIONS = tuple(position for position, name in enumerate(_ROW) if name in _TIMES)
_JSON_POSITIONS = tuple(position for position, name in enumerate(_ROW) if name in _JSON)
_ACTIVE, _WAITING_SINCE = _ROW.index("last_activity"), _ROW.index("waiting_since")
_DERIVED = slice(len(_ROW) - len(_ONLY_DERIVED), len(_ROW))

_lead_values = attrgetter(*_LEAD)
_LEAD_TIMES = tuple(position for position, name in enumerate(_LEAD) if name in _TIMES)
_LEAD_IDS, _LEAD_ALERTS, _LEAD_VALUE = map(_LEAD.index, ("conversation_ids", "alerts", "value"))

PARAMETERS = 400
"""Values in one `IN`: older builds of SQLite accept 999 parameters in a statement."""


def chunks(values: Sequence[T]) -> Iterable[Sequence[T]]:
    """`values` in pieces that fit into one `IN`."""
    return (values[i : i + PARAMETERS] for i in range(0, len(values), PARAMETERS))


def to_milliseconds(time: datetime | None) -> int | None:
    """A time as it is stored."""
    if time is None:
        return None
    since = time - _EPOCH  # dividing it would take three times as long
    return since.days * 86_400_000 + since.seconds * 1000 + since.microseconds // 1000


def from_milliseconds(stored: int | None) -> datetime | None:
    """A time from its stored form."""
    return None if stored is None else _EPOCH + timedelta(milliseconds=stored)


DIGEST_SIZE = 16


def digest(text: str) -> bytes:
    """A hash by which a changed record is recognized."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=DIGEST_SIZE).digest()


def digest_of(c: Conversation) -> bytes:
    """A hash by which a changed conversation is recognized, also where a field was dropped."""
    return digest(c.record if not c.dropped else "\0".join((c.record, *c.dropped)))


NEW_COLUMNS = (
    "valid_from", "valid_to", "read_at", "seen_at", "missed_syncs", *_ROW, "dropped_fields",
    "unread_fields", "email_key", "phone_key", "unparsed", "tag_keys", "by_newest", "by_oldest",
    "by_score", "by_value", "by_waiting", "search", "digest",
)  # fmt: skip
"""The columns of a version that begins, in the order of `new_version`."""


def new_version(
    c: Conversation, keys: DerivedKeys, lead_id: str | None, *, number: int, at: int, digest: bytes
) -> tuple[Any, ...]:
    """The storable row of a version that begins; `digest` is that of the list's row."""
    row = list(_row_values(c))
    for position in _TIME_POSITIONS:
        row[position] = to_milliseconds(row[position])
    for position in _JSON_POSITIONS:
        row[position] = _json(row[position])
    active = row[_ACTIVE]
    waiting = _waiting_sort_key(row[_WAITING_SINCE]) if c.waiting else UNKNOWN
    row[_DERIVED] = (keys.amount, keys.currency, lead_id)
    row += (
        len(c.dropped),
        ",".join(c.facts.unread_fields) or None,
        keys.email,
        keys.phone,
        keys.unparsed,
        _tag_keys(c.tags),
        UNKNOWN if active is None else active,
        UNKNOWN if active is None else -active,
        UNKNOWN if c.score is None else c.score,
        UNKNOWN if keys.amount is None else keys.amount,
        waiting,
        tokens(c, keys.text),
    )
    if not is_storable("".join([value for value in row if type(value) is str])):
        row = [storable(value) if type(value) is str else value for value in row]
    return (number, CURRENT, at, at, 0, *row, digest)


def _waiting_sort_key(since: int | None) -> int:
    return -(_AFTER_ALL_TIMES - 1) if since is None else -since


def lead_row(lead: Lead) -> tuple[Any, ...]:
    """The storable row of a lead, in the order of `LEAD_COLUMNS`."""
    row = list(_lead_values(lead))
    for position in _LEAD_TIMES:
        row[position] = to_milliseconds(row[position])
    row[_LEAD_IDS] = _encode(row[_LEAD_IDS])
    row[_LEAD_ALERTS], row[_LEAD_VALUE] = _json(row[_LEAD_ALERTS]), _json(row[_LEAD_VALUE])
    return tuple(row)


def to_conversation(row: RowMapping) -> Conversation:
    """A `Conversation` from `COLUMNS`, with its record if that was selected too."""
    values = _values(row, _CONVERSATION, _CONVERSATION_CONVERTERS)
    record = row["record"] if "record" in row else ""  # noqa: SIM401  `get` is slow there
    return Conversation(*values, record, record_parts_of(record))  # type: ignore[call-arg]  # in order


def to_merged_conversation(row: Sequence[Any]) -> Conversation:
    """A `Conversation` with what leads are merged from, from a row that begins with
    `MERGED_COLUMNS`."""
    values = _convert(list(row[: len(_MERGED)]), _MERGED_CONVERTERS)
    return Conversation(**dict(zip(_MERGED, values, strict=True)))


def to_lead(row: RowMapping) -> Lead:
    """A `Lead` from `LEAD_COLUMNS`."""
    return Lead(*_values(row, _LEAD, _LEAD_CONVERTERS))


def _values(row: RowMapping, names: tuple[str, ...], converters: _Converters) -> list[Any]:
    # By position, for speed: this runs for every row of every answer.
    return _convert([row[name] for name in names], converters)


def _convert(values: list[Any], converters: _Converters) -> list[Any]:
    for i, convert in converters:
        if values[i] is not None:
            values[i] = convert(values[i])
    return values


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _json(value: Value | tuple[str, ...] | None) -> str | None:
    if value == ():  # the usual case
        return "[]"
    if type(value) is tuple:
        return _json_list(value)
    return None if value is None else _encode(value)


@lru_cache(maxsize=1024)  # the same few tags and assignees come with every conversation
def _json_list(texts: tuple[str, ...]) -> str:
    return _encode(texts)


@lru_cache(maxsize=1024)
def _tag_keys(tags: tuple[str, ...]) -> str:
    return _encode(sorted({tag.casefold()[:MAX_INDEX_KEY_LENGTH] for tag in tags}))


def _parse_json(stored: str) -> Any:
    if stored == "[]":
        return ()
    value = stored_value(stored)
    return tuple(value) if isinstance(value, list) else value


def _converters(names: tuple[str, ...]) -> _Converters:
    times = [(i, from_milliseconds) for i, name in enumerate(names) if name in _TIMES]
    flags = [(i, bool) for i, name in enumerate(names) if name in _FLAGS]
    return [*times, *flags, *((i, _parse_json) for i, name in enumerate(names) if name in _JSON)]


_CONVERSATION_CONVERTERS, _LEAD_CONVERTERS = _converters(_CONVERSATION), _converters(_LEAD)
_MERGED_CONVERTERS = _converters(_MERGED)
