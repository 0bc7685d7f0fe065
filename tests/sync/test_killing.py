"""A reading that is killed goes on where it stood."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from convocore_mcp.leads.affected import merge_affected
from convocore_mcp.leads.keys import derive_keys
from convocore_mcp.sandbox import Dialect, Sandbox, serving
from convocore_mcp.store.database.engine import open_database
from convocore_mcp.store.write.mirror_writer import MirrorWriter, Rules

from .sync_harness import held, wanted

GENEROUS = 300.0
"""Seconds for a busy machine."""


def listed(sandbox: Sandbox) -> int:
    """How many list requests there were, however many are remembered."""
    return sandbox._count  # noqa: SLF001


@pytest.mark.parametrize(
    ("dialect", "size", "once", "kills", "ahead"),
    [("cursor", 20_000, 1000, 20, 1), ("page", 4_000, 305, 6, 8)],
)
def test_a_sweep_killed_again_and_again_reads_each_page_about_once(
    tmp_path: Path, dialect: Dialect, size: int, once: int, kills: int, ahead: int
) -> None:
    """Promised by issue 3: `kill -9` at 20 random moments of a sweep of 20,000 rows.

    `once` is how many requests an undisturbed walk takes, `ahead` how many are under way at a time.
    """
    sandbox = Sandbox(size=size, dialect=dialect, max_limit=20)
    chance = random.Random(7)
    moments = sorted(chance.sample(range(5, once - 10), kills))
    file = tmp_path / "mirror.sqlite3"
    with serving(sandbox) as base_url:
        command = [sys.executable, "-m", "tests.sync.sync_process", base_url, sandbox.key]
        command += [sandbox.agent_id, str(file)]
        wasted = 0
        for moment in moments:
            with subprocess.Popen(command) as process:
                give_up = time.monotonic() + GENEROUS
                while listed(sandbox) < moment + wasted and process.poll() is None:
                    assert time.monotonic() < give_up
                    time.sleep(0.002)
                process.kill()
            wasted += ahead
            # What has moved meanwhile is read when it goes on.
            sandbox.touch(next(row["ID"] for i, row in enumerate(sandbox.rows()) if i == 40))
            sandbox.insert(userName="Somebody New")
        assert subprocess.run(command, timeout=GENEROUS, check=False).returncode == 0
        asked = listed(sandbox)
    mirror = MirrorWriter(
        open_database(file, owner="test"), Rules(keys=derive_keys, merge_affected=merge_affected)
    )
    try:
        assert held(mirror, sandbox.agent_id) == wanted(sandbox)
        assert mirror.coverage(sandbox.agent_id).complete
        assert mirror.coverage(sandbox.agent_id).unfinished is None
    finally:
        mirror.close()
    # Each time: the front once more, and what was under way when it was killed.
    assert asked <= once * 1.03 + kills * (ahead + 5)
