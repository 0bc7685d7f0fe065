"""What was said in a conversation."""

from dataclasses import dataclass
from enum import StrEnum


class Speaker(StrEnum):
    """Who said something."""

    VISITOR = "visitor"
    AI = "ai"
    HUMAN = "human"


@dataclass(frozen=True, slots=True)
class Turn:
    """Something that was said."""

    speaker: Speaker
    text: str
    at: str | None = None
    """RFC 3339; without a zone where Convocore names none; or the text as it came."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """The turns of a conversation, oldest first."""

    turns: tuple[Turn, ...] = ()
    total: int = 0
    """How many there are, also where only the newest were kept."""
    messages: int = 0
    """Messages that Convocore exported, also those that nobody said."""
    left_out: int = 0
    """Messages of an unknown form or speaker, which are in no turn."""
    unavailable: str | None = None
    """Why there is none, in a sentence."""
