"""What `convocore-mcp --version` says: all that a bug report needs."""

import platform
import sqlite3
from importlib.metadata import version

LIBRARIES = ("mcp", "httpx", "pydantic", "SQLAlchemy")


def version_text() -> str:
    """The versions of this program, of Python, of the system, and of what it is built on."""
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return "\n".join(
        (
            f"convocore-mcp {version('convocore-mcp')}",
            f"Python {platform.python_version()} ({platform.python_implementation()})",
            f"{platform.platform()}, {platform.machine()}",
            f"{libraries}, SQLite {sqlite3.sqlite_version}",
        )
    )
