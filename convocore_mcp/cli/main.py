"""The console script. Without arguments it serves stdio, and that path imports as little as it can.

The garbage collector is off meanwhile: imported objects stay, so scanning them is wasted time.
"""

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module

from pydantic import BaseModel

from convocore_mcp.memory_limit import OUT_OF_MEMORY, spare_address_space

SERVE = ("convocore_mcp.cli.serve", "serve")
COMMANDS = ("convocore_mcp.cli.commands", "app")


def main() -> None:
    """Run what the arguments ask for."""
    spare_address_space()
    try:
        _load()()
    except MemoryError:
        sys.exit(OUT_OF_MEMORY)


def _load() -> Callable[[], None]:
    """Import what the arguments ask for."""
    # By name, since only one of the two is imported: typer and rich would double the start.
    module, function = SERVE if sys.argv[1:] in ([], ["serve"]) else COMMANDS
    gc.disable()
    with _validators_built_at_first_use():
        run: Callable[[], None] = getattr(import_module(module), function)
    gc.freeze()
    gc.enable()
    return run


@contextmanager
def _validators_built_at_first_use() -> Iterator[None]:
    """Have pydantic build the validators of models imported meanwhile when they are first used.

    The SDK has models for both eras of the protocol, of which a connection uses a tenth. Building
    all of them would take a sixth of the start. Pydantic has no other switch for foreign models.
    """
    BaseModel.model_config["defer_build"] = True
    try:
        yield
    finally:
        del BaseModel.model_config["defer_build"]
