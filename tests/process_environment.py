"""The environment of the processes that tests start."""

import os
from pathlib import Path

TIMEOUT_SECONDS = 20.0
"""Generous, for a busy machine; benchmarks/ measures how long things really take."""

CLIENT_FOLDER_VARIABLES = {"APPDATA", "CLAUDE_CONFIG_DIR", "CODEX_HOME"}
"""Variables with folders in which MCP clients keep their settings, if not in the home folder."""


def isolated_environment(home: Path, **settings: str) -> dict[str, str]:
    """`settings`, and a home folder of its own: a test must not touch the user's files.

    Unless `settings` say otherwise, no details are read, because a test counts requests; and a call
    waits long, because a machine that runs tests is busy.
    """
    settings = {"CONVOCORE_DETAILS": "off", "CONVOCORE_WAIT_SECONDS": "60"} | settings
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("CONVOCORE_") and name not in CLIENT_FOLDER_VARIABLES
    }
    folders = {
        "HOME": str(home),
        "XDG_DATA_HOME": str(home / "data"),
        "XDG_CONFIG_HOME": str(home / ".config"),
    }
    return kept | folders | settings
