"""Whatever a lead was shown with finds it again, and nothing around it finds somebody else."""

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convocore_mcp.errors import MissingError
from convocore_mcp.leads.resolve import Match, resolve
from convocore_mcp.store.database.engine import Database
from tests.conversations import conversation
from tests.property_tests import examples
from tests.store.agent_store import AgentStore
from tests.store.steps import examples_share_a_mirror, in_each_mirror

briefly = settings(examples_share_a_mirror, max_examples=examples(8))

NAMES = [
    "Jane Doe", "Dr. Jane Doe", "Jane Marie Doe", "Jane", "Bob Miller", "Robert Miller", "Guy Fox",
    "Siobhán O'Brien", "Siobhan OBrien", "Mary Ann Smith", "Maryann Smith", "Jürgen Müller",
    "Linh Do", "Do Nguyen", "Van Morrison", "Will Smith", "Иван Петров", "Ivan Petrov", "王小龙",
    "김민수", "فاطمة الزهراني", "Zoë de la Cruz", "Ana Delacruz", "AJ Lee", "The Edge",
]  # fmt: skip
COMPANIES = [None, "Acme Ltd", "Acme GmbH", "Müller & Söhne", "The Gap", "Globex S.A."]
EMAILS = [None, "jane@acme.example", "j.doe@globex.example", "Guy@fox.example", "info@gap.example"]
PHONES = [
    None, "+49 151 29260773", "0151/29260774", "(415) 555-2671", "+1 415 555 2672 ext. 12",
    "1-800-FLOWERS", "+5491123456789", "+55 11 98765-4321", "+49 30 901820 / +49 30 901821",
    "whatsapp:+442079460958", "\u202a+44 20 7946 0959\u202c",
]  # fmt: skip
LINKS = [
    None, "https://www.linkedin.com/in/jane-doe/", "https://instagram.com/jane-doe", "@jane-doe",
    "https://facebook.com/profile.php?id=12", "https://facebook.com/profile.php?id=13",
    "https://gap.example",
]  # fmt: skip
Person = tuple[str, str | None, str | None, str | None, str | None]
people = st.tuples(
    st.sampled_from(NAMES), st.sampled_from(COMPANIES), st.sampled_from(EMAILS),
    st.sampled_from(PHONES), st.sampled_from(LINKS),
)  # fmt: skip


NAME_DECORATIONS: list[Callable[[str], str]] = [
    str, str.upper, str.lower, str.title, "“{}”".format, " {}. ".format, "\u200e{}\u200e".format,
    "Mr. {}".format, "Ms {}".format, "{}, please".format, "who is {}?".format, "the guy {}".format,
    "call {} on the phone".format, "Herr Dr. {}".format,
]  # fmt: skip
EMAIL_DECORATIONS: list[Callable[[str], str]] = [
    str, str.upper, "<{}>".format, "mailto:{}?subject=Hello".format, "\u2068{}\u2069".format,
    "email: {}".format,
]  # fmt: skip
PHONE_DECORATIONS: list[Callable[[str], str]] = [
    str, "tel: {}".format, "\u202a{}\u202c".format, "call {}".format, "{}.".format, '"{}"'.format,
]  # fmt: skip
LINK_DECORATIONS: list[Callable[[str], str]] = [str, str.upper, "<{}>".format, "{}/".format]


def of_people(database: Database, given_people: Sequence[Person]) -> AgentStore:
    agent_store = AgentStore(database)
    agent_store.save(
        *(
            conversation(
                f"p{i}", identity=f"p{i}", name=name, company=company, email=email, phone=phone,
                links=(link,) if link else (),
            )
            for i, (name, company, email, phone, link) in enumerate(given_people)
        )
    )  # fmt: skip
    agent_store.rebuild_leads()
    return agent_store


def meant(agent_store: AgentStore, text: str) -> Match | None:
    try:
        return resolve(agent_store.reader, agent_store.agent, text)
    except MissingError:
        return None


@briefly
@given(st.lists(people, min_size=1, max_size=4), st.data())
@in_each_mirror
def test_what_a_lead_was_shown_with_finds_it_when_it_is_pasted_back(
    database: Database, given_people: list[Person], data: st.DataObject
) -> None:
    """Promised by docs/contract.md, "Tools": as people say, write or paste them; never a guess.

    Holds docs/contract.md #pasted-back.
    """
    agent_store = of_people(database, given_people)
    for i, (name, _, email, phone, link) in enumerate(given_people):
        pasted = [(name, NAME_DECORATIONS), (email, EMAIL_DECORATIONS)]
        pasted += [(phone, PHONE_DECORATIONS), (link, LINK_DECORATIONS)]
        for value, decorations in pasted:
            if value is not None:
                text = data.draw(st.sampled_from(decorations))(value)
                match = meant(agent_store, text)
                assert match is not None, text
                assert f"p{i}" in {lead.lead_id for lead in match.leads}, text
    for i, (name, _, email, _, _) in enumerate(given_people):
        if email is not None:
            match = meant(agent_store, f"{name} <{email}>")
            assert match is not None
            assert f"p{i}" in {lead.lead_id for lead in match.leads}


@briefly
@given(st.lists(people, min_size=1, max_size=4), st.data())
@in_each_mirror
def test_words_around_a_name_never_make_it_another_persons(
    database: Database, given_people: list[Person], data: st.DataObject
) -> None:
    """Ours: nobody is guessed. Promised by docs/contract.md, "Tools": `ignored` tells the words."""
    agent_store = of_people(database, given_people)
    company = data.draw(st.sampled_from([c for c in COMPANIES if c]))
    sentences = [f"{{}} from {company}".format, f"{{}}, the guy at {company}".format]
    around = [*NAME_DECORATIONS, "{} Ltd".format, *sentences]
    for name in dict.fromkeys(name for name, *_ in given_people):
        plain = meant(agent_store, name)
        assert plain is not None, name
        for decorate in data.draw(st.lists(st.sampled_from(around), min_size=1, max_size=3)):
            match = meant(agent_store, decorate(name))
            if match is not None and match.lead is not None:
                # Of other people only one who fits better: with all the words, and the company.
                brand = company.split()[0].casefold()
                of_that_company = {
                    f"p{i}" for i, (_, own_company, email, *_) in enumerate(given_people)
                    if brand in f"{own_company} {email}".casefold()
                }  # fmt: skip
                allowed = {lead.lead_id for lead in plain.leads}
                if company in decorate(name):
                    allowed |= of_that_company
                assert match.lead.lead_id in allowed, decorate(name)


@pytest.fixture(scope="module", params=["in_file", "in_postgresql"])
def agent_store(request: pytest.FixtureRequest) -> AgentStore:
    """People who are easily confused, on both engines."""
    store = AgentStore(request.getfixturevalue(request.param))
    rows = [
        conversation("jane", name="Jane Doe", company="Acme GmbH", email="jane@acme.example",
                     phone="+1 415 555 2671", links=("https://linkedin.com/in/jane-doe",)),
        conversation("jane2", name="Jane Miller", company="Globex S.A."),
        conversation("rob", name="Robert Smith", company="Initech Inc"),
        conversation("liz", name="Elizabeth Stone"),
        conversation("alex1", name="Alexander Berg"),
        conversation("alex2", name="Alexandra Berg"),
        conversation("ann", name="Mary Ann Keller"),
        conversation("obrien", name="Siobhán O'Brien"),
        conversation("cruz", name="Zoë de la Cruz"),
        conversation("mac", name="Fiona MacDonald"),
        conversation("ivan", name="Иван Петров"),
        conversation("wang", name="王小龙"),
        conversation("kim", name="김민수"),
        conversation("raj", name="राज"),
        conversation("linh", name="Linh Tran"),
        conversation("fox", name="Guy Fox", company="Foxtrot"),
        conversation("two", name="Two Numbers", phone="+49 30 901820 / +49 30 901821"),
        conversation("flowers", phone="+18003569377"),
        conversation("maria", phone="+54 9 11 2345-6789"),
        conversation("fb", name="Ed Book", links=("https://facebook.com/profile.php?id=12",)),
        conversation("insta", name="In Sta", links=("https://instagram.com/sta.in",)),
        conversation("calla", name="Calla Onslow"),  # begins like words that are no names
        conversation("halla", name="Halla Der Ling"),  # written like words of a letter
        conversation("older", name="Mr John Smith"),
        conversation("newer", name="John Smith"),
        conversation("muhammad", name="محمد علي"),
        conversation("rocket", name="🚀"),
    ]  # fmt: skip
    store.save(*rows)
    store.rebuild_leads()
    return store


@pytest.mark.parametrize(
    ("typed", "lead_id", "field", "ignored"),
    [
        ("Jane from Acme", "jane", "name and company", ["from"]),
        ("Ms. Jane Doe at Acme Ltd.", "jane", "name and company", ["Ms", "at", "Ltd"]),
        ("what did Jane from Acme want?", "jane", "name and company",
         ["what", "did", "from", "want"]),
        ("call Jane Doe on the phone please", "jane", "name",
         ["call", "on", "the", "phone", "please"]),
        ("Dear Ms. Doe,", "jane", "name", ["Dear", "Ms"]),
        ("Hallo Jane Doe", "jane", "name", ["Hallo"]),
        ("the guy from Initech", "rob", "company", ["the guy", "from"]),
        ("Globex SA", "jane2", "company", ["SA"]),
        ("Jane Doe the zookeeper", "jane", "name", ["the", "zookeeper"]),
        ("Bob Smith", "rob", "nickname", []),
        ("Mr. Bob Smith", "rob", "nickname", ["Mr"]),
        ("Liz Stone", "liz", "nickname", []),
        ("Maryann Keller", "ann", "name", []),
        ("Siobhan OBrien", "obrien", "name", []),
        ("Zoe Delacruz", "cruz", "name", []),
        ("Fiona Mac Donald", "mac", "name", []),
        ("Ivan Petrov", "ivan", "name", []),
        ("PETROV, Ivan", "ivan", "name", []),
        ("Wang Xiaolong", "wang", "name", []),
        ("Kim Min-su", "kim", "name", []),
        ("Raj", "raj", "name", []),
        ("محمد علي", "muhammad", "name", []),
        ("🚀", "rocket", "name", []),  # no word, and yet what answers show
        ("Guy Fox", "fox", "name", []),
        ("Jane Doe <jane@acme.example>", "jane", "email", []),
        ("J. Dough <jane@acme.example>", "jane", "email", ["J", "Dough"]),
        ("mailto:JANE@acme.example", "jane", "email", []),
        ("tel:+1-415-555-2671;ext=12", "jane", "phone", []),
        ("whatsapp:+14155552671", "jane", "phone", []),
        ("https://wa.me/14155552671?text=hi", "jane", "phone", []),
        ("14155552671@c.us", "jane", "phone", []),
        ("14155552671@s.whatsapp.net", "jane", "phone", []),
        ("sip:+14155552671@voip.example;user=phone", "jane", "phone", []),
        ("(415) 555-2671 x12", "jane", "phone", []),
        ("the number ending in 2671", "jane", "phone", ["the", "number", "ending", "in"]),
        ("\u202a+1 415 555 2671\u202c", "jane", "phone", []),
        ("+49 30 901821", "two", "phone", []),
        ("+49 30 901820 / +49 30 901821", "two", "phone", []),
        ("1-800-FLOWERS", "flowers", "phone", []),
        ("011 15 2345-6789", "maria", "phone", []),
        ("+54 11 15 2345 6789", "maria", "phone", []),
        ("https://de.linkedin.com/in/jane-doe/?trk=1", "jane", "link", []),
        ("https://www.facebook.com/profile.php?id=12&ref=x", "fb", "link", []),
        ("Jane https://linkedin.com/in/jane-doe", "jane", "link", []),
        ('"jane"', "jane", "lead_id", []),
        ("lead_id: jane", "jane", "lead_id", []),
        ("convocore://agents/a/leads/jane", "jane", "lead_id", []),
    ],
)  # fmt: skip
def test_one_lead_is_found_and_what_fits_nobody_is_listed(
    agent_store: AgentStore, typed: str, lead_id: str, field: str, ignored: list[str]
) -> None:
    """Promised by docs/contract.md, "Tools": `matched_on` and `ignored` of `get_lead`.

    Holds docs/contract.md #ignored #nicknames.
    """
    match = resolve(agent_store.reader, agent_store.agent, typed)
    assert match.lead is not None, match
    assert (match.lead.lead_id, match.field) == (lead_id, field)
    assert sorted(match.ignored) == sorted(ignored)


@pytest.mark.parametrize(
    ("typed", "ids"),
    [
        ("Alex Berg", {"alex1", "alex2"}),  # a nickname of both
        ("John Smith", {"older", "newer"}),  # a title tells nobody apart
        ("Mr. John Smith", {"older", "newer"}),
        ("Jane", {"jane", "jane2"}),
        ("Jane Zzyzx", {"jane", "jane2"}),
        ("Linh Zzyzx", {"linh"}),  # somebody else may be meant, whom nobody knows
        ("Linh Do", {"linh"}),  # Do is a surname, so it is no filler
        ("Guy Smith <jane@acme.example>", {"jane"}),
        ("Mohammed Ali", {"muhammad"}),  # written without vowels, it may be another name
        ("Mr. Muhammad", {"muhammad"}),
    ],
)
def test_nobody_is_guessed(agent_store: AgentStore, typed: str, ids: set[str]) -> None:
    """Promised by docs/contract.md, "Tools": never a guess; several people are candidates.

    Holds docs/contract.md #nobody-guessed #consonants.
    """
    match = resolve(agent_store.reader, agent_store.agent, typed)
    assert {lead.lead_id for lead in match.leads} == ids
    assert match.total == len(ids)
    if "@" not in typed:
        assert match.lead is None


@pytest.mark.parametrize(
    "typed",
    [
        "Jane from Foxtrot",  # both fit somebody, but not the same one
        "https://facebook.com/profile.php?id=13",
        "https://linkedin.com/in/sta.in",  # another site's handle
        "Xqzwv Bfghjk",
        "the guy from Zzyzx",
    ],
)
def test_nobody_fits(agent_store: AgentStore, typed: str) -> None:
    """Promised by docs/contract.md, "Tools": no match is `not_found`."""
    with pytest.raises(MissingError):
        resolve(agent_store.reader, agent_store.agent, typed)


def test_the_nearest_names_are_those_that_share_the_most_words(agent_store: AgentStore) -> None:
    """Promised by docs/contract.md, "Tools": those who share most words first.

    Holds docs/contract.md #not-found.
    """
    with pytest.raises(MissingError) as raised:
        resolve(agent_store.reader, agent_store.agent, "Jane Miller Fox")
    assert raised.value.hint.startswith("Nearest names: Jane Miller, ")
