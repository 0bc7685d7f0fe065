"""Another process on the same mirror.

Usage: python -m tests.sync.other hold STORE   (takes a turn, says so, and keeps it)
"""

import signal
import sys

from convocore_mcp.settings import store_location
from convocore_mcp.store.database.engine import open_database
from convocore_mcp.store.database.sync_locks import sync_locks_for

if __name__ == "__main__":
    place = store_location(sys.argv[2], fingerprint="f")
    held = sync_locks_for(place, open_database(place, owner="test")).take("a", "full")
    sys.stdout.write("held\n" if held else "not held\n")
    sys.stdout.flush()
    signal.pause()
