"""What only a shared database can get wrong."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

import psycopg
import pytest

from convocore_mcp.errors import MirrorError
from convocore_mcp.models import Filter
from convocore_mcp.settings import store_location
from convocore_mcp.store.database.engine import Database, open_database
from convocore_mcp.store.database.schema import metadata
from tests.conversations import conversation
from tests.store.agent_store import AgentStore


def opened(url: str, owner: str = "me") -> Database:
    return open_database(store_location(url, fingerprint="f"), owner=owner)


def told(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def test_another_owners_tables_are_left_alone(postgresql: Callable[[], str]) -> None:
    """Promised by design.md: another credential never sees its rows; ours: nor drops them."""
    url = postgresql()
    theirs = AgentStore(opened(url, "them"))
    theirs.save(conversation("c1"))
    with pytest.raises(MirrorError, match="another key or region") as caught:
        opened(url, "me")
    assert "drop the tables whose names begin with convocore_" in caught.value.hint
    assert len(theirs.find()) == 1
    theirs.mirror.close()


def test_the_hint_holds_two_owners_share_a_database_by_schema(
    postgresql: Callable[[], str],
) -> None:
    """Ours: what the error tells people to do works."""
    url = postgresql()
    told(url, "CREATE SCHEMA mine")
    theirs, mine = opened(url, "them"), opened(f"{url}&options=-csearch_path%3Dmine", "me")
    AgentStore(theirs).save(conversation("c1"))
    assert AgentStore(mine).save(conversation("c1")).created == 1
    for database in (theirs, mine):
        with database.reading() as connection:
            query = "SELECT count(*) FROM convocore_conversations"
            assert connection.exec_driver_sql(query).scalar_one() == 1
        database.close()


def test_tables_of_an_older_version_are_made_anew(postgresql: Callable[[], str]) -> None:
    """Promised by design.md: a schema change rebuilds it."""
    url = postgresql()
    first = opened(url)
    AgentStore(first).save(conversation("c1"))
    first.close()
    told(url, "ALTER TABLE convocore_leads RENAME TO convocore_people")
    told(url, "UPDATE convocore_meta SET value = '1' WHERE key = 'schema'")
    second = opened(url)
    assert second.generation != first.generation
    assert AgentStore(second).save(conversation("c1")).created == 1
    names = {name for (name,) in told(url, "SELECT tablename FROM pg_tables "
                                           "WHERE schemaname = 'public'")}  # fmt: skip
    assert names == set(metadata.tables)
    second.close()


def test_tables_of_a_newer_version_are_left_alone(postgresql: Callable[[], str]) -> None:
    """Ours: while servers are being upgraded, the old must not drop what the new have read."""
    url = postgresql()
    opened(url).close()
    told(url, "UPDATE convocore_meta SET value = '9999' WHERE key = 'schema'")
    with pytest.raises(MirrorError, match="newer version"):
        opened(url)


def test_somebodys_own_tables_are_not_touched(postgresql: Callable[[], str]) -> None:
    """Ours: `leads` is a likely name in a database that people have already."""
    url = postgresql()
    told(url, "CREATE TABLE leads AS SELECT 1 AS id")
    told(url, "CREATE TABLE meta AS SELECT 1 AS id")
    agent_store = AgentStore(opened(url))
    agent_store.save(conversation("c1", name="Ann"))
    agent_store.mirror.rebuild_leads(agent_store.agent)
    assert told(url, "SELECT * FROM leads") == told(url, "SELECT * FROM meta") == [(1,)]
    agent_store.mirror.close()


def test_text_sorts_by_code_point_whatever_the_locale(postgresql: Callable[[], str]) -> None:
    """Ours: pages are cut by comparing ids, and cursors must mean the same everywhere."""
    url = postgresql()
    opened(url).close()
    found = told(
        url,
        "SELECT DISTINCT c.collname FROM pg_attribute a "
        "JOIN pg_class t ON t.oid = a.attrelid JOIN pg_collation c ON c.oid = a.attcollation "
        "WHERE t.relname LIKE 'convocore%' AND t.relkind = 'r' AND a.attnum > 0",
    )
    assert found == [("C",)]


def test_servers_that_start_together_make_one_mirror(postgresql: Callable[[], str]) -> None:
    """Promised by design.md: several servers share one mirror."""
    url = postgresql()
    made: list[Database] = []
    threads = [threading.Thread(target=lambda: made.append(opened(url))) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 5
    assert len({database.generation for database in made}) == 1
    for database in made:
        database.close()


def write(agent_store: AgentStore, name: str) -> None:
    """All that a walk does, with rows that others write too."""
    for i in range(40):
        own = [conversation(f"{name}{i}-{j}", email=f"v{i}@x.example") for j in range(3)]
        agent_store.save(*own, conversation("shared", messages=i, name=name), minute=i)
        agent_store.mirror.miss(agent_store.agent, ["shared", *(c.id for c in own)])
        agent_store.mirror.note(agent_store.agent, gap=name)
        agent_store.mirror.rebuild_leads(agent_store.agent)


def watch(agent_store: AgentStore, done: threading.Event) -> list[str]:
    """A row that appears later must never have a number that was already given out."""
    seen: dict[int, int] = {}
    wrong = []
    while not done.is_set():
        sequence_number = agent_store.mirror_reader.sequence_number()
        for at in {sequence_number, *[*seen][-5:]}:
            count = agent_store.mirror_reader.count(agent_store.agent, Filter(), at=at)
            if seen.setdefault(at, count) != count:
                wrong.append(f"{at}: {seen[at]} rows, then {count}")
    return wrong


def test_numbers_are_committed_in_order_however_many_write(
    postgresql: Callable[[], str],
) -> None:
    """Promised by design.md: whoever has seen everything up to a number has missed nothing."""
    url = postgresql()
    desks = [AgentStore(opened(url)) for _ in range(4)]
    for agent_store in desks:
        agent_store.agent = desks[0].agent
    done = threading.Event()
    with ThreadPoolExecutor() as pool:
        wrong = pool.submit(watch, desks[3], done)
        writers = [pool.submit(write, *pair) for pair in zip(desks[:3], "abc", strict=True)]
        wait(writers)
        done.set()
    assert [writer.exception() for writer in writers] == [None] * 3
    assert wrong.result() == []
    numbers_of = "count(*), count(DISTINCT valid_from), min(valid_from), max(valid_from)"
    query = f"SELECT {numbers_of} FROM convocore_conversations"
    ((rows, numbers, first, last),) = told(url, query)
    assert rows == numbers == last
    assert first == 1
    assert len(desks[0].find()) == 361
    for agent_store in desks:
        agent_store.mirror.close()


def test_a_reader_sees_one_state_for_as_long_as_it_reads(in_postgresql: Database) -> None:
    """Ours: the counts of a summary must be of the same rows."""
    agent_store = AgentStore(in_postgresql)
    query = "SELECT count(*) FROM convocore_conversations"
    with in_postgresql.reading() as connection:
        before = connection.exec_driver_sql(query).scalar_one()
        agent_store.save(conversation("c1"))
        assert connection.exec_driver_sql(query).scalar_one() == before


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:p/ss@localhost/db",
        "postgresql://u:secret@localhost:port/db",
        "postgresql://u:secret@localhost:1/db",
        "postgres://u:secret@/db?host=/nowhere",
        "mysql://u:secret@localhost/db",
        "postgresql+psycopg2://u:secret@localhost/db",
        "redis://:secret@localhost",
        "nonsense://",
    ],
)
def test_a_url_that_leads_nowhere_is_refused_in_words_without_the_password(url: str) -> None:
    """Promised by contract.md: no secret, no path, and what to do."""
    with pytest.raises(MirrorError) as caught:
        opened(url)
    said = f"{caught.value.message} {caught.value.hint}"
    assert "CONVOCORE_STORE" in said
    assert [word for word in ("secret", "p/ss", "ss@", "/nowhere") if word in said] == []
