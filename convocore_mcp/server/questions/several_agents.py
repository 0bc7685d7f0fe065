"""One answer about several agents: which it is about, how fresh it is, and sums over them."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from convocore_mcp.errors import ApiError
from convocore_mcp.models import Freshness, HotSummary, ReadScope
from convocore_mcp.server.backend import Backend

LEFT_OUT = "nothing of it is shown"
"""What a note says of an agent that can't be read: after its name, and before the error."""


class AgentsRead(NamedTuple):
    """The agents that an answer is about, and how fresh it is."""

    agents: tuple[str, ...]
    """Without those that can't be read: a question about one of them alone gets an error."""
    freshness: Freshness


async def read_agents(
    backend: Backend, agents: Sequence[str], scope: ReadScope, *, note_on_failed: str = LEFT_OUT
) -> AgentsRead:
    """Wait a bounded time until `scope` of each agent has been read, all at once.

    One agent that can't be read makes the answer incomplete: a note names it and the error, with
    `note_on_failed` between them. The answer is about the others.

    Raises:
        ApiError: none of them can be read, and the mirror is still empty.
    """
    if len(agents) == 1:
        return AgentsRead(tuple(agents), await backend.syncs.ensure_fresh(agents[0], scope))
    results = await asyncio.gather(
        *(backend.syncs.ensure_fresh(agent, scope) for agent in agents), return_exceptions=True
    )
    return _combined(dict(zip(agents, results, strict=True)), note_on_failed)


def _combined(by_agent: Mapping[str, Freshness | BaseException], note_on_failed: str) -> AgentsRead:
    read: dict[str, Freshness] = {}
    failed: dict[str, ApiError] = {}
    for agent, found in by_agent.items():
        match found:
            case Freshness():
                read[agent] = found
            case ApiError():
                failed[agent] = found
            case _:
                raise found
    if not read:
        raise next(iter(failed.values()))
    notes = [
        *(f"{agent}: {note}" for agent, found in read.items() for note in found.notes),
        *(f"{agent}: {note_on_failed}: {error}" for agent, error in failed.items()),
    ]
    oldest = [found.oldest for found in read.values() if found.oldest is not None]
    freshness = Freshness(
        as_of=min(found.as_of for found in read.values()),
        complete=not failed and all(found.complete for found in read.values()),
        conversations=sum(found.conversations for found in read.values()),
        oldest=min(oldest, default=None),
        progress=min((f.progress for f in read.values() if f.progress is not None), default=None),
        notes=tuple(notes),
    )
    return AgentsRead(tuple(read), freshness)


def sum_summaries(summaries: Sequence[HotSummary]) -> HotSummary:
    """The counts and sums of several agents, whose leads never merge, added up."""
    total = summaries[0]
    for other in summaries[1:]:
        total = HotSummary(
            considered=total.considered + other.considered,
            hot=total.hot + other.hot,
            by_stage=Counter(total.by_stage) + Counter(other.by_stage),
            by_channel=Counter(total.by_channel) + Counter(other.by_channel),
            value={
                currency: total.value.get(currency, 0) + other.value.get(currency, 0)
                for currency in {**total.value, **other.value}
            },
            unparsed_values=total.unparsed_values + other.unparsed_values,
            waiting_for_human=total.waiting_for_human + other.waiting_for_human,
            unassigned=total.unassigned + other.unassigned,
            tests=total.tests + other.tests,
            blocked=total.blocked + other.blocked,
            closed=total.closed + other.closed,
        )
    return total
