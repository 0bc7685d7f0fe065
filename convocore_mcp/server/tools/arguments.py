"""The types of tool arguments: each with its bounds and the description that a model reads."""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from convocore_mcp.errors import InvalidArgumentError
from convocore_mcp.vocabulary import STAGES, STATES


def _as_list(value: object) -> object:
    """A single text is a list of one."""
    return [value] if isinstance(value, str) else value


def _as_lower_case_list(value: object) -> object:
    values = _as_list(value)
    if not isinstance(values, list):
        return values
    return [item.strip().lower() if isinstance(item, str) else item for item in values]


_TIMES = "2026-07-19, a full ISO time, or 24h, 7d, 2w, 3m (months) ago"
_MAX_VALUES = Field(max_length=20)
_ONE_OR_MANY = BeforeValidator(_as_list)
_ONE_OR_MANY_LOWER_CASE = BeforeValidator(_as_lower_case_list)

_Texts = Annotated[tuple[str, ...], _ONE_OR_MANY, _MAX_VALUES]
_Text = Annotated[str, Field(max_length=500)]
_Score = Annotated[float, Field(ge=0, le=100, strict=True)]

Query = Annotated[
    _Text,
    Field(
        description="Words in name, email, phone, company, title, summary, last message, notes, "
        "tags, e.g. acme refund"
    ),
]
Stages = Annotated[_Texts, Field(description=f"Pipeline stages: {', '.join(STAGES)}")]
Labels = Annotated[
    tuple[Literal["hot", "warm", "cold"], ...],
    _ONE_OR_MANY_LOWER_CASE,
    _MAX_VALUES,
    Field(description="CRM labels"),
]
States = Annotated[_Texts, Field(description=f"{', '.join(STATES)} (the first waits for a human)")]
Channels = Annotated[_Texts, Field(description="e.g. web-chat, whatsapp, instagram")]
Tags = Annotated[_Texts, Field(description="e.g. vip")]
Assignees = Annotated[_Texts, Field(description="Name, email or id, e.g. Lina")]
MinScore = Annotated[_Score | None, Field(description="Leaves out what was never scored")]
Attention = Annotated[
    tuple[Literal["waiting_for_human", "unassigned", "overdue", "stale"], ...],
    _ONE_OR_MANY_LOWER_CASE,
    _MAX_VALUES,
    Field(description="Any of these"),
]
Since = Annotated[_Text, Field(description=f"Last activity from: {_TIMES}")]
Until = Annotated[_Text, Field(description="Last activity up to, same forms")]
Sort = Annotated[
    Literal["newest", "oldest", "score", "value", "waiting"], Field(description="What comes first")
]
PageSize = Annotated[int, Field(ge=1, le=100, strict=True, description="Rows per page")]
PageCursor = Annotated[
    str,
    Field(max_length=4000, description="next_cursor of the page before, with the same filters"),
]
Detail = Annotated[
    Literal["brief", "full"], Field(description="full adds contact data, summary, notes")
]
AgentId = Annotated[str, Field(max_length=200, description="Only needed with several agents")]
Person = Annotated[
    str,
    Field(
        min_length=1,
        max_length=300,
        description="Name (with company, perhaps misspelt), email, phone in any notation, lead id "
        "or conversation ID, e.g. Jane Acme",
    ),
]
ConversationId = Annotated[
    str, Field(min_length=1, max_length=300, description="Conversation ID, as other tools give it")
]
Turns = Annotated[
    int, Field(ge=0, le=200, strict=True, description="Newest turns of the transcript to add")
]
FindWords = Annotated[_Text, Field(description="Turns around where these words were said")]
HotScore = Annotated[_Score, Field(description="What counts as hot without a label")]
Top = Annotated[int, Field(ge=1, le=50, strict=True, description="Leads to name")]
Explain = Annotated[bool, Field(strict=True, description="Add near_misses")]
GroupBy = Annotated[
    tuple[
        Literal[
            "stage", "channel", "state", "label", "day", "week", "month", "country", "language",
            "assignee", "tag", "source", "model",
        ],
        ...,
    ],
    _ONE_OR_MANY_LOWER_CASE,
    Field(max_length=2, description="None: totals alone"),
]  # fmt: skip
SameStages = Annotated[_Texts, Field(description="Pipeline stages")]
SameStates = Annotated[_Texts, Field(description="e.g. ended_chat")]
SameChannels = Annotated[_Texts, Field(description="e.g. whatsapp")]
"""The same filters in a second tool: a model has read the long description in the first."""
ChangesCursor = Annotated[str, Field(max_length=4000, description="next_cursor of the call before")]
ChangedSince = Annotated[_Text, Field(description=f"Seen from: {_TIMES}; without cursor")]
Kinds = Annotated[
    tuple[Literal["created", "updated", "removed"], ...],
    _ONE_OR_MANY_LOWER_CASE,
    _MAX_VALUES,
    Field(description="Only these"),
]
ChangesLimit = Annotated[int, Field(ge=1, le=200, strict=True, description="Changes per call")]


def canonical_values(name: str, given: Iterable[str], valid: Iterable[str]) -> tuple[str, ...]:
    """The values `given` for the argument `name`, spelled as in `valid`, each once.

    Raises:
        InvalidArgumentError: one of them is not among `valid`, which holds every valid value.
    """
    spellings = {value.casefold(): value for value in valid}
    found = []
    for value in given:
        spelling = spellings.get(value.strip().casefold())
        if spelling is None:
            raise InvalidArgumentError(
                f"{name}: {value[:60]!r} does not exist.",
                hint=f"Valid {name}: {', '.join(spellings.values())}.",
            )
        found.append(spelling)
    return tuple(dict.fromkeys(found))
