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
    DerivedKeys,
    Details,
    Handoff,
    JsonValue,
    ScoreStep,
    Value,
)
from convocore_mcp.models.details import (
    DetailsOutcome,
    DetailsState,
    DetailsTrial,
    ReadDetails,
    TrialResult,
    WantedDetails,
)
from convocore_mcp.models.facts import NO_FACTS, Facts, ModelShare, PlannedActivity, ReadValue
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
from convocore_mcp.models.search_terms import (
    NumberTerm,
    PhraseTerm,
    RunTerm,
    Term,
    Terms,
    WordTerm,
)
from convocore_mcp.models.transcript import Speaker, Transcript, Turn

__all__ = [
    "CLOSED_STAGES",
    "EVERYTHING",
    "MAX_WORD_LENGTH",
    "MIN_NUMBER_PART",
    "NAME_WORD",
    "NO_DETAILS",
    "NO_FACTS",
    "WAITING",
    "Activity",
    "ActivityNote",
    "Assignment",
    "Call",
    "Change",
    "Conversation",
    "Coverage",
    "DerivedKeys",
    "Details",
    "DetailsOutcome",
    "DetailsState",
    "DetailsTrial",
    "Facts",
    "Filter",
    "Freshness",
    "Group",
    "Handoff",
    "HotQuery",
    "HotSummary",
    "JsonValue",
    "Lead",
    "ModelShare",
    "NumberTerm",
    "Page",
    "PhraseTerm",
    "PlannedActivity",
    "Quarantined",
    "ReadDetails",
    "ReadScope",
    "ReadValue",
    "RunTerm",
    "ScoreStep",
    "Speaker",
    "Term",
    "TermAlternatives",
    "Terms",
    "Transcript",
    "TrialResult",
    "Turn",
    "UnfinishedSync",
    "Value",
    "WantedDetails",
    "WordTerm",
]
