"""How far another process has read, at a glance: for who looks again and again (see `turn`)."""

from datetime import datetime

from sqlalchemy import func, select

from convocore_mcp.store.engine import Database
from convocore_mcp.store.rows import moment
from convocore_mcp.store.schema import agents, conversations

LOOKED_AT = 20
"""The newest versions that tell how far back a reading has got: about a page of them."""


def last_read(database: Database, agent_id: str, kind: str) -> datetime | None:
    """When the last reading of that kind was made; it moves when another is."""
    column = agents.c.walked_at if kind == "walk" else agents.c.as_of
    with database.reading() as connection:
        return moment(connection.scalar(select(column).where(agents.c.agent_id == agent_id)))


def reached(database: Database, agent_id: str) -> datetime | None:
    """All that is newer is here, as a first reading goes from the front to the end.

    The newest of the last rows, not the oldest: one of them may stand out of order.
    """
    c = conversations.c
    last = (
        select(c.last_activity)
        .where(c.agent_id == agent_id)
        .order_by(c.seq.desc())
        .limit(LOOKED_AT)
        .subquery()
    )
    with database.reading() as connection:
        return moment(connection.scalar(select(func.max(last.c.last_activity))))
