"""Finds what became overdue without an edit: a stored moment of a current version has passed.

A version counts if the moment came after it was read and before another one replaced it.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, literal, or_, select, tuple_, union_all

from convocore_mcp.models import BEFORE_ALL, FeedPosition, MomentKey, MomentWindow
from convocore_mcp.store.changes.version_values import OVERDUE
from convocore_mcp.store.database.columns import Text
from convocore_mcp.store.database.schema import conversations
from convocore_mcp.store.fields.field_tables import conversation_fields

_c, _f = conversations.c, conversation_fields.c


def overdue_moments(
    connection: Connection,
    agent_ids: Sequence[str],
    position: FeedPosition,
    window: MomentWindow,
    *,
    limit: int,
) -> list[tuple[MomentKey, int]]:
    """The first `limit` moments of the window in order, each with the number of its version."""
    selects = []
    for name, column in OVERDUE.items():
        moment = _f[column]
        selects.append(
            select(
                moment.label("moment"),
                _c.agent_id.label("agent_id"),
                _c.id.label("id"),
                literal(name, Text).label("field"),
                _c.valid_from.label("version"),
            )
            .join(conversations, _c.valid_from == _f.valid_from)
            .where(
                moment <= window.up_to,
                _f.valid_from <= window.newest_version,
                or_(moment > position.moment, _f.valid_from > position.newest_version),
                _c.agent_id.in_(agent_ids),
                _c.read_at < moment,
                or_(_c.ended_at.is_(None), _c.ended_at >= moment),
            )
        )
    found = union_all(*selects).subquery()
    key = tuple_(found.c.moment, found.c.agent_id, found.c.id, found.c.field)
    query = select(found).order_by(found.c.moment, found.c.agent_id, found.c.id, found.c.field)
    if window.after != BEFORE_ALL:
        query = query.where(key > tuple_(*map(literal, window.after)))
    return [
        ((row.moment, row.agent_id, row.id, row.field), row.version)
        for row in connection.execute(query.limit(limit))
    ]
