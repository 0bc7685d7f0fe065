"""Completion of ids and names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convocore_mcp.models import Conversation
from convocore_mcp.store.database.engine import Database
from convocore_mcp.store.read import completion, conversation_search
from convocore_mcp.store.read.completion import CompletionReader
from convocore_mcp.words.folding import words
from tests.conversations import lists_of_conversations
from tests.store.agent_store import AgentStore, sorted_by
from tests.store.steps import examples_share_a_mirror, in_each_mirror


@examples_share_a_mirror
@given(
    conversations=lists_of_conversations,
    prefix=st.sampled_from(["", "c", "C", "c1", "ç", "😀", "%", "_", "x"]),
)
@in_each_mirror
def test_conversation_ids_complete_by_their_prefix(
    database: Database, conversations: list[Conversation], prefix: str
) -> None:
    """Promised by docs/contract.md, "Prompts": ids complete. Ours: no character is a wildcard."""
    agent_store, completion_reader = AgentStore(database), CompletionReader(database)
    agent_store.save(*conversations)
    found = completion_reader.conversation_ids(agent_store.agent, prefix, limit=100)
    if prefix:
        assert found == sorted(c.id for c in conversations if c.id.startswith(prefix))
    else:
        assert found == [c.id for c in sorted_by(conversations, "newest")]
    assert completion_reader.conversation_ids(agent_store.agent, prefix, limit=2) == found[:2]


@examples_share_a_mirror
@given(
    conversations=lists_of_conversations,
    typed=st.sampled_from(["", "an", "bob lu", "ZO", "nobody", "mbh"]),
    lookup_limit=st.sampled_from([0, conversation_search.INDEX_LOOKUP_LIMIT]),
)
@in_each_mirror
def test_leads_complete_by_prefixes_of_their_names(
    database: Database, conversations: list[Conversation], typed: str, lookup_limit: int
) -> None:
    """Promised by docs/contract.md, "Prompts": leads complete by name, the latest active first."""
    agent_store, completion_reader = AgentStore(database), CompletionReader(database)
    agent_store.save(*conversations)
    agent_store.rebuild_leads()
    leads = agent_store.leads()
    prefixes = words(typed)
    expected = {
        lead.lead_id
        for lead in leads.values()
        if lead.name
        and all(any(word.startswith(p) for word in lead.text.split()) for p in prefixes)
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(completion, "INDEX_LOOKUP_LIMIT", lookup_limit)
        found = completion_reader.leads_by_name(agent_store.agent, prefixes, limit=100)
    assert {lead.lead_id for lead in found} == expected
    active = [lead.last_activity.timestamp() if lead.last_activity else 0 for lead in found]
    assert active == sorted(active, reverse=True)
    assert completion_reader.lead_ids(agent_store.agent, "c", limit=100) == sorted(
        lead_id for lead_id in leads if lead_id.startswith("c")
    )
