"""The console script. Without arguments it serves stdio, and that path imports as little as it can.

The garbage collector is off meanwhile: imported objects stay, so scanning them is wasted time.
"""

import gc
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module

from pydantic import BaseModel

from convocore_mcp.logs import log_to_stderr
from convocore_mcp.memory_limit import (
    OUT_OF_MEMORY,
    has_enough_memory,
    is_out_of_memory,
    spare_address_space,
)

log = logging.getLogger(__name__)

SERVE = ("convocore_mcp.cli.serve", "serve")
IN_TERMINAL = ("convocore_mcp.cli.in_terminal", "serve_in_terminal")
COMMANDS = ("convocore_mcp.cli.commands", "run")
COMPLETION = "_CONVOCORE_MCP_COMPLETE"
"""Set by the shell that asks which words can follow; it passes no arguments."""


def main() -> None:
    """Run what the arguments ask for."""
    spare_address_space()
    try:
        if not has_enough_memory():
            raise MemoryError
        _load()()
    except KeyboardInterrupt:  # commands handle it; serving does once it has begun
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.raise_signal(signal.SIGINT)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        log_to_stderr()
        log.critical(OUT_OF_MEMORY)
        sys.exit(1)


def _load() -> Callable[[], None]:
    """Import what the arguments ask for."""
    # By name, since only one of them is imported: typer and rich would double the start.
    module, function = _entry_point()
    gc.disable()
    with _validators_built_at_first_use(), _ended_by_interrupt():
        run: Callable[[], None] = getattr(import_module(module), function)
    gc.freeze()
    gc.enable()
    return run


def _entry_point() -> tuple[str, str]:
    if COMPLETION in os.environ or sys.argv[1:] not in ([], ["serve"]):
        return COMMANDS
    return IN_TERMINAL if sys.stdin is not None and sys.stdin.isatty() else SERVE


@contextmanager
def _ended_by_interrupt() -> Iterator[None]:
    """Have Ctrl+C end the process at once, as it does a program in C: there is nothing to tidy up.

    Python's own handler would print where in some import it was.
    """
    handler = signal.getsignal(signal.SIGINT)
    if handler is not signal.default_int_handler:  # ignored, as under nohup
        yield
        return
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


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
