"""`convocore-mcp sync`, `status` and `purge` with a mirror in PostgreSQL."""

from pathlib import Path

import psycopg

from convocore_mcp.sandbox import Sandbox, serving
from tests.cli.command_line import CommandLine
from tests.postgresql import NewDatabase


def tables(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return {name for (name,) in found}


def test_a_mirror_in_postgresql_is_filled_reported_and_dropped(
    postgresql: NewDatabase, tmp_path: Path
) -> None:
    """Promised by docs/operations.md, "Commands": other programs' and other keys' tables stay."""
    url = postgresql()
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE leads (id text)")
    sandbox = Sandbox(size=30)
    with serving(sandbox) as base_url:
        shell = CommandLine(tmp_path, sandbox, base_url)
        shell.env["CONVOCORE_STORE"] = url
        assert "No mirror yet at PostgreSQL, " in shell.run_ok("status")
        assert tables(url) == {"leads"}
        assert "read everything" in shell.run_ok("sync")
        assert "Mirror: PostgreSQL, " in shell.run_ok("status")

        other = shell.run("purge", "--yes", CONVOCORE_API_KEY="another")
        assert other.returncode == 1
        assert "belongs to another key, region or time zone" in other.stderr
        assert len(tables(url)) > 5

        assert "Deleted" in shell.run_ok("purge", "--yes")
        assert tables(url) == {"leads"}
        shell.run_ok("sync")
        assert "Deleted" in shell.run_ok("purge", "--all", "--yes", CONVOCORE_API_KEY="another")
        assert tables(url) == {"leads"}
        assert not shell.files
