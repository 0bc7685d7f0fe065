"""The log of changes: what changed since a sequence number."""

from hypothesis import given
from hypothesis import strategies as st

from convocore_mcp.models import Conversation
from convocore_mcp.store.changes.logged_versions import KINDS
from convocore_mcp.store.database.engine import Database
from convocore_mcp.store.read.change_log import ChangeCounts
from tests.conversations import ids, lists_of_conversations
from tests.store.agent_store import AgentStore, comparable
from tests.store.steps import Step, apply, examples_share_a_mirror, in_each_mirror, steps


@examples_share_a_mirror
@given(before=lists_of_conversations, steps=steps, asked_ids=st.sets(ids))
@in_each_mirror
def test_changed_ids_are_those_of_conversations_that_differ(
    database: Database, before: list[Conversation], steps: list[Step], asked_ids: set[str]
) -> None:
    """Promised by docs/contract.md, "Resources": a change is announced, and nothing else is."""
    agent_store, expected = AgentStore(database), dict[str, Conversation]()
    change_log, agent = agent_store.change_log, agent_store.agent
    apply(Step("save", before), agent_store, expected, 0)
    agent_store.rebuild_leads()
    after = agent_store.reader.sequence_number()
    changed: set[str] = set()
    for minute, step in enumerate(steps, start=1):
        old = dict(expected)
        apply(step, agent_store, expected, minute)
        changed |= {
            id_
            for id_ in old.keys() | expected.keys()
            if (id_ in old) != (id_ in expected)
            or comparable(old[id_]) != comparable(expected[id_])
        }
    agent_store.rebuild_leads()
    found = change_log.changed_since(agent, after=after, ids=asked_ids, lead_ids=set())
    assert found.any == bool(changed)
    assert found.conversations == changed & asked_ids
    assert found.sequence_number == agent_store.reader.sequence_number()
    other = change_log.changed_since("nobody", after=after, ids=asked_ids, lead_ids=asked_ids)
    assert not other.any
    newest = found.sequence_number
    again = change_log.changed_since(agent, after=newest, ids=asked_ids, lead_ids=set())
    assert again.any is False


@examples_share_a_mirror
@given(before=lists_of_conversations, steps=steps)
@in_each_mirror
def test_the_counts_are_those_of_the_changes(
    database: Database, before: list[Conversation], steps: list[Step]
) -> None:
    """Ours: `convocore-mcp sync` reports the counts, `list_changes` the changes."""
    agent_store, expected = AgentStore(database), dict[str, Conversation]()
    apply(Step("save", before), agent_store, expected, 0)
    agent_store.rebuild_leads()
    agent_store.set_baseline()
    after = agent_store.reader.sequence_number()
    for minute, step in enumerate(steps, start=1):
        apply(step, agent_store, expected, minute)
    counted = agent_store.change_log.count_changes(agent_store.agent, after=after)
    agent_store.rebuild_leads()
    kinds = [change.kind for change in agent_store.changes(after=after)]
    counts = ChangeCounts(*(kinds.count(kind) for kind in KINDS))
    assert counted == counts


def test_a_lead_has_changed_when_one_of_its_conversations_has(database: Database) -> None:
    """Ours: a client that subscribes to a lead hears of its messages, and of its end."""
    agent_store = AgentStore(database)

    def changed_leads(after: int, *lead_ids: str) -> frozenset[str]:
        return agent_store.change_log.changed_since(
            agent_store.agent, after=after, ids=(), lead_ids=lead_ids
        ).leads

    ann = Conversation(agent_store.agent, "a", name="Ann", email="ann@x.example", record="1")
    agent_store.save(ann)
    agent_store.rebuild_leads()
    (lead_id,) = agent_store.leads()
    after = agent_store.reader.sequence_number()
    agent_store.save(Conversation(agent_store.agent, "b", name="Bob", record="2"), minute=1)
    agent_store.rebuild_leads()
    assert not changed_leads(after, lead_id)
    new = Conversation(agent_store.agent, "c", email="ann@x.example", record="3")
    agent_store.save(new, minute=2)
    agent_store.rebuild_leads()
    (lead_id,) = {i for i, lead in agent_store.leads().items() if "c" in lead.conversation_ids}
    assert changed_leads(after, lead_id) == {lead_id}
    after = agent_store.reader.sequence_number()
    agent_store.remove("c", minute=3)
    agent_store.rebuild_leads()
    assert changed_leads(after, lead_id) == {lead_id}
