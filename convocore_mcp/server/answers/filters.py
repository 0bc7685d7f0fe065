"""The filter of a question: built from its arguments, checked, and echoed in the answer."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from convocore_mcp.models import Filter
from convocore_mcp.server.mirror_queries import MirrorQueries
from convocore_mcp.server.requests import FilterArguments
from convocore_mcp.server.sanitize import JsonObject
from convocore_mcp.server.tools.arguments import canonical_values
from convocore_mcp.server.views.view_builders import rfc3339
from convocore_mcp.vocabulary import STAGES, STATES
from convocore_mcp.words.queries import search_terms

FIELDS = {
    "query": "terms", "stage": "stages", "label": "labels", "state": "states",
    "channel": "channels", "tag": "tags", "assignee": "assignees", "min_score": "min_score",
    "attention": "attention", "since": "since", "until": "until",
}  # fmt: skip
"""The field of `Filter` that each filtering argument sets."""
NO_CONDITIONS = Filter()


def build_filter(arguments: FilterArguments) -> Filter:
    """The filter that `arguments` mean, but for its window, which a cursor may hold instead."""
    return Filter(
        terms=search_terms(arguments.query) if arguments.query.strip() else None,
        stages=arguments.stage,
        labels=arguments.label,
        states=arguments.state,
        channels=arguments.channel,
        tags=arguments.tag,
        assignees=arguments.assignee,
        min_score=arguments.min_score,
        attention=arguments.attention,
    )


def with_canonical_values(
    mirror_reader: MirrorQueries, agent_id: str, conditions: Filter
) -> Filter:
    """`conditions` with stages and states spelled as Convocore does.

    A stage or state may be one that is not documented but occurs in the mirror.

    Raises:
        InvalidArgumentError: a stage or state is neither documented nor in the mirror.
    """

    def canonical(
        name: str, documented: tuple[str, ...], given: tuple[str, ...]
    ) -> tuple[str, ...]:
        if set(given) <= set(documented):
            return given
        return canonical_values(
            name, given, (*documented, *mirror_reader.field_values(agent_id, name))
        )

    return replace(
        conditions,
        stages=canonical("stage", STAGES, conditions.stages),
        states=canonical("state", STATES, conditions.states),
    )


def count_without_each(
    mirror_reader: MirrorQueries, agent_id: str, conditions: Filter, sequence_number: int
) -> dict[str, int] | None:
    """For each filter in force, how many conversations there would be without it."""
    counts = {
        name: mirror_reader.count(
            agent_id,
            replace(conditions, **{field: getattr(NO_CONDITIONS, field)}),
            at=sequence_number,
        )
        for name, field in _in_force(conditions)
    }
    return counts or None


def applied_filters(conditions: Filter, query: str) -> JsonObject:
    """The filters in force as they were understood: with absolute times."""
    found: JsonObject = {}
    for name, field in _in_force(conditions):
        value = getattr(conditions, field)
        found[name] = rfc3339(value) if isinstance(value, datetime) else value
    return found | ({"query": query.strip()} if conditions.terms is not None else {})


def _in_force(conditions: Filter) -> Iterator[tuple[str, str]]:
    """The arguments that were used, each with the field of `Filter` that it set."""
    for name, field in FIELDS.items():
        if getattr(conditions, field) != getattr(NO_CONDITIONS, field):
            yield name, field
