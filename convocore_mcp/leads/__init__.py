"""Decisions about people: who is one, who is hot and why, who is meant. Pure; `now` is an argument.

`contract.md` defines a lead and hot in words; here they stand once, for every tool.
"""
