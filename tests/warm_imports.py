"""What processes import that begin warm (`tests.warm_process`)."""

import importlib

for name in (
    "convocore_mcp.assembly",
    "convocore_mcp.cli.commands",
    "convocore_mcp.cli.main",
    "convocore_mcp.cli.serve_web",
    "tests.sync.sync_process",
):
    importlib.import_module(name)
