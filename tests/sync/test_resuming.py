"""A full sync whose process is killed is resumed where it stood."""

import random
import time
from pathlib import Path

import pytest

from convocore_mcp.sandbox import Dialect, Sandbox, serving
from tests.warm_process import WARM

from .sync_harness import mirror_rows, open_mirror, upstream_rows
from .sync_process import run

TIMEOUT = 300.0
"""Seconds, generous for a busy machine."""


def count_list_requests(sandbox: Sandbox) -> int:
    """All list requests so far; `sandbox.requests` keeps only the newest."""
    return sandbox.list_requests


@pytest.mark.parametrize(
    ("dialect", "size", "undisturbed", "kills", "concurrent"),
    [("cursor", 5_000, 250, 20, 1), ("page", 4_000, 305, 6, 8)],
)
def test_a_full_sync_that_is_killed_repeatedly_reads_each_page_about_once(
    tmp_path: Path, dialect: Dialect, size: int, undisturbed: int, kills: int, concurrent: int
) -> None:
    """Promised by docs/architecture.md, "The mirror": a full sync is resumable after a crash.

    `undisturbed` is how many requests a full sync takes that is not killed, `concurrent` how many
    are under way at a time. `kill -9` comes at random moments.
    """
    sandbox = Sandbox(size=size, dialect=dialect, max_limit=20)
    moments = sorted(random.Random(7).sample(range(5, undisturbed - 10), kills))
    file = tmp_path / "mirror.sqlite3"
    with serving(sandbox) as base_url:
        arguments = (base_url, sandbox.key, sandbox.agent_id, file)
        lost_requests = 0
        for moment in moments:
            process = WARM.Process(target=run, args=arguments)
            process.start()
            deadline = time.monotonic() + TIMEOUT
            while count_list_requests(sandbox) < moment + lost_requests and process.is_alive():
                assert time.monotonic() < deadline
                time.sleep(0.002)
            process.kill()
            process.join()
            process.close()
            lost_requests += concurrent
            # These moves to the front are read when the sync is resumed.
            sandbox.touch(next(row["ID"] for i, row in enumerate(sandbox.rows()) if i == 40))
            sandbox.insert(userName="Somebody New")
        last = WARM.Process(target=run, args=arguments)
        last.start()
        last.join(TIMEOUT)
        assert last.exitcode == 0
        requests = count_list_requests(sandbox)
    mirror = open_mirror(file)
    try:
        assert mirror_rows(mirror, sandbox.agent_id) == upstream_rows(sandbox)
        assert mirror.coverage(sandbox.agent_id).complete
        assert mirror.coverage(sandbox.agent_id).unfinished is None
    finally:
        mirror.close()
    # Each kill costs one more read of the front, and the requests that were under way.
    assert requests <= undisturbed * 1.03 + kills * (concurrent + 5)
