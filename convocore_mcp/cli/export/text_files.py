"""Rows as CSV or as JSON Lines, written one page at a time."""

import csv
import io
from collections.abc import Sequence
from typing import BinaryIO

from convocore_mcp.cli.export.formulas import escaped_formula
from convocore_mcp.server.rendering import compact
from convocore_mcp.server.sanitize import JsonObject

LIST_SEPARATOR = "; "


class CsvWriter:
    """RFC 4180 in UTF-8, with a header. Formulas are escaped, lists are joined, flags are words."""

    def __init__(self, file: BinaryIO, columns: Sequence[str]) -> None:
        self._text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        self._columns = columns
        self._writer = csv.writer(self._text)
        self._writer.writerow(map(escaped_formula, columns))

    def write(self, rows: Sequence[JsonObject]) -> None:
        """Add rows."""
        self._writer.writerows([_cell(row.get(name)) for name in self._columns] for row in rows)

    def close(self) -> None:
        """Hand everything to the file, which stays open."""
        self._text.flush()
        self._text.detach()


class JsonLinesWriter:
    """One compact JSON object a line, as the tools answer it."""

    def __init__(self, file: BinaryIO, _columns: Sequence[str]) -> None:
        self._file = file

    def write(self, rows: Sequence[JsonObject]) -> None:
        """Add rows."""
        self._file.write(b"".join(compact(row).encode() + b"\n" for row in rows))

    def close(self) -> None:
        """Hand everything to the file, which stays open."""
        self._file.flush()


def _cell(value: object) -> str | int | float:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return value
    return escaped_formula(
        LIST_SEPARATOR.join(map(str, value)) if isinstance(value, list) else str(value)
    )
