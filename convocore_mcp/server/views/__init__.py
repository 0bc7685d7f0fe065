"""The views: the objects that answers consist of, each with its fields in the order of the answer.

`view_builders` makes them from models, `sanitize` makes plain objects of them without the fields
that are `None`, and the output schemas of the tools come from the same classes. They are
dataclasses, not pydantic models: pydantic would refuse text with half a surrogate pair before it is
sanitized.
"""
