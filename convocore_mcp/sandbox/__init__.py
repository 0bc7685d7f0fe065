"""Convocore in miniature: the HTTP API as documented (`dialect="page"`) and as seen live
(`dialect="cursor"`), over generated conversations that tests and demos can change.

It shares no code with the client it is there to try: a mistake made twice in one place would pass
every test. It keeps state, so that a test can say "a conversation moves while we read" and not
"the third call returns this JSON". And its rows are functions of a seed, so that a million of
them cost nothing until one changes.
"""

from convocore_mcp.sandbox.server.app import FREE_PLAN_KEY, Dialect, Sandbox, SeenRequest
from convocore_mcp.sandbox.server.serving import run, serving

__all__ = ["FREE_PLAN_KEY", "Dialect", "Sandbox", "SeenRequest", "run", "serving"]
