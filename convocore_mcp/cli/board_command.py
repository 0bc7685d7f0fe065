"""`convocore-mcp board`: the board in a browser on this machine."""

import functools
import threading
import webbrowser
from typing import Annotated

import typer

from convocore_mcp.cli.error_reports import start_errors
from convocore_mcp.cli.serve_web import serve_demo, serve_web
from convocore_mcp.cli.terminal import write_lines
from convocore_mcp.web.board_page import BoardLinks
from convocore_mcp.web.routes import WebOptions

IGNORED_SETTINGS = {
    "tokens": (), "oauth_issuer": None, "oauth_audience": None, "oauth_scopes": (),
    "public_url": None, "allowed_hosts": (), "allowed_origins": (),
}  # fmt: skip
"""Settings of a server on a network, which the board ignores."""
DEMO_SETTINGS = {"incremental_sync_seconds": 5, "full_sync_seconds": 60}
"""The demo is there to be watched. Its pipeline moves by edits, which a full sync finds."""


def board(
    *,
    demo: Annotated[bool, typer.Option("--demo", help="Show the sandbox's data.")] = False,
    no_open: Annotated[
        bool, typer.Option("--no-open", help="Print the link, and open no browser.")
    ] = False,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 takes a free one.")
    ] = 0,
) -> None:
    """Show the board in a browser: hot leads, the pipeline, who waits, what changes."""
    serve = functools.partial(
        serve_web,
        http=IGNORED_SETTINGS,
        host="127.0.0.1",
        port=port,
        watch=False,
        options=WebOptions(links=BoardLinks(_Announcer(open_browser=not no_open))),
    )
    with start_errors():
        serve_demo(serve, DEMO_SETTINGS) if demo else serve({})


class _Announcer:
    """Prints each link, and opens the first one."""

    def __init__(self, *, open_browser: bool) -> None:
        self._open_browser = open_browser
        self._count = 0

    def __call__(self, link: str) -> None:
        self._count += 1
        if self._count == 1:
            write_lines(f"The board, until Ctrl+C (the link works once):\n  {link}")
        else:
            write_lines(f"That link has been used. The next one, for a reload:\n  {link}")
        if self._open_browser and self._count == 1:
            # In a thread: a browser in the terminal returns only when it is closed.
            threading.Thread(target=webbrowser.open, args=(link,), daemon=True).start()
