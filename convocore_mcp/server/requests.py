"""Requests: the arguments of a tool, checked by its schema, as `server.answers` receives them.

These classes are not in `answers`, because the tools' declarations need them at the start, when
nothing that only answers need should be imported.
"""

from dataclasses import dataclass

from convocore_mcp.vocabulary import DEFAULT_THRESHOLD

MAX_PERSON_LENGTH = 300
"""Characters of a text that names a person. Finding names similar to a longer one takes seconds."""


@dataclass(frozen=True, slots=True)
class FilterArguments:
    """The arguments that filter conversations, as the caller wrote them."""

    query: str = ""
    stage: tuple[str, ...] = ()
    label: tuple[str, ...] = ()
    state: tuple[str, ...] = ()
    channel: tuple[str, ...] = ()
    tag: tuple[str, ...] = ()
    assignee: tuple[str, ...] = ()
    min_score: float | None = None
    attention: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    since: str = ""
    until: str = ""


NO_FILTER = FilterArguments()


@dataclass(frozen=True, slots=True)
class ConversationsRequest:
    """A page of conversations."""

    filters: FilterArguments = NO_FILTER
    sort: str = "newest"
    fields: tuple[str, ...] = ()
    """Fields to show in place of those of a brief or full row."""
    limit: int = 20
    cursor: str = ""
    full: bool = False


@dataclass(frozen=True, slots=True)
class ConversationRequest:
    """One conversation, and how much of its transcript."""

    conversation: str
    turns: int = 0
    find: str = ""


@dataclass(frozen=True, slots=True)
class LeadsRequest:
    """A page of leads."""

    filters: FilterArguments = NO_FILTER
    sort: str = "score"
    fields: tuple[str, ...] = ()
    limit: int = 20
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class StatsRequest:
    """Statistics of conversations or leads, in total and by group."""

    filters: FilterArguments = NO_FILTER
    of: str = "conversations"
    """`conversations` or `leads`."""
    group_by: tuple[str, ...] = ()
    by_time: str = "last_activity"
    measure: tuple[str, ...] = ()
    limit: int = 100
    """The number of groups that are listed; the others are one group."""


@dataclass(frozen=True, slots=True)
class HotLeadsRequest:
    """A summary of the hot leads."""

    since: str = ""
    until: str = ""
    min_score: float = DEFAULT_THRESHOLD
    top: int = 10
    explain: bool = False


@dataclass(frozen=True, slots=True)
class ChangesRequest:
    """A page of changes."""

    cursor: str = ""
    since: str = ""
    kinds: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    became: tuple[str, ...] = ()
    limit: int = 50
