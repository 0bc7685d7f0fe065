"""How fields are read from the typed record of a conversation, each with the part it needs."""

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from convocore_mcp.fields.derived import newest_handoff, seconds_between
from convocore_mcp.models.facts import ReadValue

EVERY_RECORD = "id"
"""The part that no record lacks."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads one field from a record (`api.conversation_record.ConversationRecord`)."""

    part: str
    """The part of the record without which the field has no value. Most records lack most parts,
    so it is looked at first."""
    read: Callable[[Any], ReadValue]
    """From a record that has the part."""

    def value(self, record: object) -> ReadValue:
        """The field of any record."""
        return None if getattr(record, self.part) is None else self.read(record)


def attribute(name: str) -> Reader:
    """A part of the record as it is."""
    return Reader(name, attrgetter(name))


def of_call(name: str) -> Reader:
    """A part of the phone call."""
    return Reader("vapi", attrgetter(f"vapi.{name}"))


def of_handoff(name: str) -> Reader:
    """A part of the newest handoff."""
    return Reader("handoff_history", lambda record: handoff_part(record, name))


def handoff_seconds(first: str, last: str) -> Reader:
    """The time between two moments of the newest handoff."""
    return Reader(
        "handoff_history",
        lambda record: seconds_between(handoff_part(record, first), handoff_part(record, last)),
    )


def handoff_part(record: Any, name: str) -> Any:
    """A part of the newest handoff; `None` where there is none."""
    handoff = newest_handoff(record.handoff_history)
    return None if handoff is None else getattr(handoff, name)
