"""Orders and groupings by fields: the server reads them from arguments, the mirror applies them."""

from dataclasses import dataclass

from convocore_mcp.fields.conditions import DataField
from convocore_mcp.fields.table import Field

FieldName = Field | DataField
TIME_UNITS = ("day", "week", "month", "weekday", "hour")


@dataclass(frozen=True, slots=True)
class Sort:
    """An order of rows by a field, smallest or largest first; rows without a value come last.

    Without a field, rows are in the order of `waiting`: those that wait longest come first.
    """

    field: FieldName | None
    descending: bool = False


@dataclass(frozen=True, slots=True)
class TimeUnit:
    """A grouping by the day, week, month, weekday or hour of a time field."""

    unit: str
    of: Field

    @property
    def name(self) -> str:
        """The key that its groups have in an answer."""
        return self.unit


Grouping = Field | DataField | TimeUnit
