"""A question about rows, built from the arguments of a call and echoed in its answer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from convocore_mcp.errors import InvalidArgumentError
from convocore_mcp.fields.conditions import (
    Condition,
    Operand,
    Operator,
    find_field,
    quoted,
    read_conditions,
)
from convocore_mcp.fields.grouping import Sort
from convocore_mcp.fields.row_query import Requirement, RowQuery
from convocore_mcp.fields.table import BY_NAME, Rows
from convocore_mcp.fields.times import Clock, Period
from convocore_mcp.models import WAITING
from convocore_mcp.server.questions.time_window import Window, read_window
from convocore_mcp.server.requests import FilterArguments
from convocore_mcp.server.sanitize import JsonObject
from convocore_mcp.server.views.view_builders import rfc3339
from convocore_mcp.vocabulary import DEFAULT_THRESHOLD

WHERE = "where"
_FIELDS_OF_ARGUMENTS = {
    "stage": "stage", "label": "label", "state": "state", "channel": "channel", "tag": "tags",
    "assignee": "assignee",
}  # fmt: skip
"""The field that each named filter compares."""
NAMED_SORTS = {
    "newest": Sort(BY_NAME["last_activity"], descending=True),
    "oldest": Sort(BY_NAME["last_activity"]),
    "waiting": Sort(None),
    "score": Sort(BY_NAME["score"], descending=True),
    "value": Sort(BY_NAME["value"], descending=True),
}
"""Sort orders with a name. For conversations, each has an index."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of the mirror, and how it was understood."""

    query: RowQuery
    window: Window
    arguments: FilterArguments

    @property
    def without_each_filter(self) -> Iterator[tuple[str, RowQuery]]:
        """For each filter in use: its name, and the query without that filter."""
        for requirement in self.query.requirements:
            name = requirement.argument
            name = requirement.conditions[0].text if name == WHERE else name
            others = tuple(r for r in self.query.requirements if r is not requirement)
            yield name, replace(self.query, requirements=others)
        if self.query.search:
            yield "query", replace(self.query, search="")

    def about(self, agents: tuple[str, ...]) -> "Question":
        """The same question about these agents."""
        return replace(self, query=replace(self.query, agents=agents))

    def applied(self) -> JsonObject:
        """The filters in force as they were understood: with absolute times and the time zone."""
        found: JsonObject = {}
        for name in _FIELDS_OF_ARGUMENTS | {"attention": ""}:
            if values := getattr(self.arguments, name):
                found[name] = list(values)
        if self.arguments.min_score is not None:
            found["min_score"] = self.arguments.min_score
        for name, bound in zip(("since", "until"), self.window, strict=True):
            if bound is not None:
                found[name] = rfc3339(bound)
        wheres = [r.conditions[0] for r in self.query.requirements if r.argument == WHERE]
        if wheres:
            found[WHERE] = [applied_text(condition) for condition in wheres]
        if self.query.search:
            found["query"] = self.query.search
        return found | {"timezone": str(self.query.clock.zone)}


def build_question(
    rows: Rows,
    agents: Sequence[str],
    arguments: FilterArguments,
    *,
    clock: Clock,
    hot_from: float = DEFAULT_THRESHOLD,
) -> Question:
    """The question that the arguments of a call make.

    Raises:
        InvalidArgumentError: a time or a condition can't be read.
    """
    window = read_window(arguments.since, arguments.until, clock=clock)
    conditions = read_conditions(arguments.where, rows=rows, clock=clock)
    requirements = [
        *_named(arguments, rows),
        *_bounds(window),
        *(Requirement(WHERE, (condition,)) for condition in conditions),
    ]
    query = RowQuery(
        rows=rows,
        agents=tuple(agents),
        clock=clock,
        requirements=tuple(requirements),
        search=arguments.query.strip(),
        hot_from=hot_from,
    )
    return Question(query, window, arguments)


def applied_text(condition: Condition) -> str:
    """A condition as it was understood: periods as absolute times, numbers without a scale."""
    if not condition.operands:
        return condition.text
    shown = "|".join(_operand_text(operand, condition.operator) for operand in condition.operands)
    return f"{condition.field.name}{condition.operator}{shown}"


def _operand_text(operand: Operand, operator: Operator) -> str:
    match operand:
        case Period():
            return _period_text(operand, operator)
        case bool():
            return str(operand).lower()
        case str():
            return quoted(operand)
        case _:
            return f"{operand:.15g}"


def _period_text(period: Period, operator: Operator) -> str:
    first, last = rfc3339(period.begin), rfc3339(period.last_second)
    if period.is_instant or operator in {Operator.AT_LEAST, Operator.LESS}:
        return first or ""
    if operator in {Operator.GREATER, Operator.AT_MOST}:
        return last or ""
    return f"{first}..{last}"


def applied_sort(text: str, *, rows: Rows) -> str:
    """An order as it was understood.

    Raises:
        InvalidArgumentError: as `read_sort`.
    """
    bare = text.strip().lower()
    if bare in NAMED_SORTS:
        return bare
    sort = read_sort(text, rows=rows)
    return f"{'-' * sort.descending}{sort.field.name if sort.field else bare}"


def read_sort(text: str, *, rows: Rows) -> Sort:
    """The order that `sort` means: `newest`, `oldest`, `waiting`, a field, or `-field`.

    `score` and `value` without a minus put the largest first, unlike all other fields.

    Raises:
        InvalidArgumentError: it is none of them.
    """
    bare = text.strip()
    if found := NAMED_SORTS.get(bare.lower()):
        return found
    try:
        field = find_field(bare.removeprefix("-"), rows=rows, name="sort")
    except InvalidArgumentError as error:
        hint = f"Valid sort: {', '.join(NAMED_SORTS)}, or a field. {error.hint}"
        raise InvalidArgumentError(error.message, hint=hint) from error
    return Sort(field, descending=bare.startswith("-"))


def _named(arguments: FilterArguments, rows: Rows) -> Iterator[Requirement]:
    for name, field in _FIELDS_OF_ARGUMENTS.items():
        if values := getattr(arguments, name):
            text = f"{field}={'|'.join(values)}"
            condition = Condition(BY_NAME[field], Operator.EQUAL, tuple(values), text)
            yield Requirement(name, (condition,))
    if arguments.min_score is not None:
        score = Condition(BY_NAME["score"], Operator.AT_LEAST, (arguments.min_score,), "min_score")
        yield Requirement("min_score", (score,))
    if arguments.attention:
        alternatives = [c for kind in arguments.attention for c in _attention(kind, rows)]
        yield Requirement("attention", tuple(alternatives))


def _attention(kind: str, rows: Rows) -> Iterator[Condition]:
    """The conditions of which one must hold for `kind` of attention."""
    match kind:
        case "waiting_for_human" if rows is Rows.LEADS:
            yield _flag("waiting")
        case "waiting_for_human":
            yield Condition(BY_NAME["state"], Operator.EQUAL, (WAITING,), kind)
        case "unassigned":
            yield Condition(BY_NAME["assignee"], Operator.MISSING, (), kind)
        case "overdue":
            yield _flag("overdue_activity")
            yield _flag("overdue_close")
        case _:
            yield _flag("stale")


def _flag(name: str) -> Condition:
    return Condition(BY_NAME[name], Operator.EQUAL, (True,), name)


def _bounds(window: Window) -> Iterator[Requirement]:
    operators = (("since", Operator.AT_LEAST), ("until", Operator.AT_MOST))
    for (name, operator), bound in zip(operators, window, strict=True):
        if bound is not None:
            condition = Condition(BY_NAME["last_activity"], operator, (Period(bound, bound),), name)
            yield Requirement(name, (condition,))
