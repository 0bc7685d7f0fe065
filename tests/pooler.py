"""A real PgBouncer in front of the tests' PostgreSQL: transaction pooling, one connection."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.postgresql import NewDatabase
from tests.web.web_server import wait_until

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
NEEDS_PGBOUNCER = pytest.mark.skipif(
    PGBOUNCER is None, reason="PgBouncer is not installed: apt-get install pgbouncer"
)
PORT = 6432
Pooled = Callable[[str], str]
"""The URL of a database by way of the pooler."""
CONFIGURATION = """
[databases]
* = host={server}
[pgbouncer]
listen_addr =
listen_port = {port}
unix_socket_dir = {folder}
auth_type = trust
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = 1
max_client_conn = 50
logfile = {folder}/log
pidfile = {folder}/pid
"""


def socket_folder(url: str) -> Path:
    """The folder of the socket on which a server listens that `url` names."""
    return Path(parse_qs(urlsplit(url).query)["host"][0])


@contextmanager
def running_pooler(server: Path) -> Iterator[Pooled]:
    """PgBouncer in front of the server that listens in the folder `server`."""
    assert PGBOUNCER is not None
    # Not pytest's folder: only its owner can open it, and PgBouncer never runs as root.
    folder = Path(tempfile.mkdtemp(prefix="convocore-pooler-"))
    (folder / "users").write_text('"postgres" ""\n')
    (folder / "settings").write_text(CONFIGURATION.format(server=server, folder=folder, port=PORT))
    shutil.chown(folder, server.owner())
    user = ["-u", server.owner()] if os.geteuid() == 0 else []
    with subprocess.Popen(
        [PGBOUNCER, "-q", *user, str(folder / "settings")], stderr=subprocess.DEVNULL
    ) as process:
        try:
            wait_until((folder / f".s.PGSQL.{PORT}").exists, process)
            yield lambda url: url.replace(f"host={server}", f"host={folder}&port={PORT}")
        finally:
            process.kill()
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def pooled(postgresql: NewDatabase) -> Iterator[Pooled]:
    """A function that makes of a database's URL one that goes through the pooler."""
    with running_pooler(socket_folder(postgresql())) as by_way_of_pooler:
        yield by_way_of_pooler
