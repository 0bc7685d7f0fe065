"""The narrow tables that questions about fields scan; one row a version.

Their columns follow from the table of fields, so its names stand in no list here.
"""

from sqlalchemy import BigInteger, Column, Float, Index, Integer, Table

from convocore_mcp.fields.table import Rows
from convocore_mcp.store.database.columns import Text
from convocore_mcp.store.database.schema import PREFIX
from convocore_mcp.store.details.tables import metadata
from convocore_mcp.store.fields.field_columns import field_columns, fields_of, is_long

_Number = BigInteger().with_variant(Integer, "sqlite")
LONG_TEXTS = tuple(field for field in fields_of(Rows.CONVERSATIONS) if is_long(field))

conversation_fields = Table(
    f"{PREFIX}conversation_fields",
    metadata,
    Column("valid_from", _Number, primary_key=True, autoincrement=False),
    Column("valid_to", BigInteger, nullable=False),
    Column("activity_overdue_at", BigInteger),
    Column("close_overdue_at", BigInteger),
    Column("first_due_at", BigInteger),
    *field_columns(Rows.CONVERSATIONS),
    Column("due_times", Text),
    Column("data", Text),
    Column("shares", Text),
)
"""The values of the fields of each version of a conversation (`schema.conversations`).

`due_times` lists the open activities with a date, as pairs of when each is due and from when on it
is overdue; `first_due_at` is the earliest. An alert of the CRM without a date is overdue since 0.
`data` maps folded names to key, number and text. `shares` lists what each AI model had, where more
than the model of the last turn had a part.
"""

conversation_texts = Table(
    f"{PREFIX}conversation_texts",
    metadata,
    Column("valid_from", _Number, primary_key=True, autoincrement=False),
    *(Column(field.name, Text) for field in LONG_TEXTS),
)
"""The keys of the long texts of each version."""

lead_fields = Table(
    f"{PREFIX}lead_fields",
    metadata,
    Column("number", _Number, primary_key=True, autoincrement=True),
    Column("valid_from", BigInteger, nullable=False),
    Column("valid_to", BigInteger, nullable=False),
    Column("activity_overdue_at", BigInteger),
    Column("close_overdue_at", BigInteger),
    Column("first_due_at", BigInteger),
    Column("hot_score", Float),
    *field_columns(Rows.LEADS),
    Column("due_times", Text),
    Column("data", Text),
)
"""Versions of leads: the merged values of their conversations. A lead has a new version only where
a value differs. `..._from` is the version of the conversation that has the long text."""

Index(
    f"{PREFIX}lead_version",
    lead_fields.c.agent_id,
    lead_fields.c.lead_id,
    lead_fields.c.valid_to,
)
ALL_TABLES = metadata
"""Every table of the mirror: these, those of `store.details.tables`, and those of `schema`."""
