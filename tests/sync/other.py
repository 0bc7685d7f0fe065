"""Another process on the same mirror.

Usage: python -m tests.sync.other hold STORE   (takes a turn, says so, and keeps it)
"""

import signal
import sys

from convocore_mcp.settings import store_location
from convocore_mcp.store.engine import open_database
from convocore_mcp.store.turn import turns

if __name__ == "__main__":
    place = store_location(sys.argv[2], fingerprint="f")
    held = turns(place, open_database(place, owner="test")).take("a", "walk")
    sys.stdout.write("held\n" if held else "not held\n")
    sys.stdout.flush()
    signal.pause()
