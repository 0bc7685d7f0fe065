"""The types of tool arguments: what the schema says, and what is read more kindly than it says."""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from convocore_mcp.errors import InvalidArgumentError
from convocore_mcp.vocabulary import STAGES, STATES


def _several(value: object) -> object:
    """One bare value is a list of it."""
    return [value] if isinstance(value, str) else value


def _several_lower(value: object) -> object:
    found = _several(value)
    if not isinstance(found, list):
        return found
    return [item.strip().lower() if isinstance(item, str) else item for item in found]


_TIMES = "2026-07-19, a full ISO time, or 24h, 7d, 2w, 3m (months) ago"
_MOST = Field(max_length=20)
_ONE_OR_MANY, _ONE_OR_MANY_LOWER = BeforeValidator(_several), BeforeValidator(_several_lower)

Many = Annotated[tuple[str, ...], _ONE_OR_MANY, _MOST]
Text = Annotated[str, Field(max_length=500)]
Score = Annotated[float, Field(ge=0, le=100, strict=True)]

Query = Annotated[
    Text,
    Field(
        description="Words in name, email, phone, company, title, summary, last message, notes, "
        "tags, e.g. acme refund"
    ),
]
Stages = Annotated[Many, Field(description=f"Pipeline stages: {', '.join(STAGES)}")]
Labels = Annotated[tuple[Literal["hot", "warm", "cold"], ...], _ONE_OR_MANY_LOWER, _MOST]
States = Annotated[Many, Field(description=f"{', '.join(STATES)} (the first waits for a human)")]
Channels = Annotated[Many, Field(description="e.g. web-chat, whatsapp, instagram")]
Tags = Annotated[Many, Field(description="e.g. vip")]
Assignees = Annotated[Many, Field(description="Name, email or id, e.g. Lina")]
MinScore = Annotated[Score | None, Field(description="Leaves out what was never scored")]
Attention = Annotated[
    tuple[Literal["waiting_for_human", "unassigned", "overdue", "stale"], ...],
    _ONE_OR_MANY_LOWER,
    _MOST,
    Field(description="Any of these"),
]
Since = Annotated[Text, Field(description=f"Last activity from: {_TIMES}")]
Until = Annotated[Text, Field(description="Last activity up to, same forms")]
Sort = Literal["newest", "oldest", "score", "value", "waiting"]
Limit = Annotated[int, Field(ge=1, le=100, strict=True)]
Position = Annotated[
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
Threshold = Annotated[Score, Field(description="What counts as hot without a label")]
Top = Annotated[int, Field(ge=1, le=50, strict=True, description="Leads to name")]
GroupBy = Annotated[
    tuple[
        Literal[
            "stage", "channel", "state", "label", "day", "week", "month", "country", "language",
            "assignee", "tag", "source", "model",
        ],
        ...,
    ],
    _ONE_OR_MANY_LOWER,
    Field(max_length=2),
]  # fmt: skip
Bookmark = Annotated[str, Field(max_length=4000, description="next_cursor of the call before")]
ChangedSince = Annotated[Text, Field(description=f"Seen from: {_TIMES}; without cursor")]
Kinds = Annotated[tuple[Literal["created", "updated", "removed"], ...], _ONE_OR_MANY_LOWER, _MOST]
ChangesLimit = Annotated[int, Field(ge=1, le=200, strict=True)]
Explain = Annotated[bool, Field(strict=True, description="Add near_misses")]


def known(name: str, asked: Iterable[str], valid: Iterable[str]) -> tuple[str, ...]:
    """`asked` as they are spelt in `valid`, which holds every value there is.

    Raises:
        InvalidArgumentError: one of them is not among `valid`.
    """
    spelt = {value.casefold(): value for value in valid}
    found = []
    for value in asked:
        if value.strip().casefold() not in spelt:
            raise InvalidArgumentError(
                f"{name}: {value[:60]!r} does not exist.",
                hint=f"Valid {name}: {', '.join(spelt.values())}.",
            )
        found.append(spelt[value.strip().casefold()])
    return tuple(dict.fromkeys(found))
