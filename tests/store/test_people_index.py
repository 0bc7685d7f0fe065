"""Every lead in the mirror is found by what people type, however its rows came in."""

from datetime import timedelta

import pytest
from hypothesis import given

from convocore_mcp.errors import MissingError
from convocore_mcp.leads.keys import email_key, phone_key
from convocore_mcp.leads.name_search import MAX_RANKED_HITS
from convocore_mcp.leads.resolve import resolve
from convocore_mcp.models import MAX_FOUND, Conversation, TermAlternatives
from convocore_mcp.store.database.engine import Database
from convocore_mcp.store.read.people_index import MAX_LEADS_OF_TERM
from tests.conversations import NOW, conversation
from tests.store.agent_store import AgentStore
from tests.store.steps import Step, apply, examples_share_a_mirror, in_each_mirror, steps

DAY = timedelta(days=1)


@examples_share_a_mirror
@given(steps=steps)
@in_each_mirror
def test_every_lead_is_found_by_each_of_its_names_contacts_and_ids(
    database: Database, steps: list[Step]
) -> None:
    """Promised by docs/contract.md, "A lead": by full name, email, phone and ids."""
    agent_store, expected = AgentStore(database), dict[str, Conversation]()
    for minute, step in enumerate(steps):
        apply(step, agent_store, expected, minute)
        agent_store.rebuild_leads()
    for lead_id, lead in agent_store.leads().items():
        for text in lead_id, *lead.conversation_ids:
            match = resolve(agent_store.reader, agent_store.agent, text)
            assert match.field in {"lead_id", "conversation_id"}
            # An identity may be named after another's conversation: a lead id comes first.
            assert match.leads[0].lead_id in {lead_id, text}
        for c in (expected[id_] for id_ in lead.conversation_ids):
            known = (("email", c.email, email_key(c.email)), ("phone", c.phone, phone_key(c.phone)))
            for field, value, key in known:
                if key is not None and value is not None:
                    match = resolve(agent_store.reader, agent_store.agent, value.strip())
                    assert match.field == field
                    assert lead_id in {found.lead_id for found in match.leads}
        if lead.name is not None:
            match = resolve(agent_store.reader, agent_store.agent, lead.name.upper())
            assert match.field == "name"
            assert lead_id in {found.lead_id for found in match.leads}
            assert match.total == len(match.leads)


@pytest.fixture(scope="module")
def agent_store(in_file: Database) -> AgentStore:
    """Leads that are easily confused with each other."""
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
    agent_store.rebuild_leads()
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
def test_typed_text_finds_these_leads(
    agent_store: AgentStore, typed: str, ids: list[str], field: str | None
) -> None:
    """Promised by docs/contract.md, "A lead": one lead where the text is clear, else candidates."""
    if field is None:  # nobody has this name, and a similar name is no answer
        with pytest.raises(MissingError):
            resolve(agent_store.reader, agent_store.agent, typed)
        return
    match = resolve(agent_store.reader, agent_store.agent, typed)
    assert ([lead.lead_id for lead in match.leads], match.field) == (ids, field)
    assert match.total == len(ids)


def test_an_unknown_name_is_an_error_that_suggests_the_nearest_names(
    agent_store: AgentStore,
) -> None:
    """Promised by docs/contract.md, "A lead": `not_found`, with the nearest names in `hint`."""
    with pytest.raises(MissingError) as caught:
        resolve(agent_store.reader, agent_store.agent, "Gonzi Xqqw")
    assert caught.value.hint is not None
    assert "González" in caught.value.hint


@examples_share_a_mirror
@given(steps=steps)
@in_each_mirror
def test_the_index_finds_the_leads_that_have_all_required_terms(
    database: Database, steps: list[Step]
) -> None:
    """Ours: the index agrees with the leads, whichever term it looks up first."""
    agent_store, expected = AgentStore(database), dict[str, Conversation]()
    for minute, step in enumerate(steps):
        apply(step, agent_store, expected, minute)
    agent_store.rebuild_leads()
    leads = agent_store.leads()
    terms = [
        TermAlternatives(("wann", "wbob")),
        TermAlternatives(prefixes=("wac", "mann", "eb")),
        TermAlternatives(("ex",)),
    ]
    for required in (terms[:1], terms[1:2], terms[:2], terms[1:], terms):
        fitting = {
            lead_id
            for lead_id, lead in leads.items()
            if all(
                any(
                    term in either.exact or term.startswith(either.prefixes or ("\n",))
                    for term in lead.terms.split("\n")[1:]
                )
                for either in required
            )
        }
        assert {
            hit.lead_id for hit in agent_store.reader.people_index.hits(agent_store.agent, required)
        } == fitting
    assert MAX_RANKED_HITS < MAX_FOUND < MAX_LEADS_OF_TERM
