"""How a command reports an error: a line or two on stderr, and an exit code.

The exit code is 1 after a failure, and 2 if a setting is missing or wrong.
"""

import functools
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec

import typer

from convocore_mcp.cli.terminal import write_lines, write_wrapped
from convocore_mcp.errors import ConvocoreError, NotConfiguredError
from convocore_mcp.logs import log_to_stderr

P = ParamSpec("P")

FAILED, NOT_CONFIGURED = 1, 2


def with_error_reports(command: Callable[P, None]) -> Callable[P, None]:
    """Report an expected error in a line or two on stderr, and as an exit code."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        log_to_stderr()
        try:
            command(*args, **kwargs)
        except ConvocoreError as error:
            report(error)
            raise typer.Exit(exit_code(error)) from None

    return run


@contextmanager
def start_errors() -> Iterator[None]:
    """Report why a server does not start, in one line on stderr, and as an exit code."""
    try:
        yield
    except NotConfiguredError as error:
        write_lines(f"{error.message} {shell_hint(error)}".strip(), err=True)
        raise typer.Exit(exit_code(error)) from None


def silence_reported_loggers() -> None:
    """Silence the loggers that warn of what a command reports itself."""
    for name in ("convocore_mcp.sync", "stamina"):
        logging.getLogger(name).setLevel(logging.ERROR)


def report(error: ConvocoreError, *, prefix: str = "") -> None:
    """Write an error to stderr, with the hint for somebody who typed a command."""
    write_wrapped(f"{prefix}{error.message}", err=True)
    if hint := shell_hint(error):
        write_wrapped(hint, err=True)


def shell_hint(error: ConvocoreError) -> str:
    """What somebody at a terminal can do about an error: there is no client's entry to edit."""
    in_shell = error.in_shell if isinstance(error, NotConfiguredError) else ""
    return in_shell or error.hint


def exit_code(error: ConvocoreError) -> int:
    """The exit code of a command that ends with an error."""
    return NOT_CONFIGURED if isinstance(error, NotConfiguredError) else FAILED
