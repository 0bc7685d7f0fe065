"""A process that takes the sync lock of agent `a`, reports that on stdout, and keeps the lock.

Usage: python -m tests.sync.lock_holder STORE [SECONDS]

SECONDS: how long a lease lasts behind a connection pooler.
"""

import signal
import sys

from convocore_mcp.settings import store_location
from convocore_mcp.store.database.engine import open_database
from convocore_mcp.store.database.sync_locks import sync_locks_for
from convocore_mcp.store.locks.leases import STALE_AFTER

if __name__ == "__main__":
    location = store_location(sys.argv[1], fingerprint="f")
    stale_after = float(sys.argv[2]) if len(sys.argv) > 2 else STALE_AFTER
    database = open_database(location, owner="test")
    lock = sync_locks_for(location, database, stale_after=stale_after).take("a", "full")
    sys.stdout.write("held\n" if lock else "not held\n")
    sys.stdout.flush()
    signal.pause()
