"""The views of changes."""

from dataclasses import dataclass
from typing import Annotated

from convocore_mcp.server.views.answer_views import (
    FREE_FORM_SCHEMA,
    FreeForm,
    FreshnessView,
    View,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeView(View):
    """Something that happened to a conversation.

    `changed` maps a field to its value before and after, and a list to what was added and removed.
    """

    event_id: str
    at: str
    seen: str
    kind: str
    id: str
    agent_id: str | None = None
    lead_id: str | None = None
    name: str | None = None
    stage: str | None = None
    hot: bool | None = None
    became: list[str] | None = None
    hot_lead_ids: list[str] | None = None
    """Other leads that became hot because of the change, as those that the conversation left."""
    changed: Annotated[FreeForm, FREE_FORM_SCHEMA] | None = None
    left_out: list[str] | None = None
    """Fields that changed too, but whose values are too long for an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes(View):
    """The answer of `list_changes`."""

    changes: list[ChangeView]
    next_cursor: str
    has_more: bool
    truncated: bool
    next_poll_seconds: int
    known_since: str | None = None
    freshness: FreshnessView
