"""Answers the resource `agents`."""

from convocore_mcp.server.backend import Backend
from convocore_mcp.server.sanitize import JsonObject, sanitize_object
from convocore_mcp.server.views.answer_views import AgentView
from convocore_mcp.server.views.view_builders import rfc3339


async def agents(backend: Backend) -> JsonObject:
    """The configured agents, and how much of each is in the mirror. Reads nothing of Convocore."""
    views = []
    for agent_id in backend.agents:
        coverage = await backend.read(backend.coverage, agent_id)
        views.append(
            AgentView(
                agent_id=agent_id,
                region=backend.region,
                conversations=coverage.conversations,
                complete=coverage.all_read,
                as_of=rfc3339(coverage.as_of),
                oldest=rfc3339(coverage.oldest),
                quarantined=coverage.quarantined or None,
            )
        )
    return sanitize_object({"agents": views})
