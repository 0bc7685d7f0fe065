"""What the commands write to a terminal: the one module that writes, without hidden characters.

A terminal obeys escapes, so a name, a file or an error must not bring any.
"""

import os
import sys
from io import TextIOWrapper

import typer
from rich.console import Console, RenderableType
from rich.text import Text

from convocore_mcp.server.sanitize import sanitize_line


def accept_any_sign() -> None:
    """Have stdout and stderr take every sign: names are in any script.

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


def say(text: str, *, err: bool = False) -> None:
    """Write lines to stdout, or to stderr."""
    typer.echo("\n".join(map(sanitize_line, text.split("\n"))), err=err)


def ask(question: str) -> bool:
    """Whether the person at the terminal confirms."""
    return typer.confirm(sanitize_line(question))


def show(console: Console, content: RenderableType, *, wrap: bool = True) -> None:
    """Write a text of ours, perhaps with markup, or what was made of texts by `shown`."""
    console.print(content, soft_wrap=not wrap)


def shown(text: object, *, style: str = "") -> Text:
    """A text for a table, which is never taken for markup."""
    return Text("\n".join(map(sanitize_line, str(text).split("\n"))), style=style)
