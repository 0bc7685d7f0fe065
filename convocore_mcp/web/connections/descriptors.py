"""How many connections the process can hold: each is a file descriptor, and these are limited."""

import sys

if sys.platform != "win32":
    import resource

RESERVED_DESCRIPTORS = 48
"""Descriptors for the mirror, Convocore, logs and the event loop."""
MIN_CONNECTIONS = 8
"""Connections that are tried even with fewer descriptors."""


def possible_connections(wanted: int) -> int:
    """How many of `wanted` connections the process can hold.

    The soft limit on descriptors is raised as far as that needs: on macOS it is 256.
    """
    if sys.platform == "win32":  # has no such limit
        return wanted
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + RESERVED_DESCRIPTORS
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        except (OSError, ValueError):  # the system has a limit of its own
            soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return wanted
    return max(MIN_CONNECTIONS, min(wanted, soft - RESERVED_DESCRIPTORS))
