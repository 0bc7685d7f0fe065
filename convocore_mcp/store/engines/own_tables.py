"""Our tables in a database: whose they are, and how they are dropped."""

from sqlalchemy import Connection, MetaData, select

from convocore_mcp.store.database.schema import PREFIX, meta


def belongs_to(connection: Connection, owner: str) -> bool:
    """Whether `owner` created the mirror."""
    query = select(meta.c.value).where(meta.c.key == "owner")
    return connection.execute(query).scalar() == owner


def drop_tables(connection: Connection, tables: list[str]) -> None:
    """Drop those of `tables` whose names begin with our prefix."""
    # First the table that each transaction reads first. Else one that holds another table could
    # wait for a table that is dropped already: a deadlock.
    meta.drop(connection, checkfirst=True)
    old = MetaData()
    ours = [name for name in tables if name.startswith(PREFIX) and name != meta.name]
    old.reflect(connection, only=ours)
    old.drop_all(connection)
