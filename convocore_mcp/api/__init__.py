"""Convocore's HTTP API: shapes, pages, requests. What a lead is worth is decided elsewhere.

`record` and `wire` say what an answer means, `numbered` which pages to ask for next; all three are
pure. `client` alone sends requests.
"""
