"""MCP over HTTP: Streamable HTTP and HTTP+SSE, and what a server on a network needs around them.

The tools know nothing of this room. A request passes, from the outside in: `access` (a request id
and a log line), `gate` (where it is for, whose token it carries, from which Host and Origin it
comes), `limits` (how much at a time), `app` (the routes). `run` starts and ends it all. Nothing
here is imported by plain stdio.
"""
