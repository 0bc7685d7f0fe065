"""Filters, as callers name them and as the mirror takes them."""

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from convocore_mcp.models import Filter
from convocore_mcp.server.answers import view_builders
from convocore_mcp.server.tools.arguments import known
from convocore_mcp.vocabulary import STAGES, STATES

if TYPE_CHECKING:  # SQLAlchemy is not needed to list the tools
    from convocore_mcp.store.read.mirror_reader import MirrorReader

FILTERS: dict[str, tuple[str, Any]] = {
    "query": ("terms", None), "stage": ("stages", ()), "label": ("labels", ()),
    "state": ("states", ()), "channel": ("channels", ()), "tag": ("tags", ()),
    "assignee": ("assignees", ()), "min_score": ("min_score", None), "attention": ("attention", ()),
    "since": ("since", None), "until": ("until", None),
}  # fmt: skip
"""Arguments that filter: the field of `Filter` each one sets, and its value when it is not used."""


def spelt(mirror_reader: "MirrorReader", agent: str, wanted: Filter) -> Filter:
    """`wanted` with stages and states as Convocore spells them; it may know more than we do.

    Raises:
        InvalidArgumentError: nobody has ever heard of one of them.
    """

    def valid(name: str, documented: tuple[str, ...], asked: tuple[str, ...]) -> tuple[str, ...]:
        if set(asked) <= set(documented):
            return asked
        return known(name, asked, (*documented, *mirror_reader.field_values(agent, name)))

    return replace(
        wanted,
        stages=valid("stage", STAGES, wanted.stages),
        states=valid("state", STATES, wanted.states),
    )


def relaxed(
    mirror_reader: "MirrorReader", agent: str, wanted: Filter, sequence_number: int
) -> dict[str, int] | None:
    """For each filter in force, how many rows there would be without it."""
    without = {
        name: mirror_reader.count(agent, replace(wanted, **{field: unused}), at=sequence_number)
        for name, (field, unused) in FILTERS.items()
        if getattr(wanted, field) != unused
    }
    return without or None


def applied(wanted: Filter, query: str) -> dict[str, Any]:
    """What was understood: absolute times and every filter in force."""
    found: dict[str, Any] = {}
    for name, (field, unused) in FILTERS.items():
        value = getattr(wanted, field)
        if value != unused:
            found[name] = view_builders.when(value) if isinstance(value, datetime) else value
    return found | ({"query": query} if wanted.terms is not None else {})
