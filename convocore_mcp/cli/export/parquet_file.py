"""Rows as a Parquet file, one row group for each page. Loaded only for that: pyarrow is optional.

Numbers are doubles, times are timestamps in UTC, flags booleans, lists lists of texts. Dates of the
CRM stay texts, since one may be a day or a moment.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from convocore_mcp.fields.table import BY_NAME, Kind
from convocore_mcp.server.sanitize import JsonObject

_TYPES: dict[Kind, pa.DataType] = {
    Kind.NUMBER: pa.float64(),
    Kind.MONEY: pa.float64(),
    Kind.TIME: pa.timestamp("ms", tz="UTC"),
    Kind.FLAG: pa.bool_(),
    Kind.LIST: pa.list_(pa.string()),
}


class ParquetWriter:
    """A Parquet file with a column for each field, compressed with zstd."""

    def __init__(self, file: BinaryIO, columns: Sequence[str]) -> None:
        self._kinds = {name: BY_NAME[name].kind if name in BY_NAME else None for name in columns}
        fields = [(name, _type_of(kind)) for name, kind in self._kinds.items()]
        self._schema = pa.schema(fields)
        self._writer = pq.ParquetWriter(file, self._schema, compression="zstd")

    def write(self, rows: Sequence[JsonObject]) -> None:
        """Add rows, as one row group."""
        typed = [{name: self._typed(name, row.get(name)) for name in self._kinds} for row in rows]
        self._writer.write_table(pa.Table.from_pylist(typed, schema=self._schema))

    def close(self) -> None:
        """Write the end of the file, which stays open."""
        self._writer.close()

    def _typed(self, name: str, value: object) -> object:
        kind = self._kinds[name]
        if value is None or kind in {Kind.FLAG, Kind.LIST}:
            return value
        if kind in {Kind.NUMBER, Kind.MONEY} and isinstance(value, int | float):
            return float(value)
        if kind is Kind.TIME and isinstance(value, str):
            return datetime.fromisoformat(value)
        return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _type_of(kind: Kind | None) -> pa.DataType:
    """The type of a column; captured variables have no kind, and are texts."""
    return _TYPES.get(kind, pa.string()) if kind else pa.string()
