"""A lead, and the index terms that leads are found by."""

from dataclasses import dataclass
from datetime import datetime

from convocore_mcp.models.conversation import Value

CLOSED_STAGES = frozenset({"won", "lost"})
NAME_WORD = "w"
"""The first letter of an index term that is a word of a name or company (`leads.index_terms`)."""
MAX_FOUND = 2_000
"""People that one look-up by names finds at most."""
MAX_WORD_LENGTH = 40
"""Characters of a word that an index term keeps."""


@dataclass(frozen=True, slots=True)
class Lead:
    """A person: the merge of their conversations (docs/contract.md, "A lead")."""

    agent_id: str
    lead_id: str
    conversation_ids: tuple[str, ...]
    """Newest first."""
    last_activity: datetime | None = None
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    company: str | None = None
    channel: str | None = None
    state: str | None = None
    stage: str | None = None
    label: str | None = None
    score: float | None = None
    amount: float | None = None
    unparsed: bool = False
    """There is a value, but no number can be read from it."""
    currency: str | None = None
    value: Value | None = None
    assignee: str | None = None
    alerts: tuple[str, ...] = ()
    waiting: bool = False
    """Whether any conversation of the lead waits for a human."""
    waiting_since: datetime | None = None
    """Since when the one that waits longest does, as far as that is known."""
    expected_close: str | None = None
    hot_score: float | None = None
    """Hot at a threshold means `hot_score >= threshold`; `None` is never hot (`leads.hotness`)."""
    closed: bool = False
    """Whether the pipeline ended at `stage` (`leads.hotness.is_closed`)."""
    text: str = ""
    """Folded words of every name and company of the lead."""
    terms: str = ""
    """The index terms that the lead is found by, each after a line break (`leads.index_terms`)."""


@dataclass(frozen=True, slots=True)
class TermAlternatives:
    """Index terms of which a lead must have at least one."""

    exact: tuple[str, ...] = ()
    """Whole terms."""
    prefixes: tuple[str, ...] = ()
    """Beginnings of terms."""
