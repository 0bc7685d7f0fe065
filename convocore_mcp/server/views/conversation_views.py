"""The views of one conversation and its transcript."""

from dataclasses import dataclass
from typing import Annotated

from convocore_mcp.server.views.answer_views import (
    FREE_FORM_SCHEMA,
    FreeForm,
    FreshnessView,
    View,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffView(View):
    """One request for a human."""

    asked: str | None = None
    accepted: str | None = None
    done: str | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityView(View):
    """An activity in the CRM."""

    type: str | None = None
    title: str | None = None
    due: str | None = None
    done: bool | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreView(View):
    """One change of the score, and what the visitor had said."""

    at: str | None = None
    step: str | None = None
    points: float | None = None
    score: float | None = None
    quote: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationAnswer(View):
    """The answer of `get_conversation`."""

    conversation: Annotated[FreeForm, FREE_FORM_SCHEMA]
    transcript: Annotated[FreeForm, FREE_FORM_SCHEMA] | None = None
    freshness: FreshnessView
