"""Orders and groupings by fields, as the surface reads them and the mirror applies them."""

from dataclasses import dataclass

from convocore_mcp.fields.conditions import DataField
from convocore_mcp.fields.table import Field

FieldName = Field | DataField
TIME_UNITS = ("day", "week", "month", "weekday", "hour")


@dataclass(frozen=True, slots=True)
class Sort:
    """An order: by a field, smallest or largest first; what has no value comes last.

    Without a field, conversations that wait for a human come by the time for which they have
    waited.
    """

    field: FieldName | None
    descending: bool = False


@dataclass(frozen=True, slots=True)
class TimeUnit:
    """Grouping by a unit of time of one of the times of a row."""

    unit: str
    of: Field

    @property
    def name(self) -> str:
        """The key that its groups have in an answer."""
        return self.unit


Grouping = Field | DataField | TimeUnit
