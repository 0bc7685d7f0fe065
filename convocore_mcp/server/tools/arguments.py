"""The types of tool arguments: each with its bounds and the description that a model reads."""

import difflib
from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

from pydantic import Field

from convocore_mcp.errors import InvalidArgumentError
from convocore_mcp.server.requests import MAX_PERSON_LENGTH
from convocore_mcp.vocabulary import STAGES, STATES
from convocore_mcp.words.cutting import cut

MAX_LIST_LENGTH, MAX_LISTED_VALUE_LENGTH = 800, 60
"""The most characters of a list of values in an error, and of one value in it."""
_TIMES = "ISO date or time, 30min, 7d, 3mo ago, today, yesterday, this_week, last_month"
_MAX_VALUES = Field(max_length=20)
_Texts = Annotated[tuple[str, ...], _MAX_VALUES]
_Text = Annotated[str, Field(max_length=500)]
_Name = Annotated[str, Field(max_length=120)]
_Score = Annotated[float, Field(ge=0, le=100, strict=True)]

Query = Annotated[
    _Text,
    Field(
        description="Words that must all occur in names, contacts, texts, tags; a|b is either, "
        '"two words" a phrase, e.g. acme refund|return'
    ),
]
SameQuery = Annotated[_Text, Field(description="As in list_conversations")]
Stages = Annotated[_Texts, Field(description=f"Pipeline stages: {', '.join(STAGES)}")]
Labels = Annotated[
    tuple[Literal["hot", "warm", "cold"], ...], _MAX_VALUES, Field(description="CRM labels")
]
States = Annotated[_Texts, Field(description=f"{', '.join(STATES)} (the first waits for a human)")]
Channels = Annotated[_Texts, Field(description="e.g. web-chat, whatsapp, instagram")]
Tags = Annotated[_Texts, Field(description="e.g. vip")]
Assignees = Annotated[_Texts, Field(description="Name, email or id")]
MinScore = Annotated[_Score | None, Field(description="Leaves out what was never scored")]
Attention = Annotated[
    tuple[Literal["waiting_for_human", "unassigned", "overdue", "stale"], ...],
    _MAX_VALUES,
    Field(description="Any of these"),
]
_Conditions = Annotated[tuple[_Text, ...], Field(max_length=12)]
Where = Annotated[
    _Conditions,
    Field(
        description="Conditions that must all hold: FIELD = != > >= < <= ~ (has words) !~ VALUE, "
        "or exists, missing; e.g. value>10000, stage!=won|lost, email missing, demo=today, "
        "expected_close<=+30d, data.budget>=10000, created, source, reply_seconds, call_status; "
        "the error of an unknown field lists all"
    ),
]
SameWhere = Annotated[_Conditions, Field(description="As in list_conversations, e.g. value>10000")]
LeadWhere = Annotated[
    _Conditions,
    Field(description="As in list_conversations, e.g. value>10000, hot=true, next_due missing"),
]
Since = Annotated[_Text, Field(description=f"Last activity from: {_TIMES}")]
SameSince = Annotated[_Text, Field(description="Last activity from, e.g. 7d, this_month")]
Until = Annotated[_Text, Field(description="Last activity up to, same forms")]
ConversationSort = Annotated[
    _Name,
    Field(description="newest, oldest, score, value, waiting, or a field (-field: largest first)"),
]
LeadSort = Annotated[_Name, Field(description="score, newest, or any field, as -value, next_due")]
ShownFields = Annotated[
    tuple[_Name, ...],
    Field(max_length=60, description="Show these instead, e.g. name, email"),
]
PageSize = Annotated[int, Field(ge=1, le=100, strict=True, description="Rows per page")]
PageCursor = Annotated[
    str,
    Field(max_length=4000, description="next_cursor of the page before; same filters"),
]
Detail = Annotated[
    Literal["brief", "full"], Field(description="full adds contact data, summary, notes")
]
AgentId = Annotated[str, Field(max_length=200, description="Only needed with several agents")]
AgentIds = Annotated[str, Field(max_length=200, description="One of several agents, or all")]
Person = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_PERSON_LENGTH,
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
Of = Annotated[
    Literal["conversations", "leads"], Field(description="What to count; leads are people")
]
GroupBy = Annotated[
    tuple[_Name, ...],
    Field(
        max_length=2,
        description="stage, channel, day, week, month, weekday, hour, assignee, tag, or another "
        "choice, flag or text field",
    ),
]
ByTime = Annotated[
    Literal["last_activity", "created", "expected_close", "demo"],
    Field(description="The time that day, week, ... mean"),
]
Measures = Annotated[
    tuple[_Name, ...],
    Field(
        max_length=4,
        description="Number fields to average, e.g. value, reply_seconds",
    ),
]
GroupLimit = Annotated[
    int, Field(ge=1, le=100, strict=True, description="Largest groups; the rest is (other)")
]
SameStages = Annotated[_Texts, Field(description="Pipeline stages")]
SameStates = Annotated[_Texts, Field(description="e.g. ended_chat")]
SameChannels = Annotated[_Texts, Field(description="e.g. whatsapp")]
"""`Same...`: a filter in a second tool. Its description is short: the first tool has a long one."""
ChangesCursor = Annotated[str, Field(max_length=4000, description="next_cursor of the call before")]
ChangedSince = Annotated[_Text, Field(description="Happened from, e.g. 8h")]
Kinds = Annotated[
    tuple[Literal["created", "updated", "removed"], ...],
    _MAX_VALUES,
    Field(description="Only these"),
]
ChangedFields = Annotated[
    tuple[_Name, ...], Field(max_length=20, description="Updates of these fields, e.g. stage")
]
Became = Annotated[
    tuple[Literal["hot", "waiting", "won", "lost", "assigned", "overdue"], ...],
    _MAX_VALUES,
    Field(description="Any of these"),
]
ChangesLimit = Annotated[int, Field(ge=1, le=200, strict=True, description="Changes per call")]


def nearest_first(given: str, valid: Iterable[str]) -> list[str]:
    """The values `valid`, those that are spelled most like `given` first."""
    names = list(valid)
    by_spelling = {name.casefold(): name for name in reversed(names)}
    wanted = given[:60].casefold()
    near = [
        by_spelling[found]
        for found in difflib.get_close_matches(wanted, by_spelling, n=3, cutoff=0.5)
    ]
    return [*near, *(name for name in names if name not in near)]


def listed(values: Sequence[str], *, length: int = MAX_LIST_LENGTH) -> str:
    """`values` in a row, and how many there are where not all of them fit into `length`."""
    shown, used = list[str](), 0
    for value in values:
        short = cut(value, MAX_LISTED_VALUE_LENGTH)
        used += len(short) + 2
        if shown and used > length:
            return f"{', '.join(shown)} and {len(values) - len(shown)} more"
        shown.append(short)
    return ", ".join(shown)


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
                hint=f"Valid {name}: {listed(nearest_first(value, spellings.values()))}.",
            )
        found.append(spelling)
    return tuple(dict.fromkeys(found))
