"""What the mirror knows of people whose data are masked."""

from convocore_mcp.store.database.engine import Database
from convocore_mcp.store.read.personal_data import PersonalData
from tests.conversations import conversation
from tests.store.agent_store import AgentStore


def test_a_name_that_somebody_had_before_is_known(database: Database) -> None:
    """Promised by docs/security.md, "Personal data": a change tells what was there before."""
    store = AgentStore(database)
    store.save(conversation("c1", name="Ann Lee"))
    store.rebuild_leads()
    store.set_baseline()
    store.save(conversation("c1", name="Ann Ray"), minute=1)
    store.rebuild_leads()
    (known,) = set(PersonalData(database).people([store.agent], ["c1"]).values())
    assert set(known.names) == {"Ann Lee", "Ann Ray"}
