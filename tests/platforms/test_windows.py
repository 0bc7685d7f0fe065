"""Windows, as far as Linux can behave like it."""

import errno
import os
import pkgutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import pytest
from mcp import Client, StdioServerParameters

import convocore_mcp
from convocore_mcp.api import record_scalars
from convocore_mcp.api.record_scalars import parse_instant
from convocore_mcp.errors import MirrorError
from convocore_mcp.sandbox import Sandbox, serving
from convocore_mcp.sandbox.server import http_server
from convocore_mcp.settings import store_location
from convocore_mcp.store.database.engine import open_database
from convocore_mcp.web import web_server
from tests.conversations import conversation
from tests.process_environment import isolated_environment
from tests.store.agent_store import AgentStore
from tests.web.web_server import RunningServer

AS_ON_WINDOWS = str(Path(__file__).parent / "as_on_windows.py")
MODULES = list(pkgutil.walk_packages(convocore_mcp.__path__, "convocore_mcp."))


def test_every_module_is_imported_without_what_only_posix_has(tmp_path: Path) -> None:
    """Promised by docs/operations.md, "Windows and macOS"."""
    done = subprocess.run(
        [sys.executable, AS_ON_WINDOWS, "import"],
        env=isolated_environment(tmp_path), capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) == len(MODULES) - 1  # but for `__main__`


async def test_it_serves_stdio_without_what_only_posix_has(tmp_path: Path) -> None:
    """Promised by docs/operations.md, "Windows and macOS". The folder has blanks."""
    sandbox = Sandbox(size=30)
    rows = list(sandbox.rows())
    mirror = tmp_path / "Ana María's 100% data" / "mirror.sqlite3"
    with serving(sandbox) as base_url:
        env = isolated_environment(
            tmp_path,
            CONVOCORE_API_KEY=sandbox.key,
            CONVOCORE_AGENT_ID=sandbox.agent_id,
            CONVOCORE_BASE_URL=base_url,
            CONVOCORE_STORE=str(mirror),
        )
        command = [AS_ON_WINDOWS, "run"]
        server = StdioServerParameters(command=sys.executable, args=command, env=env)
        async with Client(server) as client:
            result = await client.call_tool("list_conversations", {"limit": 100})

    assert result.structured_content is not None
    assert result.structured_content["total"] == len(rows)
    assert mirror.is_file()


@contextmanager
def http_server_as_on_windows(folder: Path) -> Iterator[RunningServer]:
    stderr_file = folder / "stderr"
    command = [sys.executable, AS_ON_WINDOWS, "run", "serve", "--transport", "http", "--demo"]
    env = isolated_environment(folder, CONVOCORE_LOG_LEVEL="info")
    with (
        stderr_file.open("wb") as stderr,
        subprocess.Popen([*command, "--port", "0"], stderr=stderr, env=env) as process,
    ):
        try:
            yield RunningServer(process, stderr_file)
        finally:
            process.kill()


async def test_it_serves_http_without_what_only_posix_has(tmp_path: Path) -> None:
    """Promised by docs/operations.md, "Windows and macOS"."""
    with http_server_as_on_windows(tmp_path) as server:
        async with Client(f"{server.url}/mcp") as client:
            result = await client.call_tool("list_conversations", {"limit": 1})

        assert not result.is_error
        assert server.stop() == 0


@pytest.mark.parametrize("module", [web_server, http_server])
def test_no_other_program_can_take_over_the_port(
    module: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ours: SO_REUSEADDR of Windows would let it. Another option stands in for Windows' own."""
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(socket, "SO_EXCLUSIVEADDRUSE", socket.SO_KEEPALIVE, raising=False)
    open_listener = vars(module).get("open_listener") or vars(module)["_open_listener"]
    with open_listener("127.0.0.1", 0) as listener:
        assert listener.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR) == 0
        assert listener.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1


def refuse_open_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have renaming fail as on Windows while this process has the file open."""
    rename = os.rename

    def rename_as_on_windows(source: Path, target: Path) -> None:
        opened = Path("/proc/self/fd").iterdir()
        if any(fd.exists() and fd.samefile(source) for fd in opened):
            raise PermissionError(errno.EACCES, "The process cannot access the file")
        rename(source, target)

    monkeypatch.setattr(os, "rename", rename_as_on_windows)


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle:] = os.urandom(len(content) - middle)
    path.write_bytes(content)


def test_a_damaged_mirror_is_closed_before_it_is_renamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ours: Windows does not rename a file that is open, be it by ourselves."""
    refuse_open_files(monkeypatch)
    path = tmp_path / "mirror.sqlite3"
    database = open_database(path, owner="me")
    AgentStore(database).save(*(conversation(f"c{i}", summary="a talk " * 90) for i in range(99)))
    with database.reading() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").all()
        connection.exec_driver_sql("PRAGMA shrink_memory")
    damage(path)

    def read() -> None:
        with database.reading() as connection:
            for column, table in (("record", "records"), ("search", "conversations")):
                query = f"SELECT sum(length({column})) FROM convocore_{table}"
                connection.exec_driver_sql(query).all()

    with pytest.raises(MirrorError, match="damaged and has been set aside"):
        read()
    assert any(".aside-" in file.name for file in tmp_path.iterdir())
    database.close()


def test_a_damaged_mirror_that_another_program_has_open_is_called_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promised by docs/contract.md, "Rules for every answer": `mirror_unavailable`, and a hint."""
    refuse_open_files(monkeypatch)
    path = tmp_path / "mirror.sqlite3"
    open_database(path, owner="me").close()
    damage(path)

    with path.open("rb"), pytest.raises(MirrorError, match="another program has the file open"):
        open_database(path, owner="me")


class WindowsTime(datetime):
    """`fromtimestamp` as on Windows, whose calendar ends with the year 3000."""

    @classmethod
    def fromtimestamp(cls, timestamp: float, tz: object = None) -> NoReturn:
        del tz
        assert timestamp > 32_536_000_000, "these are read as everywhere"
        raise OSError(errno.EINVAL, "Invalid argument")


@pytest.mark.parametrize("of_a_second", [1, 1_000, 1_000_000])
def test_a_time_after_the_year_3000_is_read(
    of_a_second: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promised by docs/architecture.md, "Reading Convocore": one odd field never ends the page."""
    monkeypatch.setattr(record_scalars, "datetime", WindowsTime)

    assert parse_instant(33_000_000_000 * of_a_second) == datetime(3015, 9, 24, 10, 40, tzinfo=UTC)


@pytest.mark.parametrize("store", [r"{}", "sqlite:///{}"])
def test_a_mirror_may_be_on_a_drive_and_in_a_folder_with_blanks(store: str) -> None:
    """Promised by docs/operations.md, "Windows and macOS"."""
    path = "C:/Users/Ana María/App Data/mirror.sqlite3"

    assert str(store_location(store.format(path), fingerprint="")) == path
