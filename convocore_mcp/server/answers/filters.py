"""The filter of a plain question, built from its arguments."""

from collections.abc import Iterator
from dataclasses import replace

from convocore_mcp.models import Filter
from convocore_mcp.server.mirror_queries import MirrorQueries
from convocore_mcp.server.questions.question import Question
from convocore_mcp.words.queries import search_terms

FIELDS = {
    "query": "terms", "stage": "stages", "label": "labels", "state": "states",
    "channel": "channels", "tag": "tags", "assignee": "assignees", "min_score": "min_score",
    "attention": "attention", "since": "since", "until": "until",
}  # fmt: skip
"""The field of `Filter` that each filtering argument sets."""
NO_CONDITIONS = Filter()


def build_filter(question: Question) -> Filter:
    """The filter that a question without conditions on fields means."""
    arguments, (since, until) = question.arguments, question.window
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
        since=since,
        until=until,
    )


def count_without_each(
    mirror_reader: MirrorQueries, agent_id: str, conditions: Filter, sequence_number: int
) -> dict[str, int]:
    """For each filter in force, how many conversations there would be without it."""
    return {
        name: mirror_reader.count(
            agent_id,
            replace(conditions, **{field: getattr(NO_CONDITIONS, field)}),
            at=sequence_number,
        )
        for name, field in _in_force(conditions)
    }


def _in_force(conditions: Filter) -> Iterator[tuple[str, str]]:
    """The arguments that were used, each with the field of `Filter` that it set."""
    for name, field in FIELDS.items():
        if getattr(conditions, field) != getattr(NO_CONDITIONS, field):
            yield name, field
