"""Lays out any tool's answer for a terminal: rows as a table, or as paragraphs where it is narrow.

Every value of the answer is shown: people should see what a model sees.
"""

from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from convocore_mcp.cli.terminal import shown
from convocore_mcp.server.rendering import compact
from convocore_mcp.server.sanitize import JsonObject

MIN_COLUMN_WIDTH, MAX_COLUMN_WIDTH = 12, 28
"""Columns of a terminal that a cell of a table gets at least, if it needs them, and at most."""
FIRST_OF_A_ROW = ("name", "company", "lead_id", "id")
"""What a row is called by."""


def answer_layout(answer: JsonObject, *, width: int) -> RenderableType:
    """The whole answer, for a terminal of `width` columns."""
    parts: list[RenderableType] = []
    values = {name: value for name, value in answer.items() if not _is_rows(value)}
    freshness = values.pop("freshness", None)
    if values:
        parts.append(_names_and_values(values))
    for name, rows in answer.items():
        if _is_rows(rows):
            parts += [shown(f"\n{name} ({len(rows)})", style="bold"), _rows(rows, width)]
    if freshness is not None:
        parts.append(Padding(_names_and_values({"freshness": freshness}), (1, 0, 0, 0)))
    return Group(*parts)


def _is_rows(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)


def _names_and_values(values: JsonObject) -> Table:
    """Names and values below each other; a nested object is a table in place of the value."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in values.items():
        label = shown(name, style="dim")
        if isinstance(value, dict) and value and not _is_flat(value):
            table.add_row(label, _names_and_values(value))
        elif _is_rows(value):
            table.add_row(label, Group(*(_paragraph(row) for row in value)))
        else:
            table.add_row(label, shown(_lines(value)))
    return table


def _lines(value: object) -> str:
    """A value, with a line for each sentence of a list of them."""
    if isinstance(value, list) and any(str(item).endswith(".") for item in value):
        return "\n".join(map(cell_text, value))
    return cell_text(value)


def _is_flat(value: JsonObject) -> bool:
    return len(value) < 4 and not any(isinstance(item, dict | list) for item in value.values())


def _rows(rows: Sequence[JsonObject], width: int) -> RenderableType:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    cells = [[cell_text(row[name]) if name in row else "" for name in columns] for row in rows]
    needed = [
        min(max(cell_len(text) for text in (name, *column)), MAX_COLUMN_WIDTH)
        for name, column in zip(columns, zip(*cells, strict=True), strict=True)
    ]
    if sum(needed) + 2 * len(columns) > width:
        return Group(*(_paragraph(row) for row in rows))
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name, columns_needed in zip(columns, needed, strict=True):
        table.add_column(name, overflow="fold", min_width=min(columns_needed, MIN_COLUMN_WIDTH))
    for row in cells:
        table.add_row(*map(shown, row))
    return table


def _paragraph(row: JsonObject) -> RenderableType:
    """One row as a paragraph: what it is called by, then name and value of everything else."""
    title = next((name for name in FIRST_OF_A_ROW if name in row), None)
    parts = [shown(cell_text(row[title]), style="bold")] if title else []
    for name, value in row.items():
        if name != title:
            parts.append(shown(name, style="dim") + shown(f" {cell_text(value)}"))
    return Padding(_joined(parts), (0, 0, 0, 2))


def _joined(parts: Iterable[Text]) -> Text:
    return shown("  ").join(parts)


def cell_text(value: object) -> str:
    """A value in one line: numbers with separators, lists with commas, objects as `name value`."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{value:,}"
    if isinstance(value, list):
        return ", ".join(map(cell_text, value)) or "none"
    if isinstance(value, dict):
        if any(isinstance(item, dict | list) for item in value.values()):
            return compact(value)
        return ", ".join(f"{name} {cell_text(item)}" for name, item in value.items()) or "none"
    return str(value)
