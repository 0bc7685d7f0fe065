"""Whoever is in the mirror is found, however it got there."""

from datetime import timedelta

import pytest
from hypothesis import given

from convocore_mcp.errors import MissingError
from convocore_mcp.leads.keys import email_key, phone_key
from convocore_mcp.leads.name_search import MAX_RANKED_HITS
from convocore_mcp.leads.resolve import resolve
from convocore_mcp.models import Conversation, TermAlternatives
from convocore_mcp.store.database.engine import Database
from convocore_mcp.store.read.people_index import COMMON, MOST
from tests.conversations import NOW, conversation
from tests.store.agent_store import AgentStore
from tests.store.steps import Step, shared, steps, take

DAY = timedelta(days=1)


@shared
@given(steps=steps)
def test_whoever_is_in_the_mirror_is_found_by_all_that_it_goes_by(
    database: Database, steps: list[Step]
) -> None:
    """Promised by issue 5: by full name, email, phone and ids, over random data."""
    agent_store, held = AgentStore(database), dict[str, Conversation]()
    for minute, step in enumerate(steps):
        take(agent_store, step, held, minute)
        agent_store.mirror.rebuild_leads(agent_store.agent)
    for lead_id, lead in agent_store.leads().items():
        for text in lead_id, *lead.conversation_ids:
            match = resolve(agent_store.mirror_reader, agent_store.agent, text)
            assert match.field in {"lead_id", "conversation_id"}
            # An identity may be named after another's conversation: a lead id comes first.
            assert match.leads[0].lead_id in {lead_id, text}
        for c in (held[id_] for id_ in lead.conversation_ids):
            known = (("email", c.email, email_key(c.email)), ("phone", c.phone, phone_key(c.phone)))
            for field, said, key in known:
                if key is not None and said is not None:
                    match = resolve(agent_store.mirror_reader, agent_store.agent, said.strip())
                    assert match.field == field
                    assert lead_id in {one.lead_id for one in match.leads}
        if lead.name is not None:
            match = resolve(agent_store.mirror_reader, agent_store.agent, lead.name.upper())
            assert match.field == "name"
            assert lead_id in {one.lead_id for one in match.leads}
            assert match.total == len(match.leads)


@pytest.fixture(scope="module")
def agent_store(in_file: Database) -> AgentStore:
    """People who are easily taken for each other."""
    agent_store = AgentStore(in_file)
    agent_store.save(
        conversation("jane", name="Jane Doe", company="Acme Corp", email="jane.doe@acme.example",
             links=("https://www.linkedin.com/in/jane-doe", "@janed"), last_activity=NOW),
        conversation("john", name="John Smith", phone="+1 415 555 2671"),
        conversation("jack", name="Jack Smithson", email="jack@smith.example"),
        conversation("maria", name="María González", phone="+34 612 345 678"),
        conversation("jurgen", name="Jürgen Müller", company="Müller & Söhne"),
        conversation("fatima", name="فاطمة الزهراني"),
        conversation("wang", name="王小龙", company="上海云帆科技有限公司"),
        conversation("long", name="龙小"),
        conversation("lee", name="Ann Lee", last_activity=NOW),
        conversation("jones", name="Ann Lee-Jones", last_activity=NOW + timedelta(hours=1)),
        conversation("was1", identity="was", name="Old Name", last_activity=NOW - DAY),
        conversation("was2", identity="was", name="New Name", last_activity=NOW),
    )  # fmt: skip
    agent_store.mirror.rebuild_leads(agent_store.agent)
    return agent_store


@pytest.mark.parametrize(
    ("typed", "ids", "field"),
    [
        ("jane acme", ["jane"], "name and company"),
        ("Acme", ["jane"], "company"),
        ("Doe, Jane", ["jane"], "name"),
        ("Janet Doe", ["jane"], "similar name"),
        ("Gonzales", ["maria"], "similar name"),
        ("Muller", ["jurgen"], "name"),
        ("Mueller", ["jurgen"], "name"),
        ("juergen", ["jurgen"], "name"),
        ("J. Smith", ["john"], "name"),
        ("JS", ["jack", "john"], "initials"),
        ("jack smi", ["jack"], "name"),
        ("415 555 2671", ["john"], "phone"),
        ("(415) 555-2671", ["john"], "phone"),
        ("+1-415-555-2671", ["john"], "phone"),
        ("612345678", ["maria"], "phone"),
        ("2671", ["john"], "phone"),
        ("jane.doe", ["jane"], "email"),
        ("@acme.example", ["jane"], "email"),
        ("doe@acme", ["jane"], "email"),
        ("jane smith", ["jane", "john"], None),
        ("jack smith.example", ["jack"], "name and email"),
        ("@janed", ["jane"], "link"),
        ("linkedin.com/in/jane-doe/", ["jane"], "link"),
        ("https://linkedin.com/in/jane-doe?trk=1", ["jane"], "link"),
        ("فاطمه", ["fatima"], "name"),
        ("小龙", ["wang"], "name"),
        ("云帆", ["wang"], "company"),
        ("王小龙", ["wang"], "name"),
        ("Ann Lee", ["lee"], "name"),
        ("Lee Ann", ["lee"], "name"),
        ("Ann", ["jones", "lee"], "name"),
        ("old name", ["was"], "earlier name"),
    ],
)
def test_somebody_is_found_by_what_people_type(
    agent_store: AgentStore, typed: str, ids: list[str], field: str | None
) -> None:
    """Promised by issue 5, "Finding somebody": one when one clearly does, several when several."""
    if field is None:  # nobody is called so, and who is like it is no answer
        with pytest.raises(MissingError):
            resolve(agent_store.mirror_reader, agent_store.agent, typed)
        return
    match = resolve(agent_store.mirror_reader, agent_store.agent, typed)
    assert ([lead.lead_id for lead in match.leads], match.field) == (ids, field)
    assert match.total == len(ids)


def test_nobody_is_not_found_with_the_nearest_names_each_once(agent_store: AgentStore) -> None:
    """Promised by contract.md: `not_found`, with the nearest names in `hint`."""
    with pytest.raises(MissingError) as caught:
        resolve(agent_store.mirror_reader, agent_store.agent, "Gonzi Xqqw")
    assert caught.value.hint is not None
    assert "González" in caught.value.hint


@shared
@given(steps=steps)
def test_a_way_to_ask_finds_those_who_have_all_of_it(database: Database, steps: list[Step]) -> None:
    """Ours: the index says what the leads say, whichever word it begins with."""
    agent_store, held = AgentStore(database), dict[str, Conversation]()
    for minute, step in enumerate(steps):
        take(agent_store, step, held, minute)
    agent_store.mirror.rebuild_leads(agent_store.agent)
    leads = agent_store.leads()
    asked = [
        TermAlternatives(("wann", "wbob")),
        TermAlternatives(prefixes=("wac", "mann", "eb")),
        TermAlternatives(("ex",)),
    ]
    for wanted in (asked[:1], asked[1:2], asked[:2], asked[1:], asked):
        fitting = {
            lead_id
            for lead_id, lead in leads.items()
            if all(
                any(
                    term in either.exact or term.startswith(either.prefixes or ("\n",))
                    for term in lead.terms.split("\n")[1:]
                )
                for either in wanted
            )
        }
        assert {
            hit.lead_id
            for hit in agent_store.mirror_reader.people_index.hits(agent_store.agent, wanted)
        } == fitting
    assert MAX_RANKED_HITS < MOST < COMMON
