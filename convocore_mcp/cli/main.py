"""The composition root: reads settings, builds the parts, runs a command.

`convocore-mcp` without arguments serves stdio. That path imports as little as it can, with the
garbage collector off meanwhile: what is imported stays, and looking through it is wasted time.
"""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import BaseModel


def main() -> None:
    """The console script."""
    gc.disable()
    with _models_built_when_used():
        if sys.argv[1:] in ([], ["serve"]):
            from convocore_mcp.assembly import serve  # noqa: PLC0415  only what serving needs

            run = serve
        else:
            from convocore_mcp.cli.commands import app  # noqa: PLC0415  typer and rich take their time

            run = app
    gc.freeze()
    gc.enable()
    run()


@contextmanager
def _models_built_when_used() -> Iterator[None]:
    """Let pydantic build the validators of what is imported meanwhile at their first use.

    The SDK has models for both eras of the protocol; a connection uses a tenth of them.
    """
    BaseModel.model_config["defer_build"] = True
    try:
        yield
    finally:
        del BaseModel.model_config["defer_build"]
