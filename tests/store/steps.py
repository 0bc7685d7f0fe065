"""Random sequences of writes to a mirror."""

from dataclasses import dataclass, field
from typing import Literal

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from convocore_mcp.models import Conversation
from tests.conversations import ids, lists_of_conversations
from tests.property_tests import examples
from tests.store.agent_store import AgentStore, comparable

# Examples share a database, each with an agent of its own.
shared = settings(
    max_examples=examples(15),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@dataclass(frozen=True)
class Step:
    """One write: a page that is saved, or conversations that are removed."""

    kind: Literal["save", "remove"]
    conversations: list[Conversation] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)


steps = st.lists(
    st.builds(Step, st.just("save"), conversations=lists_of_conversations)
    | st.builds(Step, st.just("remove"), ids=st.lists(ids, max_size=3)),
    max_size=5,
)


def apply(
    step: Step, agent_store: AgentStore, expected: dict[str, Conversation], minute: int
) -> None:
    """Apply a step to the mirror and to a dict alike: an older copy changes nothing."""
    if step.kind == "save":
        agent_store.save(*step.conversations, minute=minute)
        for c in agent_store.of_agent(step.conversations):
            before, after = expected.get(c.id, c).last_activity, c.last_activity
            if before is None or after is None or after >= before:
                expected[c.id] = comparable(c)
    else:
        removed = len(set(step.ids) & expected.keys())
        assert agent_store.remove(*step.ids, minute=minute) == removed
        for id_ in step.ids:
            expected.pop(id_, None)
