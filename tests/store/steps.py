"""Random sequences of writes to a mirror."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import TYPE_CHECKING, Any, Literal

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from convocore_mcp.models import Conversation
from tests.conversations import ids, lists_of_conversations
from tests.property_tests import examples
from tests.store.agent_store import AgentStore, comparable

if TYPE_CHECKING:
    from convocore_mcp.store.database.engine import Database

# Examples share a database, each with an agent of its own.
examples_share_a_mirror = settings(
    max_examples=examples(10),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def in_each_mirror(test: Callable[..., None]) -> Callable[..., None]:
    """Try each example in every kind of mirror: most take longer to draw than to try.

    The property has the parameter `database`; what pytest calls has `databases` in its place.
    """

    signature = inspect.signature(test)
    signature = signature.replace(
        parameters=[
            p.replace(name="databases") if p.name == "database" else p
            for p in signature.parameters.values()
        ]
    )

    @wraps(test)
    def try_all(*args: Any, **named: Any) -> None:
        arguments = signature.bind(*args, **named).arguments
        databases: dict[str, Database] = arguments.pop("databases")
        for kind, database in databases.items():
            try:
                test(database=database, **arguments)
            except BaseException as error:
                error.add_note(f"in the mirror: {kind}")
                raise

    try_all.__signature__ = signature  # type: ignore[attr-defined]
    return try_all


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
