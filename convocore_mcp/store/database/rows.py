"""Models to rows and back."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from operator import attrgetter
from typing import Any, TypeVar

from sqlalchemy import Column, RowMapping

from convocore_mcp.models import WAITING, Conversation, DerivedKeys, Lead, Value
from convocore_mcp.store.database.columns import storable
from convocore_mcp.store.database.record_details import details_of
from convocore_mcp.store.database.schema import LONGEST_KEY, UNKNOWN, conversations, leads
from convocore_mcp.store.database.search_tokens import tokens

T = TypeVar("T")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIMES = {"last_activity", "first_message", "waiting_since"}
_JSON = {"tags", "assignees", "alerts", "value", "conversation_ids", "links"}
_NEVER = 2**53
"""Later than any time: the waiting time of somebody of whom it is not known, negated."""

_Reads = Sequence[tuple[int, Callable[[Any], Any]]]
"""Which values of a row are stored as something else, by position, and how they are read."""
_CONVERSATION = tuple(f.name for f in fields(Conversation) if f.name not in {"record", "details"})
_LEAD = tuple(f.name for f in fields(Lead))
COLUMNS: tuple[Column[Any], ...] = tuple(conversations.c[name] for name in _CONVERSATION)
"""What a `Conversation` is made of, without the record."""
LEAD_COLUMNS: tuple[Column[Any], ...] = tuple(leads.c[name] for name in _LEAD)
"""What a `Lead` is made of."""


PARAMETERS = 400
"""Values in one `IN`: SQLite takes 999 parameters in its older builds."""


def parts(values: Sequence[T]) -> Iterable[Sequence[T]]:
    """`values`, as many at a time as one `IN` takes."""
    return (values[i : i + PARAMETERS] for i in range(0, len(values), PARAMETERS))


def milliseconds(moment: datetime | None) -> int | None:
    """A time as it is stored."""
    return None if moment is None else (moment - _EPOCH) // timedelta(milliseconds=1)


def moment(stored: int | None) -> datetime | None:
    """A stored time."""
    return None if stored is None else _EPOCH + timedelta(milliseconds=stored)


def digest(text: str) -> bytes:
    """Tells two records apart."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def conversation_row(c: Conversation, keys: DerivedKeys) -> dict[str, Any]:
    """A version's columns, without its place in the sequence, as they can be kept."""
    row = _stored(_CONVERSATION, c)
    active = row["last_activity"]
    waiting = row["waiting_since"]
    row |= {
        "digest": digest(c.record),
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
        "by_waiting": _waiting_place(waiting) if c.state == WAITING else UNKNOWN,
        "search": tokens(c, keys.text),
    }
    return {name: storable(value) if type(value) is str else value for name, value in row.items()}


def _waiting_place(since: int | None) -> int:
    return -(_NEVER - 1) if since is None else -since


def lead_row(lead: Lead) -> dict[str, Any]:
    """A lead's columns."""
    return _stored(_LEAD, lead) | {"overdue": lead.overdue}


def conversation(row: RowMapping) -> Conversation:
    """A `Conversation` from `COLUMNS`, with its record if that was selected too."""
    values = _loaded(row, _CONVERSATION, _CONVERSATION_READS)
    record = row["record"] if "record" in row else ""  # noqa: SIM401  `get` is slow there
    return Conversation(*values, record, details_of(record))  # type: ignore[call-arg]  # in order


def conversation_of(values: Sequence[Any]) -> Conversation:
    """A `Conversation` without its record, from a row that begins with `COLUMNS`."""
    return Conversation(*_read(list(values[: len(_CONVERSATION)]), _CONVERSATION_READS))


def lead(row: RowMapping) -> Lead:
    """A `Lead` from `LEAD_COLUMNS`."""
    return Lead(*_loaded(row, _LEAD, _LEAD_READS))


def _stored(names: tuple[str, ...], thing: Conversation | Lead) -> dict[str, Any]:
    row = dict(zip(names, attrgetter(*names)(thing), strict=True))
    for name in _TIMES & row.keys():
        row[name] = milliseconds(row[name])
    for name in _JSON & row.keys():
        row[name] = _json(row[name])
    return row


def _loaded(row: RowMapping, names: tuple[str, ...], reads: _Reads) -> list[Any]:
    # By position: this runs for every row of every answer.
    return _read([row[name] for name in names], reads)


def _read(values: list[Any], reads: _Reads) -> list[Any]:
    for i, read in reads:
        if values[i] is not None:
            values[i] = read(values[i])
    return values


def _json(value: Value | Iterable[str] | None) -> str | None:
    if value in ((), []):  # as most lists are
        return "[]"
    return None if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _thing(stored: str) -> Any:
    if stored == "[]":
        return ()
    value = json.loads(stored)
    return tuple(value) if isinstance(value, list) else value


def _reads(names: tuple[str, ...]) -> _Reads:
    times = [(i, moment) for i, name in enumerate(names) if name in _TIMES]
    return [*times, *((i, _thing) for i, name in enumerate(names) if name in _JSON)]


_CONVERSATION_READS, _LEAD_READS = _reads(_CONVERSATION), _reads(_LEAD)
