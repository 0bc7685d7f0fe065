"""Statistics: what the resource `stats` answers with."""

from collections.abc import Sequence
from typing import Any

from convocore_mcp.models import Filter, Group
from convocore_mcp.server import shaping
from convocore_mcp.server.app import Backend
from convocore_mcp.server.outbound import clean


async def stats_answer(
    backend: Backend, agent: str, group_by: Sequence[str] = ("stage",)
) -> dict[str, Any]:
    """Totals and groups over all conversations of an agent, clean.

    Raises:
        ApiError: Convocore can't be read, and nothing is here yet.
    """
    fresh = await backend.upkeep.fresh(agent)
    (totals,) = await backend.read(backend.stats, agent, Filter(), ())
    groups = await backend.read(backend.stats, agent, Filter(), group_by)
    groups.sort(key=lambda group: (-group.conversations, str(group.keys)))
    answer: dict[str, Any] = clean(
        {
            "totals": _view(totals),
            "groups": [
                {name: key or "none" for name, key in zip(group_by, group.keys, strict=True)}
                | _view(group)
                for group in groups
            ],
            "freshness": shaping.freshness(fresh),
        }
    )
    return answer


def _view(group: Group) -> dict[str, Any]:
    return {
        "conversations": group.conversations,
        "leads": group.leads,
        "hot": group.hot,
        "messages": group.messages,
        "value": {
            currency or "unknown": shaping.sum_of_money(amount)
            for currency, amount in group.value.items()
        },
        "unparsed_values": group.unparsed_values,
        "tokens": group.tokens,
        "usd": round(group.usd, 4),
        "rating_avg": None if group.rating_avg is None else round(group.rating_avg, 2),
        "waiting_for_human": group.waiting_for_human,
    }
