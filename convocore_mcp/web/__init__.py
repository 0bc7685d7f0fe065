"""MCP over HTTP: Streamable HTTP and HTTP+SSE, and what a server on a network needs around them.

A request passes these layers, from the outside in: `access_log` (request id, log line), `auth`
(host policy, bearer token, origin), `limits` (bounds on concurrency and size), `routes`. The tools
do not know that HTTP exists. `http_app` builds the layers and `web_server` runs them. Serving
over stdio imports nothing from this package, because start-up time matters there.
"""
