"""`convocore-mcp` with a mirror in PostgreSQL: filled, told of and dropped, and nothing else."""

from pathlib import Path

import psycopg

from convocore_mcp.sandbox import Sandbox, serving
from tests.cli.test_mirror_commands import Shell
from tests.postgresql import NewDatabase


def tables(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return {name for (name,) in found}


def test_a_mirror_in_postgresql_is_filled_told_of_and_dropped(
    postgresql: NewDatabase, tmp_path: Path
) -> None:
    """Promised by the issue: our tables go, and those of others stay; as does another key's."""
    url = postgresql()
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE leads (id text)")
    sandbox = Sandbox(size=30)
    with serving(sandbox) as base_url:
        shell = Shell(tmp_path, sandbox, base_url)
        shell.env["CONVOCORE_STORE"] = url
        assert "No mirror yet at PostgreSQL, " in shell.does("status")
        assert tables(url) == {"leads"}
        assert "read everything" in shell.does("sync")
        assert "Mirror: PostgreSQL, " in shell.does("status")

        other = shell.run("purge", "--yes", CONVOCORE_API_KEY="another")
        assert other.returncode == 1
        assert "belongs to another key or region" in other.stderr
        assert len(tables(url)) > 5

        assert "Deleted" in shell.does("purge", "--yes")
        assert tables(url) == {"leads"}
        assert not shell.files
