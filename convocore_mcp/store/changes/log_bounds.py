"""Which part of the log of changes can be read now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from convocore_mcp.store.database.schema import agents, counter, dirty_conversations


@dataclass(frozen=True, slots=True)
class LogBounds:
    """Numbers are sequence numbers, times Unix milliseconds."""

    pruned_up_to: int
    """Old versions up to this number may be deleted: only the changes after it are complete."""
    pruned_before: int | None
    """The deleted versions ended before this time."""
    up_to: int
    """The newest change whose leads have been rebuilt, like those of all changes before it."""
    newest: int
    baselines: Mapping[str, int]
    """The baseline of each agent, by its ID. An agent without a baseline has no changes yet."""
    known_since: int | None
    """The time since which the changes of all these agents are known."""


def read_bounds(connection: Connection, agent_ids: Sequence[str]) -> LogBounds:
    """The bounds of the log of these agents."""
    a, d = agents.c, dirty_conversations.c
    count = connection.execute(
        select(counter.c.pruned_up_to, counter.c.sequence_number, counter.c.pruned_before)
    ).one()
    rows = connection.execute(
        select(a.agent_id, a.baseline, a.baseline_at, a.settled).where(a.agent_id.in_(agent_ids))
    ).all()
    up_to = count.sequence_number
    known: list[int] = []
    for row in rows:
        dirty = select(d.id).where(d.agent_id == row.agent_id).limit(1)
        if connection.execute(dirty).first() is not None:
            up_to = min(up_to, max(row.settled or 0, row.baseline or 0))
        if row.baseline is not None:
            known.append(row.baseline_at or 0)
            if count.pruned_up_to > row.baseline:
                known.append(count.pruned_before or 0)
    return LogBounds(
        pruned_up_to=count.pruned_up_to,
        pruned_before=count.pruned_before,
        up_to=up_to,
        newest=count.sequence_number,
        baselines={row.agent_id: row.baseline for row in rows if row.baseline is not None},
        known_since=max(known, default=None),
    )
