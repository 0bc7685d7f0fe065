"""The tables. Times are Unix milliseconds, UTC; JSON is compact text.

Table names begin with `convocore_`: a PostgreSQL database may hold another table `leads` already.
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
SCHEMA_VERSION = "55"
"""Goes up by one with every change of the tables or of their content; `meta` never changes."""
CURRENT = 2**62
"""The `valid_to` of a current version."""
UNKNOWN = -(2**53)
"""The sort key of a missing value: sorts last."""
MAX_INDEX_KEY_LENGTH = 240
"""Characters of a text in an index: a row of a PostgreSQL index has at most 2,700 bytes."""


def _index(name: str, *columns: Column[Any], where: ColumnElement[bool] | None = None) -> Index:
    """An index, of all rows or of those that fulfil `where`."""
    return Index(f"{PREFIX}{name}", *columns, sqlite_where=where, postgresql_where=where)


def _covering_index(name: str, *columns: Column[Any]) -> None:
    """A covering index, in SQLite only: PostgreSQL refuses long texts in an index."""
    _index(name, *columns).ddl_if(dialect="sqlite")


metadata = MetaData()
_SequenceNumber = BigInteger().with_variant(Integer, "sqlite")

meta = Table(
    f"{PREFIX}meta", metadata, Column("key", Text, primary_key=True), Column("value", Text)
)
"""By name: `schema` (version), `owner`, `generation`, leases, `kept_seconds`, `pseudonym_key`,
`words_erased`."""

counter = Table(
    f"{PREFIX}counter",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("sequence_number", BigInteger, nullable=False),
    Column("pruned_up_to", BigInteger, nullable=False, default=0),
    Column("pruned_before", BigInteger),
)
"""One row: the newest sequence number, and up to which number and time old versions were deleted.
Every writer locks this row first, so that sequence numbers are committed in order."""

agents = Table(
    f"{PREFIX}agents",
    metadata,
    Column("agent_id", Text, primary_key=True),
    Column("as_of", BigInteger),
    Column("full_sync_at", BigInteger),
    Column("watermark", BigInteger),
    Column("gap", Text),
    Column("doubt", Text),
    Column("lost_at", BigInteger),
    Column("short_syncs", Integer, nullable=False, default=0),
    *(Column(name, BigInteger) for name in ("baseline", "baseline_at", "settled")),
    Column("leads_changed", BigInteger),
    Column("full_sync_started_at", BigInteger),
    Column("full_sync_watermark", BigInteger),
    Column("resume_token", Text),
    Column("conversation_count", BigInteger, nullable=False, default=0),
    Column("data_version", BigInteger, nullable=False, default=0),
)
"""How far syncing has got (`models.Coverage`), one row an agent.

Versions up to `baseline`, which was reached at `baseline_at`, came with the first full sync, so
they are no changes. The leads of changes up to `settled` have been rebuilt; `leads_changed` is the
number of the newest change of a lead's values. `conversation_count` is the number of current
conversations. `data_version` goes up whenever answers may have changed.
"""

conversations = Table(
    f"{PREFIX}conversations",
    metadata,
    Column("valid_from", _SequenceNumber, primary_key=True, autoincrement=False),
    Column("valid_to", BigInteger, nullable=False),
    Column("read_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("missed_syncs", Integer, nullable=False, default=0),
    Column("outdated_at", BigInteger),
    Column("other_copies", LargeBinary),
    Column("dropped_fields", Integer, nullable=False),
    Column("unread_fields", Text),
    Column("digest", LargeBinary, nullable=False),
    Column("agent_id", Text, nullable=False),
    Column("id", Text, nullable=False),
    *(Column(name, Text) for name in ("lead_id", "first_lead_id")),
    Column("last_activity", BigInteger),
    *(Column(name, BigInteger) for name in ("first_message", "last_modified")),
    Column("identity", Text),
    *(Column(name, Text) for name in ("name", "email", "phone", "company", "title", "summary")),
    Column("last_message", Text),
    Column("notes", Text),
    Column("tags", Text),
    *(Column(name, Text) for name in ("channel", "state", "stage", "label")),
    Column("score", Float),
    *(Column(name, Text) for name in ("value", "currency", "assignee", "assignees")),
    Column("waiting_since", BigInteger),
    Column("alerts", Text),
    Column("messages", BigInteger),
    Column("is_test", Boolean, nullable=False),
    Column("is_blocked", Boolean, nullable=False),
    *(Column(name, Text) for name in ("country", "language", "source", "expected_close")),
    Column("rating", Float),
    Column("tokens", BigInteger),
    Column("usd", Float),
    Column("model", Text),
    Column("links", Text),
    # Derived: what rows are joined, searched and sorted by.
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
"""Versions of conversations.

A version is valid from change `valid_from` until change `valid_to` (`CURRENT`: it still is). It was
first read at `read_at`, last at `seen_at`, replaced or removed at `ended_at`; `missed_syncs` full
syncs in a row did not see it. `outdated_at` is when the list last showed an older copy of it,
unless it was seen since. `other_copies` are the digests of equally old copies that the list shows
beside it. `dropped_fields` is how many of its fields could not be read, `unread_fields` names the
date fields whose text is no date, with commas, and `data` where a captured value is too long to be
compared. `identity` is Convocore's idea of who this is, `lead_id` is ours. Where changes of other
conversations have moved the version to another lead, `first_lead_id` is the lead that it belonged
to at first. `amount` is the number in `value`, `unparsed` says that it has none. The columns
`by_...` are sort keys: orders are descending, the id breaks ties. `search` holds the tokens of
`search_tokens`.
"""

records = Table(
    f"{PREFIX}records",
    metadata,
    Column("valid_from", _SequenceNumber, primary_key=True, autoincrement=False),
    Column("record", Text, nullable=False),
)
"""The record of each version, apart from `conversations`, whose rows are often updated."""

_c = conversations.c
Index(f"{PREFIX}version", _c.agent_id, _c.id, _c.valid_to, unique=True)
for _name in ("lead_id", "first_lead_id", "identity"):
    # Most rows have no value here, and an index without those is cheaper to update.
    _index(_name, _c.agent_id, _c[_name], where=_c[_name].is_not(None))
for _name in ("email_key", "phone_key"):
    # With the identity: where hundreds share a value, the first and the last are found at once.
    _index(_name, _c.agent_id, _c[_name], _c.identity, where=_c[_name].is_not(None))
_index("ended", _c.valid_to, where=_c.ended_at.is_not(None))
_index("dropped", _c.agent_id, _c.valid_to, where=_c.dropped_fields > 0)
_index("unparsed", _c.agent_id, _c.unread_fields, where=_c.unread_fields.is_not(None))
_index("newest", _c.agent_id, _c.by_newest, _c.id, _c.valid_to)
_index("oldest", _c.agent_id, _c.by_oldest, _c.id, _c.valid_to)
for _order in ("score", "value", "waiting"):
    _index(_order, _c.agent_id, _c[f"by_{_order}"], _c.by_newest, _c.id, _c.valid_to)
_index(
    "excluded", _c.agent_id, _c.by_newest, _c.is_test, _c.is_blocked, _c.valid_to,
    where=or_(_c.is_test, _c.is_blocked),
)  # fmt: skip
Index(f"{PREFIX}tokens", _c.search, postgresql_using="gin").ddl_if(dialect="postgresql")
SEARCH = f"{PREFIX}search"
"""In SQLite, the full-text index of `conversations.search`; its `rowid` is `valid_from`."""
search_terms = Table(f"{PREFIX}search_terms", MetaData(), Column("term", Text, primary_key=True))
"""The tokens in the full-text index: in SQLite a view of it (`fts5vocab`), in PostgreSQL a list."""
search_index = Table(
    SEARCH, MetaData(), Column("rowid", _SequenceNumber, primary_key=True), Column("search", Tokens)
)
"""The full-text index of SQLite, for `bulk.insert_rows`."""
# New versions are added by `write.search_words`: a trigger would make FTS5 write its index to disk
# once a row, which takes six times as long. A version's tokens are never updated.
_OLD = "'delete', old.valid_from, old.search"
_DELETE = f"INSERT INTO {SEARCH}({SEARCH}, rowid, search) VALUES ({_OLD})"  # noqa: S608
_FTS = f"content='{conversations.name}', content_rowid='valid_from', tokenize='ascii'"
_ON = f"ON {conversations.name} BEGIN"
for _dialect, _text in (
    ("sqlite", f"VIRTUAL TABLE {SEARCH} USING fts5(search, {_FTS}, detail='none', columnsize=0)"),
    ("sqlite", f"VIRTUAL TABLE {search_terms.name} USING fts5vocab({SEARCH}, row)"),
    ("sqlite", f"TRIGGER {SEARCH}_deleted AFTER DELETE {_ON} {_DELETE}; END"),
    ("postgresql", f'TABLE {search_terms.name} (term TEXT COLLATE "C" PRIMARY KEY)'),
):
    _ddl = DDL(f"CREATE {_text}").execute_if(dialect=_dialect)  # type: ignore[no-untyped-call]
    event.listen(conversations, "after_create", _ddl)

leads = Table(
    f"{PREFIX}leads",
    metadata,
    Column("agent_id", Text, nullable=False),
    Column("lead_id", Text, nullable=False),
    Column("conversation_ids", Text, nullable=False),
    Column("last_activity", BigInteger),
    *(Column(name, Text) for name in ("name", "email", "phone", "company")),
    *(Column(name, Text) for name in ("channel", "state", "stage", "label")),
    Column("score", Float),
    Column("amount", Float),
    Column("unparsed", Boolean, nullable=False),
    Column("currency", Text),
    Column("value", Text),
    Column("assignee", Text),
    Column("alerts", Text),
    Column("waiting", Boolean, nullable=False),
    Column("waiting_since", BigInteger),
    Column("expected_close", Text),
    Column("closed", Boolean, nullable=False),
    Column("hot_score", Float),
    Column("overdue_at", BigInteger),
    Column("text", Text, nullable=False),
    Column("terms", Text, nullable=False),
    PrimaryKeyConstraint("agent_id", "lead_id"),
)
"""The current leads, merged from the current versions of conversations.

`hot_score` and `closed` are decided in Python (`leads.hotness`) and only compared here. From
`overdue_at` on, an activity or the expected close of some conversation is overdue. `text` has the
folded words of names and companies, `terms` the index terms, each after a line feed.
"""

_l = leads.c
_index("activity", _l.agent_id, _l.last_activity, _l.closed)
_HOT = (
    "hot_score", "last_activity", "score", "stage", "channel", "waiting", "assignee", "currency",
    "amount", "unparsed", "closed", "lead_id", "overdue_at",
)  # fmt: skip
_covering_index("hot", _l.agent_id, *(_l[name] for name in _HOT))
_index("hot_score", _l.agent_id, _l.hot_score).ddl_if(dialect="postgresql")

lead_terms = Table(
    f"{PREFIX}lead_terms",
    metadata,
    Column("agent_id", Text, nullable=False),
    Column("term", Text, nullable=False),
    Column("lead_id", Text, nullable=False),
    PrimaryKeyConstraint("agent_id", "term", "lead_id"),
    sqlite_with_rowid=False,
)
"""The index that leads are found by (`leads.index_terms`)."""

word_trigrams = Table(
    f"{PREFIX}word_trigrams",
    metadata,
    Column("agent_id", Text, nullable=False),
    Column("trigram", Text, nullable=False),
    Column("word", Text, nullable=False),
    PrimaryKeyConstraint("agent_id", "trigram", "word"),
    sqlite_with_rowid=False,
)
"""The trigrams of the words among `lead_terms`; an empty trigram marks a known word."""

dirty_conversations = Table(
    f"{PREFIX}dirty_conversations",
    metadata,
    Column("agent_id", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("lead_id", Text, nullable=False),
    PrimaryKeyConstraint("agent_id", "id", "lead_id"),
)
"""Conversations whose leads must be rebuilt, each with the lead it was in (or empty)."""

quarantine = Table(
    f"{PREFIX}quarantine",
    metadata,
    Column("agent_id", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    *(Column(name, Text, nullable=False) for name in ("raw", "reason")),
    Column("seen_at", BigInteger, nullable=False),
    Column("last_activity", BigInteger),
    PrimaryKeyConstraint("agent_id", "digest"),
)
"""Quarantined rows as Convocore sent them, without secrets and cut, each with the reason."""
