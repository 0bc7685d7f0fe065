"""Decisions about people: who is one lead, who is hot and why, who is meant by a text.

Everything here is pure. `now` is an argument, and what must be looked up comes through protocols
that this package defines. docs/contract.md defines a lead and hot in words; here each rule stands
once, for every tool.
"""
