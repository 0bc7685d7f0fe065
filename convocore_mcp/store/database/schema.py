"""The tables. Times are Unix milliseconds, UTC; JSON is compact text.

Names begin with `convocore_`: a PostgreSQL database may hold somebody's own `leads` already.
"""

from typing import Any

from sqlalchemy import (
    DDL,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    event,
    or_,
)

from convocore_mcp.store.database.columns import Text, Tokens

PREFIX = "convocore_"
SCHEMA_VERSION = "7"
"""Counts up with every change of a table but `meta`, which says it and so never changes."""
CURRENT = 2**62
"""The `valid_to` of a version that still holds."""
UNKNOWN = -(2**53)
"""The sort key of what has no value: behind everything else."""

LONGEST_KEY = 240
"""Characters of a text that is looked up: an index of PostgreSQL takes 2,700 bytes in all."""


def _index(name: str, *columns: Column[Any], where: ColumnElement[bool] | None = None) -> Index:
    """An index, if need be of some rows only."""
    return Index(f"{PREFIX}{name}", *columns, sqlite_where=where, postgresql_where=where)


def _copy(name: str, *columns: Column[Any]) -> None:
    """An index that answers by itself, in SQLite: PostgreSQL refuses long texts in one."""
    _index(name, *columns).ddl_if(dialect="sqlite")


metadata = MetaData()
_Seq = BigInteger().with_variant(Integer, "sqlite")

meta = Table(
    f"{PREFIX}meta", metadata, Column("key", Text, primary_key=True), Column("value", Text)
)
"""`schema`, `owner` (the credential's fingerprint), `epoch` (which filling of the mirror it is)."""

counter = Table(
    f"{PREFIX}counter",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("sequence_number", BigInteger, nullable=False),
    Column("horizon", BigInteger, nullable=False, default=0),
)
"""One row: the newest number, and the number up to which old versions have been dropped.

Whoever writes takes its lock first, so that sequence numbers commit in order.
"""

agents = Table(
    f"{PREFIX}agents",
    metadata,
    Column("agent_id", Text, primary_key=True),
    Column("as_of", BigInteger),
    Column("full_sync_at", BigInteger),
    Column("watermark", BigInteger),
    Column("gap", Text),
    Column("baseline", BigInteger),
    Column("full_sync_started_at", BigInteger),
    Column("full_sync_watermark", BigInteger),
    Column("resume_token", Text),
    Column("held", BigInteger, nullable=False, default=0),
    Column("state", BigInteger, nullable=False, default=0),
)
"""How far reading has got (`models.Coverage`); changes up to `baseline` are no news to anybody.

`held` is how many conversations there are now. `state` is another number whenever anything that
questions are answered from has changed.
"""

conversations = Table(
    f"{PREFIX}conversations",
    metadata,
    Column("valid_from", _Seq, primary_key=True, autoincrement=False),
    Column("valid_to", BigInteger, nullable=False),
    Column("read_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("missed", Integer, nullable=False, default=0),
    Column("digest", LargeBinary, nullable=False),
    Column("agent_id", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("lead_id", Text),
    Column("last_activity", BigInteger),
    Column("first_message", BigInteger),
    Column("identity", Text),
    Column("name", Text),
    Column("email", Text),
    Column("phone", Text),
    Column("company", Text),
    Column("title", Text),
    Column("summary", Text),
    Column("last_message", Text),
    Column("notes", Text),
    Column("tags", Text),
    Column("channel", Text),
    Column("state", Text),
    Column("stage", Text),
    Column("label", Text),
    Column("score", Float),
    Column("value", Text),
    Column("currency", Text),
    Column("assignee", Text),
    Column("assignees", Text),
    Column("waiting_since", BigInteger),
    Column("alerts", Text),
    Column("messages", BigInteger),
    Column("is_test", Boolean, nullable=False),
    Column("is_blocked", Boolean, nullable=False),
    Column("country", Text),
    Column("language", Text),
    Column("source", Text),
    Column("expected_close", Text),
    Column("rating", Float),
    Column("tokens", BigInteger),
    Column("usd", Float),
    Column("model", Text),
    Column("links", Text),
    # Derived: what a row is joined, found and sorted by.
    Column("email_key", Text),
    Column("phone_key", Text),
    Column("amount", Float),
    Column("unparsed", Boolean, nullable=False),
    Column("currency_key", Text),
    Column("tag_keys", Text, nullable=False),
    Column("by_newest", BigInteger, nullable=False),
    Column("by_oldest", BigInteger, nullable=False),
    Column("by_score", Float, nullable=False),
    Column("by_value", Float, nullable=False),
    Column("by_waiting", BigInteger, nullable=False),
    Column("search", Tokens, nullable=False),
)
"""Versions of conversations, first read at `read_at` and last at `seen_at`.

All orders are descending, the id breaks ties.
"""

records = Table(
    f"{PREFIX}records",
    metadata,
    Column("valid_from", _Seq, primary_key=True, autoincrement=False),
    Column("record", Text, nullable=False),
)
"""The whole record of each version. Apart, as a row is written anew whenever it is seen again."""

_c = conversations.c
Index(f"{PREFIX}version", _c.agent_id, _c.id, _c.valid_to, unique=True)
for _name in ("lead_id", "identity"):
    # Most rows have none, and an index without them is cheaper to keep.
    _index(_name, _c.agent_id, _c[_name], where=_c[_name].is_not(None))
for _name in ("email_key", "phone_key"):
    # With the identity, so that of hundreds who share one the first and the last are at hand.
    _index(_name, _c.agent_id, _c[_name], _c.identity, where=_c[_name].is_not(None))
_index("ended", _c.valid_to, where=_c.ended_at.is_not(None))
_index("newest", _c.agent_id, _c.by_newest, _c.id, _c.valid_to)
_index("oldest", _c.agent_id, _c.by_oldest, _c.id, _c.valid_to)
for _order in ("score", "value", "waiting"):
    _index(_order, _c.agent_id, _c[f"by_{_order}"], _c.by_newest, _c.id, _c.valid_to)
_index(
    "left_out", _c.agent_id, _c.by_newest, _c.is_test, _c.is_blocked, _c.valid_to,
    where=or_(_c.is_test, _c.is_blocked),
)  # fmt: skip
_COUNTED = (
    "by_newest", "lead_id", "state", "stage", "label", "channel", "country", "language", "assignee",
    "source", "model", "last_activity", "messages", "tokens", "usd", "rating", "tag_keys",
)  # fmt: skip
_copy("counted", _c.agent_id, *(_c[name] for name in _COUNTED), _c.valid_to)
Index(f"{PREFIX}found_by", _c.search, postgresql_using="gin").ddl_if(dialect="postgresql")
SEARCH = f"{PREFIX}search"
"""In SQLite, the full-text index of `search`: it finds the `valid_from` of versions."""
# Triggers, so that whatever writes or drops a version keeps it; what one is found by never changes.
_FULL_TEXT = (
    f"CREATE VIRTUAL TABLE {SEARCH} USING fts5(search, content='{conversations.name}', "
    "content_rowid='valid_from', tokenize='ascii', detail='none', columnsize=0)"
)
_BEGUN = f"INSERT INTO {SEARCH}(rowid, search) VALUES (new.valid_from, new.search)"  # noqa: S608  ours
_GONE = (
    f"INSERT INTO {SEARCH}({SEARCH}, rowid, search) "  # noqa: S608
    "VALUES ('delete', old.valid_from, old.search)"
)
for _text in (
    _FULL_TEXT,
    f"CREATE TRIGGER {SEARCH}_begun AFTER INSERT ON {conversations.name} BEGIN {_BEGUN}; END",
    f"CREATE TRIGGER {SEARCH}_gone AFTER DELETE ON {conversations.name} BEGIN {_GONE}; END",
):
    event.listen(conversations, "after_create", DDL(_text).execute_if(dialect="sqlite"))  # type: ignore[no-untyped-call]

leads = Table(
    f"{PREFIX}leads",
    metadata,
    Column("agent_id", Text, nullable=False),
    Column("lead_id", Text, nullable=False),
    Column("conversation_ids", Text, nullable=False),
    Column("last_activity", BigInteger),
    Column("name", Text),
    Column("email", Text),
    Column("phone", Text),
    Column("company", Text),
    Column("channel", Text),
    Column("state", Text),
    Column("stage", Text),
    Column("label", Text),
    Column("score", Float),
    Column("amount", Float),
    Column("unparsed", Boolean, nullable=False),
    Column("currency", Text),
    Column("value", Text),
    Column("assignee", Text),
    Column("alerts", Text),
    Column("waiting_since", BigInteger),
    Column("expected_close", Text),
    Column("overdue", Boolean, nullable=False),
    Column("hot_score", Float),
    Column("text", Text, nullable=False),
    Column("terms", Text, nullable=False),
    PrimaryKeyConstraint("agent_id", "lead_id"),
)
"""The current leads: the merge of the current versions of conversations."""

_l = leads.c
_index("activity", _l.agent_id, _l.last_activity, _l.stage)
_HOT = (
    "hot_score", "last_activity", "score", "stage", "channel", "state", "assignee", "currency",
    "amount", "unparsed", "overdue", "lead_id",
)  # fmt: skip
_copy("hot", _l.agent_id, *(_l[name] for name in _HOT))
_index("hot_score", _l.agent_id, _l.hot_score).ddl_if(dialect="postgresql")
# What leads add up to. By the lead first: SQLite would rather read whole leads by their key.
_copy("worth", _l.lead_id, _l.agent_id, _l.currency, _l.hot_score, _l.unparsed, _l.amount)

terms = Table(
    f"{PREFIX}terms",
    metadata,
    Column("agent_id", Text, nullable=False),
    Column("term", Text, nullable=False),
    Column("lead_id", Text, nullable=False),
    PrimaryKeyConstraint("agent_id", "term", "lead_id"),
    sqlite_with_rowid=False,
)
"""What leads are found by."""

grams = Table(
    f"{PREFIX}grams",
    metadata,
    Column("agent_id", Text, nullable=False),
    Column("gram", Text, nullable=False),
    Column("word", Text, nullable=False),
    PrimaryKeyConstraint("agent_id", "gram", "word"),
    sqlite_with_rowid=False,
)
"""The trigrams of the words among the terms."""

dirty = Table(
    f"{PREFIX}unsettled",
    metadata,
    Column("agent_id", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("lead_id", Text, nullable=False),
    PrimaryKeyConstraint("agent_id", "id", "lead_id"),
)
"""Conversations that changed since the leads were made, with the lead each was in (or empty)."""

quarantine = Table(
    f"{PREFIX}quarantine",
    metadata,
    Column("agent_id", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("raw", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("agent_id", "digest"),
)
"""Rows that don't fit the model, as they came."""
