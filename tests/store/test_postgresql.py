"""What can go wrong only in a database that servers share."""

import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

import psycopg
import pytest

from convocore_mcp.errors import MirrorError
from convocore_mcp.models import Filter
from convocore_mcp.server.sanitize import sanitize_text
from convocore_mcp.settings import store_location
from convocore_mcp.store.database.engine import Database, open_database
from convocore_mcp.store.database.schema import metadata, search_terms
from tests.conversations import conversation
from tests.store.agent_store import AgentStore


def opened(url: str, owner: str = "me") -> Database:
    return open_database(store_location(url, fingerprint="f"), owner=owner)


def run(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def test_a_url_that_is_not_valid_is_named_and_its_password_is_in_no_traceback() -> None:
    """Promised by docs/security.md, "What never leaves": here a password with @ and : in it."""
    word = f"pass{55}"  # a traceback shows the lines of this test
    with pytest.raises(MirrorError, match="not a valid PostgreSQL URL") as caught:
        opened(f"postgresql+psycopg://ann:se@cret:{word}@db.example/mirror")
    text = "".join(traceback.format_exception(caught.value))
    assert word not in text
    assert "percent-encoded" in sanitize_text(caught.value.hint, 500)
    assert "postgresql://" in sanitize_text(caught.value.hint, 500)


def test_another_owners_tables_are_left_alone(postgresql: Callable[[], str]) -> None:
    """Promised by docs/architecture.md, "The mirror": nobody reads another credential's rows."""
    url = postgresql()
    theirs = AgentStore(opened(url, "them"))
    theirs.save(conversation("c1"))
    with pytest.raises(MirrorError, match="another key, region or time zone") as caught:
        opened(url, "me")
    assert "CONVOCORE_TIMEZONE" in caught.value.hint
    assert "drop the tables whose names begin with convocore_" in caught.value.hint
    assert len(theirs.find()) == 1
    theirs.writer.close()


def test_two_owners_share_a_database_by_schema_as_the_hint_says(
    postgresql: Callable[[], str],
) -> None:
    """Ours: what the hint tells people to do works."""
    url = postgresql()
    run(url, "CREATE SCHEMA mine")
    theirs, mine = opened(url, "them"), opened(f"{url}&options=-csearch_path%3Dmine", "me")
    AgentStore(theirs).save(conversation("c1"))
    assert AgentStore(mine).save(conversation("c1")).created == 1
    for database in (theirs, mine):
        with database.reading() as connection:
            query = "SELECT count(*) FROM convocore_conversations"
            assert connection.exec_driver_sql(query).scalar_one() == 1
        database.close()


def test_tables_of_an_older_version_are_created_again(postgresql: Callable[[], str]) -> None:
    """Promised by docs/architecture.md, "The mirror": a new schema means a new mirror."""
    url = postgresql()
    first = opened(url)
    AgentStore(first).save(conversation("c1"))
    first.close()
    run(url, "ALTER TABLE convocore_leads RENAME TO convocore_people")
    run(url, "UPDATE convocore_meta SET value = '1' WHERE key = 'schema'")
    second = opened(url)
    assert second.generation != first.generation
    assert AgentStore(second).save(conversation("c1")).created == 1
    names = {name for (name,) in run(url, "SELECT tablename FROM pg_tables "
                                           "WHERE schemaname = 'public'")}  # fmt: skip
    assert names == {*metadata.tables, search_terms.name}
    second.close()


def test_tables_of_a_newer_version_are_left_alone(postgresql: Callable[[], str]) -> None:
    """Ours: during an upgrade, an old server must not drop what a new one has read."""
    url = postgresql()
    opened(url).close()
    run(url, "UPDATE convocore_meta SET value = '9999' WHERE key = 'schema'")
    with pytest.raises(MirrorError, match="newer version"):
        opened(url)


def test_tables_of_other_programs_are_not_touched(postgresql: Callable[[], str]) -> None:
    """Ours: an existing database is likely to have a table called `leads`."""
    url = postgresql()
    run(url, "CREATE TABLE leads AS SELECT 1 AS id")
    run(url, "CREATE TABLE meta AS SELECT 1 AS id")
    agent_store = AgentStore(opened(url))
    agent_store.save(conversation("c1", name="Ann"))
    agent_store.rebuild_leads()
    assert run(url, "SELECT * FROM leads") == run(url, "SELECT * FROM meta") == [(1,)]
    agent_store.writer.close()


def test_text_sorts_by_code_point_whatever_the_locale(postgresql: Callable[[], str]) -> None:
    """Ours: pages are cut by comparing ids, and cursors must mean the same everywhere."""
    url = postgresql()
    opened(url).close()
    found = run(
        url,
        "SELECT DISTINCT c.collname FROM pg_attribute a "
        "JOIN pg_class t ON t.oid = a.attrelid JOIN pg_collation c ON c.oid = a.attcollation "
        "WHERE t.relname LIKE 'convocore%' AND t.relkind = 'r' AND a.attnum > 0",
    )
    assert found == [("C",)]


def test_servers_that_start_at_once_create_one_mirror(postgresql: Callable[[], str]) -> None:
    """Promised by docs/architecture.md, "The mirror": several servers share one mirror."""
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
    """All that a full sync writes, with rows that other writers write too."""
    for i in range(20):
        own = [conversation(f"{name}{i}-{j}", email=f"v{i}@x.example") for j in range(3)]
        agent_store.save(*own, conversation("shared", messages=i, name=name), minute=i)
        agent_store.writer.mark_missed(agent_store.agent, ["shared", *(c.id for c in own)])
        agent_store.writer.update_coverage(agent_store.agent, gap=name)
        agent_store.rebuild_leads()


def count_again_and_again(agent_store: AgentStore, done: threading.Event) -> list[str]:
    """Return the counts that changed later: a row got a number that a reader had passed."""
    seen: dict[int, int] = {}
    wrong = []
    while not done.is_set():
        sequence_number = agent_store.reader.sequence_number()
        for at in {sequence_number, *[*seen][-5:]}:
            count = agent_store.reader.count(agent_store.agent, Filter(), at=at)
            if seen.setdefault(at, count) != count:
                wrong.append(f"{at}: {seen[at]} rows, then {count}")
    return wrong


def test_numbers_are_committed_in_order_however_many_write(
    postgresql: Callable[[], str],
) -> None:
    """Promised by docs/architecture.md, "The mirror": a reader misses nothing up to a number."""
    url = postgresql()
    agent_stores = [AgentStore(opened(url)) for _ in range(4)]
    for agent_store in agent_stores:
        agent_store.agent = agent_stores[0].agent
    done = threading.Event()
    with ThreadPoolExecutor() as pool:
        wrong = pool.submit(count_again_and_again, agent_stores[3], done)
        writers = [pool.submit(write, *pair) for pair in zip(agent_stores[:3], "abc", strict=True)]
        wait(writers)
        done.set()
    assert [writer.exception() for writer in writers] == [None] * 3
    assert wrong.result() == []
    numbers_of = "count(*), count(DISTINCT valid_from), min(valid_from), max(valid_from)"
    query = f"SELECT {numbers_of} FROM convocore_conversations"
    ((rows, numbers, first, last),) = run(url, query)
    assert rows == numbers
    assert int(str(last)) >= int(str(rows))  # rebuilding leads takes numbers, too
    assert first == 1
    assert len(agent_stores[0].find()) == 181
    for agent_store in agent_stores:
        agent_store.writer.close()


@pytest.mark.parametrize("table", ["conversations", "leads", "agents"])
def test_a_dropped_table_is_made_again_with_all_others(
    postgresql: Callable[[], str], table: str
) -> None:
    """Promised by docs/architecture.md, "The mirror": at opening, and while it is in use."""
    url, ann = postgresql(), conversation("c1", email="ann@x.example")
    agent_store = AgentStore(opened(url))
    agent_store.save(ann)
    run(url, f"DROP TABLE convocore_{table}")

    def use() -> None:
        agent_store.save(ann, minute=1)
        agent_store.rebuild_leads()

    with pytest.raises(MirrorError) as caught:
        use()
    assert caught.value.code == "mirror_unavailable"
    use()
    assert len(agent_store.find()) == 1
    agent_store.writer.close()

    run(url, f"DROP TABLE convocore_{table}")
    again = AgentStore(opened(url))
    assert again.save(ann).created == 1
    again.writer.close()


def test_tables_that_do_not_say_whose_they_are_stay_and_the_error_says_what_to_do(
    postgresql: Callable[[], str],
) -> None:
    """Promised by docs/contract.md, "Rules for every answer": a hint says what to do next."""
    url = postgresql()
    agent_store = AgentStore(opened(url))
    agent_store.save(conversation("c1"))
    agent_store.writer.close()
    run(url, "DROP TABLE convocore_meta")
    with pytest.raises(MirrorError) as caught:
        opened(url)
    assert caught.value.code == "mirror_unavailable"
    assert "drop the tables" in caught.value.hint
    assert run(url, "SELECT count(*) FROM convocore_conversations") == [(1,)]


def test_a_transaction_reads_one_consistent_state(in_postgresql: Database) -> None:
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
def test_an_unusable_url_is_refused_without_naming_the_password(url: str) -> None:
    """Promised by docs/contract.md, "Rules for every answer": no secret, no path, and a hint."""
    with pytest.raises(MirrorError) as caught:
        opened(url)
    error = f"{caught.value.message} {caught.value.hint}"
    assert "CONVOCORE_STORE" in error
    assert [word for word in ("secret", "p/ss", "ss@", "/nowhere") if word in error] == []
