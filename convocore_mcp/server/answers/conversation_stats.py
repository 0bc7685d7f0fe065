"""Answers `conversation_stats` and the resource `stats`."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from convocore_mcp.errors import InvalidArgumentError
from convocore_mcp.fields.conditions import find_field
from convocore_mcp.fields.grouping import TIME_UNITS, FieldName, Grouping, TimeUnit
from convocore_mcp.fields.row_query import Groups
from convocore_mcp.fields.table import BY_NAME, DATA_PREFIX, FIELDS, Field, Kind, Rows
from convocore_mcp.models import ReadScope
from convocore_mcp.server.backend import Backend
from convocore_mcp.server.questions.empty_lists import NO_HINTS, Hints, hints
from convocore_mcp.server.questions.excluded import count_excluded
from convocore_mcp.server.questions.known_values import with_known_values
from convocore_mcp.server.questions.question import Question, build_question
from convocore_mcp.server.questions.several_agents import read_agents
from convocore_mcp.server.questions.unknown_values import unknown_values
from convocore_mcp.server.questions.unread_fields import unread_fields
from convocore_mcp.server.requests import StatsRequest
from convocore_mcp.server.row_queries import RowQueries
from convocore_mcp.server.sanitize import JsonObject, sanitize_object
from convocore_mcp.server.size_limit import MAX_CHARACTERS, rows_within_limit
from convocore_mcp.server.tools.arguments import nearest_first
from convocore_mcp.server.views.answer_views import FreshnessView, GroupView, Stats
from convocore_mcp.server.views.group_views import OTHER, group_view, other_view, totals_view
from convocore_mcp.server.views.view_builders import freshness_view

OTHER_NAMES = {"tag": "tags"}
"""Names of groupings that are not the name of their field."""
GROUPED_KINDS = {Kind.TEXT, Kind.CHOICE, Kind.FLAG, Kind.LIST, Kind.ID}
NOTE_RESERVE = 400
"""Characters kept free for the note that fewer groups are listed than were asked for."""


async def conversation_stats(
    backend: Backend, agents: Sequence[str], request: StatsRequest
) -> JsonObject:
    """Totals and groups, sanitized and within the limit of characters.

    Raises:
        InvalidArgumentError: a time, a condition or a field is not valid.
        ApiError: Convocore can't be read, and the mirror is still empty.
    """
    rows = Rows(request.of)
    question = build_question(rows, agents, request.filters, clock=backend.clock())
    grouping = {
        name: group for given in request.group_by
        for name, group in [_read_grouping(given, request.by_time, rows)]
    }  # fmt: skip
    measures = [_read_measure(name, rows) for name in dict.fromkeys(request.measure)]
    scope = ReadScope(since=question.window[0], people=True)
    read, freshness = await read_agents(backend, agents, scope)
    question = await with_known_values(backend, question.about(read), freshness)
    applied = _applied(question, request, grouping, measures)
    limit = request.limit
    grouped = [group.of if isinstance(group, TimeUnit) else group for group in grouping.values()]
    unknown = await unknown_values(backend, question)
    unread = await unread_fields(backend, question, grouped)
    while True:
        result = await backend.read_one_state(
            _read_stats, backend.rows, question, list(grouping.values()), measures, limit
        )
        groups = [group_view(group, list(grouping), rows=rows) for group in result.found.groups]
        notes = [*result.hints.notes, *unknown, *unread, *_notes(result.found, grouping, rows)]
        notes += _shown_alike(groups, list(grouping))
        if limit < request.limit:
            notes.append(
                f"More would not fit: an answer has at most {MAX_CHARACTERS:,} characters."
            )
        if (other := result.found.other) is not None:
            groups.append(other_view(other, list(grouping), rows=rows))
        answer = _answer(result, rows, applied, freshness_view(freshness, *notes), groups)
        fitting = rows_within_limit(answer, "groups", reserve=NOTE_RESERVE)
        if fitting == len(answer["groups"]):
            return answer
        # Asked again, so that all that is not listed is added up in one group.
        limit = max(1, min(limit, fitting) - 1)


def _answer(
    result: "_Result",
    rows: Rows,
    applied: JsonObject,
    freshness: FreshnessView,
    groups: list[JsonObject],
) -> JsonObject:
    """The answer, sanitized and of any length; `groups` are sanitized already."""
    view = Stats(
        totals=GroupView(),
        groups=[],
        groups_total=result.found.total if applied["group_by"] else None,
        applied=applied,
        excluded=result.excluded,
        relax=result.hints.relax,
        valid=result.hints.valid,
        freshness=freshness,
    )
    totals = totals_view(result.found.totals, rows=rows)
    return sanitize_object(view) | {"totals": totals, "groups": groups}


@dataclass(frozen=True, slots=True)
class _Result:
    """What was read from the mirror for one answer."""

    found: Groups
    excluded: dict[str, int] | None
    hints: Hints = NO_HINTS


def _read_stats(
    reader: RowQueries,
    question: Question,
    group_by: Sequence[Grouping],
    measures: Sequence[Field],
    limit: int,
) -> _Result:
    """Everything that the answer needs, read in one call in a thread."""
    found = reader.groups(question.query, group_by, measures, limit=limit)
    of_leads = question.query.rows is Rows.LEADS
    excluded = count_excluded(reader, question) if of_leads else None
    if found.totals.rows:
        return _Result(found, excluded)
    return _Result(found, excluded, hints(reader, question, at=reader.sequence_number()))


def _read_grouping(name: str, by_time: str, rows: Rows) -> tuple[str, Grouping]:
    """What a name in `group_by` means, with the key that it has in the answer.

    Raises:
        InvalidArgumentError: it is not a field, or one that can't be grouped by.
    """
    bare = name.strip().lower()
    if bare in TIME_UNITS:
        return bare, TimeUnit(bare, BY_NAME[by_time])
    hint = f"Valid group_by: {', '.join(_grouped_names(bare, rows))}."
    field = _find("group_by", OTHER_NAMES.get(bare, name), rows, hint)
    if isinstance(field, Field) and field.kind not in GROUPED_KINDS:
        raise InvalidArgumentError(
            f"group_by: {field.name} is a {field.shown_kind}, which has too many values.", hint=hint
        )
    return (bare if bare in OTHER_NAMES else field.name), field


def _read_measure(name: str, rows: Rows) -> Field:
    """The field that a name in `measure` means.

    Raises:
        InvalidArgumentError: it is not a field of numbers.
    """
    valid = [f.name for f in FIELDS if f.measurable and f.rows in {rows, Rows.BOTH}]
    hint = f"Valid measure: {', '.join(nearest_first(name, valid))}."
    field = _find("measure", name, rows, hint)
    if isinstance(field, Field) and field.measurable:
        return field
    raise InvalidArgumentError(f"measure: {field.name} is not a number.", hint=hint)


def _find(argument: str, name: str, rows: Rows, hint: str) -> FieldName:
    """The field of that name; the error lists what this argument takes, and not every field."""
    try:
        return find_field(name, rows=rows, name=argument)
    except InvalidArgumentError as error:
        raise InvalidArgumentError(error.message, hint=hint) from error


def _grouped_names(given: str, rows: Rows) -> list[str]:
    """What can be grouped by, nearest first."""
    names = [f.name for f in FIELDS if f.kind in GROUPED_KINDS and f.rows in {rows, Rows.BOTH}]
    return [*nearest_first(given, [*TIME_UNITS, *OTHER_NAMES, *names]), f"{DATA_PREFIX}NAME"]


def _applied(
    question: Question,
    request: StatsRequest,
    grouping: dict[str, Grouping],
    measures: Sequence[Field],
) -> JsonObject:
    found: JsonObject = {"of": request.of, "group_by": list(grouping)}
    if any(isinstance(group, TimeUnit) for group in grouping.values()):
        found["by_time"] = request.by_time
    if measures:
        found["measure"] = [measure.name for measure in measures]
    return found | question.applied()


def _shown_alike(groups: Sequence[JsonObject], names: Sequence[str]) -> list[str]:
    """A note where groups have keys that look alike as they are shown."""
    shown = Counter(tuple(group[name] for name in names) for group in groups)
    alike = sum(count for count in shown.values() if count > 1)
    text = "groups have a key that is shown like another one's: only the whole texts differ."
    return [f"{alike} {text}"] if alike else []


def _notes(found: Groups, grouping: dict[str, Grouping], rows: Rows) -> list[str]:
    notes = []
    if found.overlapping:
        several = [
            name for name, group in grouping.items()
            if isinstance(group, Field) and group.kind is Kind.LIST
        ]  # fmt: skip
        one = "lead" if rows is Rows.LEADS else "conversation"
        notes.append(
            f"By {' and '.join(several)}, a {one} counts in each group that it has, so groups add "
            "up to more than totals."
        )
    if found.other is not None:
        kind = "newest" if any(isinstance(g, TimeUnit) for g in grouping.values()) else "largest"
        notes.append(
            f"The {len(found.groups)} {kind} of {found.total} groups are listed; the others are "
            f"together under {OTHER}."
        )
    return notes
