"""What an MCP client sees: tools, resources and prompts, and the answers they give.

`tools` and `mcp` declare, `answers` reads the mirror and builds views, `sanitize` makes every
answer safe. The server knows the mirror and the syncs only by protocols (`protocols`,
`mirror_queries`, `row_queries`), and neither HTTP nor SQL. Listing the tools imports nothing of
`answers` and only the classes of `views`: starting must stay fast, so everything else is imported
at the first question (`calls.lifetime.App`).
"""
