"""The tables of details (`store.database.schema` holds all others)."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    literal_column,
)

from convocore_mcp.store.database.columns import Text
from convocore_mcp.store.database.schema import PREFIX, metadata

__all__ = [
    "REFUSED",
    "added_fields",
    "details",
    "details_trials",
    "enriched_versions",
    "metadata",
    "sparse_rows",
    "transcripts",
]

sparse_rows = Table(
    f"{PREFIX}sparse_rows",
    metadata,
    Column("agent_id", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("last_activity", BigInteger, nullable=False),
    Column("score", Float, nullable=False),
    Column("listed", Text),
    Column("again", Boolean, nullable=False),
    Column("bare", Boolean, nullable=False),
    PrimaryKeyConstraint("agent_id", "id"),
    sqlite_with_rowid=False,
)
"""Current conversations whose list row is sparse, or may be, and whose details are to be read.

`last_activity` (milliseconds) and `score` say which is read first. `listed` is the record as the
list shows it, where the mirror's record also has details. `again`:
read after all others. Either this version has its details, which were read so long ago that
somebody may have edited the conversation since; or it has none yet, and is asked for only in a
trial (`trial_rows`). `bare`: the list row says next to nothing of the conversation.
"""
Index(
    f"{PREFIX}sparse_bare", sparse_rows.c.agent_id,
    # As SQLAlchemy writes a flag in a query: SQLite uses the index for this very condition alone.
    sqlite_where=sparse_rows.c.bare == literal_column("1"), postgresql_where=sparse_rows.c.bare,
)  # fmt: skip
for _order in ("last_activity", "score"):
    _columns = (sparse_rows.c.agent_id, sparse_rows.c.again, sparse_rows.c[_order])
    Index(f"{PREFIX}sparse_{_order}", *_columns)

details = Table(
    f"{PREFIX}details",
    metadata,
    Column("agent_id", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("record", Text),
    Column("listed", Text),
    Column("read_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("agent_id", "id"),
    sqlite_with_rowid=False,
)
"""The newest answer about each single conversation: `models.DetailsOutcome`, and the record.

`listed` is the record as the list shows it, with which a later answer is merged.
"""
REFUSED = details.c.outcome != literal_column("'read'")
"""Answers without a conversation. A literal, because an index of some rows ignores parameters."""
Index(f"{PREFIX}details_read", details.c.agent_id, details.c.read_at)
Index(
    f"{PREFIX}details_refused", details.c.agent_id, sqlite_where=REFUSED, postgresql_where=REFUSED
)

details_trials = Table(
    f"{PREFIX}details_trials",
    metadata,
    Column("agent_id", Text, primary_key=True),
    Column("full_sync_at", BigInteger, nullable=False),
    Column("result", Text, nullable=False),
)
"""Whether single conversations add anything to the list of an agent: `models.TrialResult`."""

added_fields = Table(
    f"{PREFIX}added_fields",
    metadata,
    Column("agent_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    PrimaryKeyConstraint("agent_id", "name"),
)
"""Fields of a record that single conversations of an agent have added to rows without them.

A row of the list that lacks one of them is sparse, too.
"""

transcripts = Table(
    f"{PREFIX}transcripts",
    metadata,
    Column("agent_id", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("turns", Text, nullable=False),
    Column("total", Integer, nullable=False),
    Column("messages", Integer, nullable=False),
    Column("left_out", Integer, nullable=False),
    Column("read_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("agent_id", "id"),
)
"""Transcripts that somebody asked for. `digest` is that of the list row that it was read for."""
Index(f"{PREFIX}transcripts_read", transcripts.c.read_at)

enriched_versions = Table(
    f"{PREFIX}enriched_versions",
    metadata,
    Column(
        "valid_from", BigInteger().with_variant(Integer, "sqlite"), primary_key=True,
        autoincrement=False,
    ),
    Column("agent_id", Text, nullable=False),
)  # fmt: skip
"""Versions that began because details were read: they are no change of Convocore's."""
