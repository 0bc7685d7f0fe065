"""The nouns, as frozen dataclasses. Times are aware and UTC; what is unknown is `None`.

They import nothing, so that every room can share them: I/O, validation and camelCase names stay
at the edges.
"""

from convocore_mcp.models.conversation import (
    NO_DETAILS,
    WAITING,
    Activity,
    ActivityNote,
    Assignment,
    Call,
    Conversation,
    CopyAge,
    DerivedKeys,
    Details,
    Handoff,
    JsonValue,
    ScoreStep,
    Value,
    is_older,
)
from convocore_mcp.models.lead import (
    CLOSED_STAGES,
    MAX_WORD_LENGTH,
    NAME_WORD,
    Lead,
    TermAlternatives,
)
from convocore_mcp.models.mirror import (
    Change,
    Coverage,
    Freshness,
    Page,
    Quarantined,
    UnfinishedSync,
)
from convocore_mcp.models.query import (
    EVERYTHING,
    MIN_NUMBER_PART,
    Filter,
    Group,
    HotQuery,
    HotSummary,
    ReadScope,
)

__all__ = [
    "CLOSED_STAGES",
    "EVERYTHING",
    "MAX_WORD_LENGTH",
    "MIN_NUMBER_PART",
    "NAME_WORD",
    "NO_DETAILS",
    "WAITING",
    "Activity",
    "ActivityNote",
    "Assignment",
    "Call",
    "Change",
    "Conversation",
    "CopyAge",
    "Coverage",
    "DerivedKeys",
    "Details",
    "Filter",
    "Freshness",
    "Group",
    "Handoff",
    "HotQuery",
    "HotSummary",
    "JsonValue",
    "Lead",
    "Page",
    "Quarantined",
    "ReadScope",
    "ScoreStep",
    "TermAlternatives",
    "UnfinishedSync",
    "Value",
    "is_older",
]
