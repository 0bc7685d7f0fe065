"""Whoever is in the mirror is found, however it got there."""

from datetime import timedelta

import pytest
from hypothesis import given

from convocore_mcp.errors import MissingError
from convocore_mcp.leads.keys import email_key, phone_key
from convocore_mcp.models import Conversation, Either
from convocore_mcp.server.finding import FEW, look_up
from convocore_mcp.store.engine import Database
from convocore_mcp.store.lookup import COMMON, MOST
from tests.store.desk import Desk
from tests.store.steps import Step, shared, steps, take
from tests.talks import NOW, talk


@shared
@given(steps=steps)
def test_whoever_is_in_the_mirror_is_found_by_all_that_it_goes_by(
    database: Database, steps: list[Step]
) -> None:
    """Promised by issue 5: by full name, email, phone and ids, over random data."""
    desk, held = Desk(database), dict[str, Conversation]()
    for minute, step in enumerate(steps):
        take(desk, step, held, minute)
        desk.mirror.settle(desk.agent)
    for lead_id, lead in desk.leads().items():
        for text in lead_id, *lead.conversation_ids:
            match = look_up(desk.queries, desk.agent, text)
            assert match.field in {"lead_id", "conversation_id"}
            # An identity may be named after another's conversation: a lead id comes first.
            assert match.leads[0].lead_id in {lead_id, text}
        for c in (held[id_] for id_ in lead.conversation_ids):
            known = (("email", c.email, email_key(c.email)), ("phone", c.phone, phone_key(c.phone)))
            for field, said, key in known:
                if key is not None and said is not None:
                    match = look_up(desk.queries, desk.agent, said.strip())
                    assert match.field == field
                    assert lead_id in {one.lead_id for one in match.leads}
        if lead.name is not None:
            match = look_up(desk.queries, desk.agent, lead.name.upper())
            assert match.field == "name"
            assert lead_id in {one.lead_id for one in match.leads}
            assert match.total == len(match.leads)


@pytest.fixture(scope="module")
def desk(in_file: Database) -> Desk:
    """People who are easily taken for each other."""
    desk = Desk(in_file)
    desk.save(
        talk("jane", name="Jane Doe", company="Acme Corp", email="jane.doe@acme.example",
             links=("https://www.linkedin.com/in/jane-doe", "@janed"), last_activity=NOW),
        talk("john", name="John Smith", phone="+1 415 555 2671"),
        talk("jack", name="Jack Smithson", email="jack@smith.example"),
        talk("maria", name="María González", phone="+34 612 345 678"),
        talk("jurgen", name="Jürgen Müller", company="Müller & Söhne"),
        talk("fatima", name="فاطمة الزهراني"),
        talk("wang", name="王小龙", company="上海云帆科技有限公司"),
        talk("long", name="龙小"),
        talk("lee", name="Ann Lee", last_activity=NOW),
        talk("jones", name="Ann Lee-Jones", last_activity=NOW + timedelta(hours=1)),
        talk("was1", identity="was", name="Old Name", last_activity=NOW - timedelta(days=1)),
        talk("was2", identity="was", name="New Name", last_activity=NOW),
    )  # fmt: skip
    desk.mirror.settle(desk.agent)
    return desk


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
    desk: Desk, typed: str, ids: list[str], field: str | None
) -> None:
    """Promised by issue 5, "Finding somebody": one when one clearly does, several when several."""
    if field is None:  # nobody is called so, and who is like it is no answer
        with pytest.raises(MissingError):
            look_up(desk.queries, desk.agent, typed)
        return
    match = look_up(desk.queries, desk.agent, typed)
    assert ([lead.lead_id for lead in match.leads], match.field) == (ids, field)
    assert match.total == len(ids)


def test_nobody_is_not_found_with_the_nearest_names_each_once(desk: Desk) -> None:
    """Promised by contract.md: `not_found`, with the nearest names in `hint`."""
    with pytest.raises(MissingError) as caught:
        look_up(desk.queries, desk.agent, "Gonzi Xqqw")
    assert caught.value.hint is not None
    assert "González" in caught.value.hint


@shared
@given(steps=steps)
def test_a_way_to_ask_finds_those_who_have_all_of_it(database: Database, steps: list[Step]) -> None:
    """Ours: the index says what the leads say, whichever word it begins with."""
    desk, held = Desk(database), dict[str, Conversation]()
    for minute, step in enumerate(steps):
        take(desk, step, held, minute)
    desk.mirror.settle(desk.agent)
    leads = desk.leads()
    asked = [Either(("wann", "wbob")), Either(beginnings=("wac", "mann", "eb")), Either(("ex",))]
    for wanted in (asked[:1], asked[1:2], asked[:2], asked[1:], asked):
        fitting = {
            lead_id
            for lead_id, lead in leads.items()
            if all(
                any(
                    term in either.whole or term.startswith(either.beginnings or ("\n",))
                    for term in lead.terms.split("\n")[1:]
                )
                for either in wanted
            )
        }
        assert {hit.lead_id for hit in desk.queries.lookup.hits(desk.agent, wanted)} == fitting
    assert FEW < MOST < COMMON
