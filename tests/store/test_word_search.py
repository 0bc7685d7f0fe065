"""Search: the index finds the same conversations as the definition (`words.row_words`)."""

import json
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import inspect, select

from convocore_mcp.errors import MirrorError
from convocore_mcp.leads.keys import phone_key
from convocore_mcp.models import Conversation, Facts, Filter, Page, Quarantined
from convocore_mcp.settings import store_location
from convocore_mcp.store.database.engine import Database, open_database
from convocore_mcp.store.database.schema import CURRENT, conversations
from convocore_mcp.store.engines.own_tables import drop_tables
from convocore_mcp.store.read.word_search import field_condition, matching_keys, terms_condition
from convocore_mcp.store.write.erasing import Eraser
from convocore_mcp.store.write.mirror_writer import MirrorWriter
from convocore_mcp.words.queries import search_terms
from convocore_mcp.words.row_words import row_matches
from convocore_mcp.words.searched import searched_texts
from tests.conversations import conversation
from tests.postgresql import NewDatabase
from tests.store.agent_store import RULES, AgentStore, at
from tests.store.steps import examples_share_a_mirror, in_each_mirror

WORDS = (
    "refund", "Refunds", "refunded", "refuge", "policy", "policies", "data", "date", "cars", "car",
    "Müller", "Mueller", "muller", "O'Brien", "OBrien", "o", "brien", "casa", "casas", "цена",
    "цены", "новый", "новая", "الطلب", "طلب", "Rechnung", "Rechnungen", "退款政策", "退款", "策退",
    "환불을", "환불", "อาหารไทย", "อาหาร", "👍🏽", "👍🎉", "29260",
    "+49 151 29260773", "a-b", "%", "*",
)  # fmt: skip
words = st.sampled_from(WORDS)
texts = st.none() | st.lists(words, max_size=4).map(" ".join)
languages = st.sampled_from([None, "en", "de-DE", "Spanish", "ru", "zh"])
queries = st.one_of(
    words,
    st.tuples(words, words).map(" ".join),
    st.tuples(words, words).map("|".join),
    st.tuples(words, words).map(lambda two: f'"{two[0]} {two[1]}"'),
    st.tuples(words, words, words).map(lambda three: f'{three[0]}|"{three[1]} {three[2]}"'),
)


def with_texts(number: int, **fields: Any) -> Conversation:
    """A conversation whose record has the same funnel summary as its facts."""
    funnel = fields.pop("funnel", None)
    record = json.dumps({"id": f"w{number}", "funnel_summary": funnel}, separators=(",", ":"))
    made = conversation(f"w{number}", facts=Facts(funnel_summary=funnel), **fields)
    return replace(made, record=f"{record[:-1]},{made.record[1:]}")


lists = st.lists(
    st.fixed_dictionaries(
        {
            "name": texts, "summary": texts, "notes": texts, "funnel": texts, "language": languages,
            "phone": st.sampled_from([None, "0151 29260773"]),
            "tags": st.lists(words, max_size=1).map(tuple),
        }
    ),
    min_size=1,
    max_size=5,
).map(lambda rows: [with_texts(i, **fields) for i, fields in enumerate(rows)])  # fmt: skip


def expected(rows: list[Conversation], query: str) -> set[str]:
    return {
        c.id
        for c in rows
        if row_matches(
            searched_texts(c, phone_key(c.phone, c.country)),
            search_terms(query),
            language=c.language,
        )
    }


@examples_share_a_mirror
@given(rows=lists, later=lists, query=queries)
@in_each_mirror
def test_the_index_finds_what_the_definition_says(
    database: Database, rows: list[Conversation], later: list[Conversation], query: str
) -> None:
    """Promised by docs/contract.md, "Tools": the matches of `query`, and their exact `total`.

    Holds docs/contract.md #query-words.
    """
    agent_store = AgentStore(database)
    criteria = Filter(terms=search_terms(query))
    agent_store.save(*rows)
    then = agent_store.reader.sequence_number()
    assert {c.id for c in agent_store.find(criteria)} == expected(rows, query)
    assert agent_store.count(criteria) == len(expected(rows, query))
    agent_store.save(*later, minute=1)
    now = list({c.id: c for c in (*rows, *later)}.values())
    assert {c.id for c in agent_store.find(criteria)} == expected(now, query)
    assert {c.id for c in agent_store.find(criteria, at=then)} == expected(rows, query)
    assert agent_store.reader.count(agent_store.agent, criteria, at=then) == len(
        expected(rows, query)
    )


def test_words_of_other_filters_and_phrases_hold_together(database: Database) -> None:
    """Promised by docs/contract.md, "Tools": filters combine."""
    agent_store = AgentStore(database)
    agent_store.save(
        conversation("c1", summary="the refund policy", stage="won", score=80),
        conversation("c2", summary="the refund policies", stage="new", score=80),
        conversation("c3", summary="policy of refunds", stage="won", score=80),
        conversation("c4", summary="a refund policy", stage="won", score=5),
    )
    criteria = Filter(terms=search_terms('"refund policy"'), stages=("won",), min_score=50)
    for sort in ("newest", "score", "oldest"):
        assert [c.id for c in agent_store.find(criteria, sort=sort)] == ["c1"]
    assert agent_store.count(criteria) == 1


def test_the_words_of_a_lead_may_stand_in_several_conversations(database: Database) -> None:
    """Ours: what people are found by is the union of what their conversations are found by."""
    agent_store = AgentStore(database)
    agent_store.save(
        conversation("c1", identity="i1", name="Ann", summary="asks for refunds"),
        conversation("c2", identity="i1", notes="has an invoice"),
        conversation("c3", identity="i2", name="Bob", summary="asks for a refund"),
    )
    agent_store.rebuild_leads()
    c = conversations.c
    with database.reading() as connection:
        found = [
            set(
                connection.scalars(
                    select(c.lead_id).where(
                        c.valid_to == CURRENT,
                        terms_condition(connection, agent_store.agent, (group,)),
                    )
                )
            )
            for group in search_terms("refund invoices")
        ]
    assert len(found[0]) == 2
    (lead_id,) = found[0] & found[1]
    assert agent_store.leads()[lead_id].name == "Ann"


def test_one_field_can_be_searched_alone(database: Database) -> None:
    """Ours: `~` in `where` is about one field."""
    agent_store = AgentStore(database)
    agent_store.save(
        conversation("c1", summary="refunds", notes="invoice", language="en"),
        conversation("c2", notes="refund"),
        conversation("c3", tags=("refund policy", "vip")),
    )
    c = conversations.c
    of_agent = c.agent_id == agent_store.agent
    with database.reading() as connection:
        terms = search_terms("refund")
        summaries = select(c.id, c.summary, c.language).where(of_agent)
        assert matching_keys(connection, summaries, terms) == ["c1"]
        tags = select(c.id, c.tags, c.language).where(of_agent)
        phrase = search_terms('"refund policy"|nothing')
        assert matching_keys(connection, tags, phrase, texts=json.loads) == ["c3"]
        assert matching_keys(connection, tags, (), texts=json.loads) == []
        for searched in (True, False):
            has = field_condition(connection, agent_store.agent, c.notes, terms, searched=searched)
            assert list(connection.scalars(select(c.id).where(of_agent, has))) == ["c2"]
            others = connection.scalars(select(c.id).where(of_agent, ~has))
            assert set(others) == {"c1", "c3"}


def test_words_of_a_page_that_was_not_saved_are_found_when_it_is(database: Database) -> None:
    """Ours: PostgreSQL has a list of words, which must not lag behind after a rollback."""
    agent_store = AgentStore(database)
    nameless = Quarantined("{}", None)  # type: ignore[arg-type]  # refused by both
    (first,) = agent_store.of_agent([conversation("c1", summary="unusualities")])
    (second,) = agent_store.of_agent([conversation("c2", summary="unusuality")])
    with pytest.raises(MirrorError):
        agent_store.writer.save(agent_store.agent, Page((first,), (nameless,)), read_at=at(0))
    assert agent_store.find() == []
    agent_store.writer.save(agent_store.agent, Page((first,)), read_at=at(0))
    MirrorWriter(database, RULES).save(agent_store.agent, Page((second,)), read_at=at(0))
    for query in ("unusualities", "unusuality"):
        found = agent_store.find(Filter(terms=search_terms(query)))
        assert {c.id for c in found} == {"c1", "c2"}, query


def test_a_query_of_the_greatest_length_is_answered(database: Database) -> None:
    """Ours: both engines take the query that 500 characters can make."""
    agent_store = AgentStore(database)
    agent_store.save(conversation("c1", summary="aa1 aa2 aa3", language="en"))
    many = " ".join(f"{a}{b}" for a in "abcdefghijklm" for b in "nopqrstuvwxyz")[:500]
    bars = "|".join(f"word{a}s" for a in "abcdefghijklmnopqrst")
    runs = "退款政策" * 125
    for query in (many, bars, runs, '"' + many[:498] + '"'):
        assert agent_store.find(Filter(terms=search_terms(query))) == []
    assert agent_store.count(Filter(terms=search_terms(f"aa1|{bars}".replace("|wordts", "")))) == 1


def test_a_word_is_found_in_its_inflections_after_the_first_who_had_it_was_erased(
    database: Database,
) -> None:
    """Promised by docs/contract.md #query-words: in another inflection, on every engine."""
    store = AgentStore(database)
    store.save(conversation("c1", summary="refunds"))
    Eraser(database).forget(store.agent, ["c1"])
    store.save(conversation("c2", summary="refunds"))
    assert [c.id for c in store.find(Filter(terms=search_terms("refunding")))] == ["c2"]


def test_a_word_is_found_in_its_inflections_in_a_mirror_that_replaces_another(
    postgresql: NewDatabase,
) -> None:
    """Promised by docs/contract.md #query-words: in another inflection, on every engine."""
    location = store_location(postgresql(), fingerprint="f")
    with closing(open_database(location, owner="me")) as database:
        store = AgentStore(database)
        store.save(conversation("c1", summary="refunds"))
        with database.writing() as connection:
            drop_tables(connection, inspect(connection).get_table_names())
        with pytest.raises(MirrorError):
            store.find()
        store.save(conversation("c1", summary="refunds"))
        assert [c.id for c in store.find(Filter(terms=search_terms("refunding")))] == ["c1"]
