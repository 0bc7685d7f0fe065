"""The composition root: reads settings, builds the parts, runs a command.

`convocore-mcp` without arguments serves stdio. That path imports as little as it can, with the
garbage collector off meanwhile: what is imported stays, and looking through it is wasted time.
"""

import gc
import sys


def main() -> None:
    """The console script."""
    gc.disable()
    if sys.argv[1:] in ([], ["serve"]):
        from convocore_mcp.serving import serve  # noqa: PLC0415  only what serving needs

        run = serve
    else:
        from convocore_mcp.commands import app  # noqa: PLC0415  typer and rich take their time

        run = app
    gc.freeze()
    gc.enable()
    run()
