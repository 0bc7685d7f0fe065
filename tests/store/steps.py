"""What happens to a mirror, at random."""

from dataclasses import dataclass, field
from typing import Literal

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from convocore_mcp.models import Conversation
from tests.conversations import ids, lists_of_conversations
from tests.store.agent_store import AgentStore, bare

# Examples share a database, each with an agent of its own.
shared = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@dataclass(frozen=True)
class Step:
    """Something that happens to a mirror."""

    kind: Literal["save", "remove"]
    conversations: list[Conversation] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)


steps = st.lists(
    st.builds(Step, st.just("save"), conversations=lists_of_conversations)
    | st.builds(Step, st.just("remove"), ids=st.lists(ids, max_size=3)),
    max_size=5,
)


def take(agent_store: AgentStore, step: Step, held: dict[str, Conversation], minute: int) -> None:
    """Do a step to the mirror and to a dict alike."""
    if step.kind == "save":
        agent_store.save(*step.conversations, minute=minute)
        held.update((c.id, bare(c)) for c in agent_store.own(step.conversations))
    else:
        assert agent_store.remove(*step.ids, minute=minute) == len(set(step.ids) & held.keys())
        for id_ in step.ids:
            held.pop(id_, None)
