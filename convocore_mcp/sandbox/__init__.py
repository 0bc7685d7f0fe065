"""The sandbox: Convocore's HTTP API over generated conversations that tests and demos can change.

It has two dialects: `page` is the API as documented, `cursor` is the API as seen live.

It shares no code with the client that is tested against it: a mistake in shared code would pass
every test. It keeps state, so a test can say "a conversation moves during the sync" instead of "the
third call returns this JSON". Rows are functions of a seed, so a million of them need no memory
until one changes.
"""

from convocore_mcp.sandbox.server.app import FREE_PLAN_KEY, Dialect, Sandbox, SeenRequest
from convocore_mcp.sandbox.server.http_server import run, serving

__all__ = ["FREE_PLAN_KEY", "Dialect", "Sandbox", "SeenRequest", "run", "serving"]
