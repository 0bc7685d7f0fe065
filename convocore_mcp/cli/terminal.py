"""What the commands write to a terminal: the one module that writes, without hidden characters.

A terminal obeys escapes, so a name, a file or an error must not bring any.
"""

import typer
from rich.console import Console, RenderableType
from rich.text import Text

from convocore_mcp.server.sanitize import sanitize_line


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
