"""What a tool call asks: its arguments as one question to the mirror, and how it is paged through.

`question` builds a `RowQuery`, `time_window` reads `since` and `until`, `cursor` says where a page
ended, `several_agents` asks several agents at once, `row_list` reads a page of rows.
"""
