"""What the commands write to a terminal: the one module that writes, without hidden characters.

A terminal obeys escapes, so a name, a file or an error must not bring any.
"""

import errno
import os
import shutil
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO

import typer
from rich.console import Console, RenderableType
from rich.text import Text

from convocore_mcp.server.sanitize import sanitize_line

_NO_MORE_OUTPUT = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
"""Errors of writing that no command has by itself: the mirror and exported files report theirs."""


def accept_any_character() -> None:
    """Make stdout and stderr accept every character: names are in any script.

    Where Windows writes to a file or a pipe, it takes the encoding of a code page, which has no
    Arabic; such output is UTF-8 instead, as the next Python will have it everywhere. A terminal
    shows `?` for what it can't show.
    """
    for stream in (sys.stdout, sys.stderr):
        if not isinstance(stream, TextIOWrapper):
            continue  # there is none, or a test reads it
        if stream.isatty() or "PYTHONIOENCODING" in os.environ:
            stream.reconfigure(errors="replace")
        else:
            stream.reconfigure(encoding="utf-8", errors="replace")


def open_missing_streams() -> None:
    """Have a stdin, stdout or stderr that was closed before the start lead nowhere.

    Else the next file that is opened would get its number, and what is meant for it.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free: this one
        if getattr(sys, name) is None:
            # Open until the end, as the stream would be.
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115


@contextmanager
def output_errors() -> Iterator[None]:
    """Report in one line that stdout can't be written, as on a full disk, with exit code 1."""
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_MORE_OUTPUT:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # where Python would try once more at the end
        write_lines(f"The output can't be written ({error.strerror}).", err=True)
        sys.exit(1)


def write_lines(text: str, *, err: bool = False) -> None:
    """Write lines to stdout, or to stderr."""
    typer.echo("\n".join(map(sanitize_line, text.split("\n"))), err=err)


def write_wrapped(text: str, *, err: bool = False, indent: int = 0) -> None:
    """Write sentences. On a terminal they end between words, and go on behind `indent` blanks."""
    lines = text.split("\n")
    if (sys.stderr if err else sys.stdout).isatty():
        width = shutil.get_terminal_size().columns
        wrapper = textwrap.TextWrapper(
            width, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False
        )
        lines = [part for line in lines for part in wrapper.wrap(sanitize_line(line)) or [""]]
    write_lines("\n".join(lines), err=err)


def output() -> BinaryIO:
    """Stdout for bytes: a file's content, whose texts have been sanitized."""
    return typer.get_binary_stream("stdout")


def ask(question: str) -> bool:
    """Whether the person at the terminal confirms."""
    with _interrupts():
        return typer.confirm(sanitize_line(question), err=True)


def ask_text(question: str, *, secret: bool = False, default: str | None = None) -> str:
    """What the person at the terminal types, or `default`; a `secret` is not shown."""
    question = sanitize_line(question)
    with _interrupts():
        return str(typer.prompt(question, default=default, hide_input=secret, err=True))


@contextmanager
def _interrupts() -> Iterator[None]:
    """Have Ctrl+C at a question end the command as it does anywhere else: with exit code 130."""
    try:
        yield
    except typer.Abort as abort:
        if isinstance(abort.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        raise


def show(console: Console, content: RenderableType, *, wrap: bool = True) -> None:
    """Write a text of ours, perhaps with markup, or what was made of texts by `shown`."""
    console.print(content, soft_wrap=not wrap)


def shown(text: object, *, style: str = "") -> Text:
    """A text for a table, which is never taken for markup."""
    return Text("\n".join(map(sanitize_line, str(text).split("\n"))), style=style)
