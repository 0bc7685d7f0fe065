"""What an MCP client sees: tools, resources, and the views they return.

`tools` and `resources` ask, `views` shape, `outbound` makes safe whatever leaves. Nothing here
knows HTTP or SQL. Importing it must stay cheap (`tools/list` waits for it), so the mirror and the
client are only built when the first question comes (`app`).
"""
