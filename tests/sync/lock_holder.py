"""A process that takes the sync lock of agent `a`, reports that on stdout, and keeps the lock.

Usage: python -m tests.sync.lock_holder STORE
"""

import signal
import sys

from convocore_mcp.settings import store_location
from convocore_mcp.store.database.engine import open_database
from convocore_mcp.store.database.sync_locks import sync_locks_for

if __name__ == "__main__":
    location = store_location(sys.argv[1], fingerprint="f")
    lock = sync_locks_for(location, open_database(location, owner="test")).take("a", "full")
    sys.stdout.write("held\n" if lock else "not held\n")
    sys.stdout.flush()
    signal.pause()
