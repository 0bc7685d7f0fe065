"""The time of the first call: conditions, orders, groups and measures by each field.

No answer is cached then, so the mirror scans its rows. Each question is asked once over stdio. The
slowest of each part is asked again after changes, because a single measurement may be an outlier.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from benchmarks.mirror_files import MirrorFile
from benchmarks.progress import report
from benchmarks.server_process import Call, Json
from benchmarks.table import Row, median, ms
from benchmarks.tool_calls import MeasuredServer, Timed, measured_server
from convocore_mcp.fields.conditions import OPERATORS, Operator
from convocore_mcp.fields.grouping import TIME_UNITS
from convocore_mcp.fields.table import DATA_PREFIX, FIELDS, Field, Kind, Rows
from convocore_mcp.server.answers.conversation_stats import GROUPED_KINDS
from convocore_mcp.store.fields.field_tables import conversation_fields

MAX_MS_FOR_ROWS, MAX_MS_FOR_GROUPS, MAX_GROWTH = 300.0, 400.0, 10.0
"""Milliseconds for a page of rows and for a table of groups in a mirror of 100,000; and how much
more of both a mirror of ten times as many rows may take."""
_FILTER = "messages>1"
"""A condition that most rows meet, so that counting their leads takes longest."""
TOOLS = {Rows.CONVERSATIONS: "list_conversations", Rows.LEADS: "list_leads"}
_OPERANDS = {
    Kind.FLAG: "true",
    Kind.NUMBER: "3",
    Kind.MONEY: "3",
    Kind.TIME: "30d",
    Kind.DATE: "30d",
}
_WORD, _DATA_NAMES = "demo", 5
SLOWEST = 6
"""Questions of each part that are asked on a large mirror, too."""
_UNARY = {Operator.EXISTS, Operator.MISSING}


@dataclass(frozen=True, slots=True)
class Part:
    """Questions that use one argument of one tool, with the limit of their time."""

    title: str
    max_ms: float
    calls: tuple[Call, ...]


def parts(data_names: Sequence[str]) -> Iterator[Part]:
    """All questions; `data_names` are names of captured variables that occur."""
    for rows, tool in TOOLS.items():
        fields = [field for field in FIELDS if field.rows in {rows, Rows.BOTH}]
        named = [f"{DATA_PREFIX}{name}" for name in data_names]
        conditions = [text for field in fields for text in _conditions(field)]
        orders = [field.name for field in fields] + named
        wheres = tuple((tool, {"where": [text]}) for text in conditions)
        yield Part(f"{tool}(where)", MAX_MS_FOR_ROWS, wheres)
        asked_of_data = (" exists", f"={_WORD}", f"~{_WORD}", ">3")
        about_data = (f"{name}{rest}" for name in named for rest in asked_of_data)
        yield Part(
            f"{tool}(where=data.NAME)",
            MAX_MS_FOR_ROWS,
            tuple((tool, {"where": [text]}) for text in about_data),
        )
        sorts = tuple((tool, {"sort": f"{sign}{name}"}) for name in orders for sign in ("", "-"))
        yield Part(f"{tool}(sort)", MAX_MS_FOR_ROWS, sorts)
        groups = [field.name for field in fields if field.kind in GROUPED_KINDS] + named
        stats: list[Json] = [
            {"of": rows.value, "group_by": [name]} for name in (*groups, *TIME_UNITS)
        ]
        filtered = [arguments | {"where": [_FILTER]} for arguments in stats]
        measured: list[Json] = [
            {"of": rows.value, "measure": [field.name]} for field in fields if field.measurable
        ]
        for title, asked in (
            ("group_by", stats), ("group_by, where", filtered), ("measure", measured),
        ):  # fmt: skip
            yield Part(
                f"conversation_stats(of={rows.value}, {title})",
                MAX_MS_FOR_GROUPS,
                tuple(("conversation_stats", arguments) for arguments in asked),
            )


def _conditions(field: Field) -> Iterator[str]:
    """A condition with each operator that the field takes."""
    for operator in sorted(OPERATORS[field.kind]):
        value = _OPERANDS.get(field.kind, _WORD)
        yield f"{field.name} {operator}" if operator in _UNARY else f"{field.name}{operator}{value}"


@dataclass(frozen=True, slots=True)
class AskedPart:
    """The questions of one part, asked for the first time; the slowest is asked again."""

    part: Part
    times: list[tuple[float, Call]]
    """Milliseconds of each question, the slowest first."""
    after_change: float
    """Milliseconds that the slowest question takes after a change."""
    cpu: float | None
    """Milliseconds of the processor in that time, which other work on the machine changes less."""

    @property
    def slowest(self) -> Part:
        """The slowest questions alone."""
        return replace(self.part, calls=tuple(call for _, call in self.times[:SLOWEST]))

    def row(self, size: int, growth: float) -> Row:
        """The slowest question, compared with the target."""
        max_ms = self.part.max_ms * growth
        _, arguments = self.times[0][1]
        shown = ", ".join(f"{name}={value}" for name, value in arguments.items())
        middle = median([took for took, _ in self.times])
        cpu = "" if self.cpu is None else f", {ms(self.cpu)} of CPU"
        return Row(
            f"{self.part.title}, first time, mirror of {size:,}",
            measured=ms(self.after_change),
            target=f"at most {max_ms:,g} ms",
            met=self.after_change <= max_ms,
            notes=f"slowest of {len(self.times)}: {shown}{cpu}; median {ms(middle)}",
        )


def ask_all(mirror: MirrorFile, every: int) -> list[AskedPart]:
    """Ask the first of each `every` questions of each part."""
    asked = parts(_data_names(mirror))
    return ask(mirror, [replace(part, calls=part.calls[::every]) for part in asked])


def ask(mirror: MirrorFile, asked: Sequence[Part]) -> list[AskedPart]:
    """Ask the questions of these parts."""
    report(f"Asking for the first time on a mirror of {mirror.size:,} …")
    with measured_server(mirror) as server:
        return [_ask(server, part) for part in asked]


def _ask(server: MeasuredServer, part: Part) -> AskedPart:
    times = [(server.server.call(*call)[0], call) for call in part.calls]
    times.sort(key=lambda timed: -timed[0])
    first, call = times[0]
    again = Timed(call, first, b"", after_change=[first])
    used: list[float] = []
    for _ in range(2):
        before = server.server.cpu_seconds()
        server.call_after_change(again)
        after = server.server.cpu_seconds()
        if before is not None and after is not None:
            used.append((after - before) * 1000)
    return AskedPart(part, times, median(again.after_change), median(used) if used else None)


def _data_names(mirror: MirrorFile) -> list[str]:
    """The names of the captured variables that most rows have."""
    data, table = conversation_fields.c.data.name, conversation_fields.name
    query = (
        f"SELECT key FROM (SELECT {data} FROM {table} WHERE {data} IS NOT NULL LIMIT 2000), "
        f"json_each({data}) GROUP BY key ORDER BY count(*) DESC, key LIMIT {_DATA_NAMES}"
    )
    with closing(sqlite3.connect(mirror.path)) as connection:
        return [name for (name,) in connection.execute(query)]
