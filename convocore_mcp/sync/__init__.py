"""Copies conversations from Convocore (`api`) to the mirror (`store`) and keeps the copy fresh.

`AgentSyncs` has one `AgentSync` per agent. `decisions` says when to sync; `full_sync` and
`incremental_sync` read the list; a `PageWriter` saves its pages; `freshness` says what an answer
may claim. No other package writes to the mirror, so one place decides what counts as read.
"""
