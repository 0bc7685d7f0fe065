"""What happens to a mirror, at random."""

from dataclasses import dataclass, field
from typing import Literal

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from convocore_mcp.models import Conversation
from tests.store.desk import Desk, bare
from tests.talks import ids, lists_of_talks

# Examples share a database, each with an agent of its own.
shared = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@dataclass(frozen=True)
class Step:
    """Something that happens to a mirror."""

    kind: Literal["save", "remove"]
    talks: list[Conversation] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)


steps = st.lists(
    st.builds(Step, st.just("save"), talks=lists_of_talks)
    | st.builds(Step, st.just("remove"), ids=st.lists(ids, max_size=3)),
    max_size=5,
)


def take(desk: Desk, step: Step, held: dict[str, Conversation], minute: int) -> None:
    """Do a step to the mirror and to a dict alike."""
    if step.kind == "save":
        desk.save(*step.talks, minute=minute)
        held.update((c.id, bare(c)) for c in desk.own(step.talks))
    else:
        assert desk.remove(*step.ids, minute=minute) == len(set(step.ids) & held.keys())
        for id_ in step.ids:
            held.pop(id_, None)
