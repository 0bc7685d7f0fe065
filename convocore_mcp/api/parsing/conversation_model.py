"""A record of the list as the `Conversation` that it describes."""

from collections.abc import Iterable
from datetime import datetime

import pydantic_core

from convocore_mcp.api.conversation_record import ConversationRecord, identity_of, last_activity
from convocore_mcp.fields.reading import read_facts
from convocore_mcp.models import WAITING, Conversation
from convocore_mcp.words.visible_text import visible


def to_model(
    row: ConversationRecord, agent_id: str, dropped: tuple[str, ...], *, sensitive: bool = True
) -> Conversation:
    """The conversation that a record describes; `dropped` names the fields that did not fit.

    `sensitive`: secrets may be left in the record.
    """
    assignees = _assignees(row)
    usage = row.token_usage
    return Conversation(
        agent_id=agent_id,
        id=row.id,
        last_activity=last_activity(row),
        first_message=row.first_message_ts,
        last_modified=row.last_modified,
        identity=identity_of(row.contact_identity_id),
        name=_text(row.user_name),
        email=_text(row.user_email),
        phone=_text(row.user_phone),
        company=_text(row.user_company),
        title=_text(row.title),
        summary=_text(row.summary),
        last_message=_text(row.last_message),
        notes=_text(row.notes) or _text(row.note),
        tags=tuple(tag for tag in map(_text, row.tags or ()) if tag),
        channel=_channel(row.origin),
        state=_text(row.state),
        stage=_text(row.stage),
        label=_text(row.hot_label),
        score=_score(row),
        value=_text(row.value) if isinstance(row.value, str) else row.value,
        currency=_text(row.currency),
        assignee=assignees[0] if assignees else None,
        assignees=assignees,
        waiting_since=_waiting_since(row),
        alerts=_alerts(row),
        messages=None if row.messages_num is None else int(row.messages_num),
        is_test=bool(row.is_test),
        is_blocked=bool(row.is_blocked),
        country=_text(row.country_code),
        language=_text(row.language) or _text(row.lang),
        source=_text(row.source),
        expected_close=_text(row.expected_close_date),
        rating=row.rating_from5,
        tokens=_to_int(usage.cumulative_total_tokens) if usage else None,
        usd=usage.cumulative_usd if usage else None,
        model=_text(usage.last_turn_model_id) if usage else None,
        links=_links(row),
        record=row.model_dump_json(exclude_none=True),
        facts=read_facts(row, without_secrets=not sensitive),
        dropped=dropped,
    )


def _text(value: str | None) -> str | None:
    return (visible(value) or None) if value else None


def _to_int(value: float | None) -> int | None:
    return None if value is None else int(value)


def _channel(origin: object) -> str | None:
    if origin is None or isinstance(origin, str):
        return _text(origin)
    return pydantic_core.to_json(origin).decode() if origin not in ({}, []) else None


def _score(row: ConversationRecord) -> float | None:
    never_evaluated = not row.funnel_score_history and row.funnel_last_evaluated is None
    return None if row.lead_score == 0 and never_evaluated else row.lead_score


def _assignees(row: ConversationRecord) -> tuple[str, ...]:
    assignment = row.assigned_to
    names = (assignment.name, assignment.email, assignment.user_id) if assignment else ()
    return _distinct((*names, row.chat_assigned_to))


def _links(row: ConversationRecord) -> tuple[str, ...]:
    links = (row.linked_in, row.facebook, row.instagram, row.social_handle, row.user_website)
    return _distinct(links)


def _distinct(texts: Iterable[str | None]) -> tuple[str, ...]:
    known = [text for text in texts if text]
    return tuple(dict.fromkeys(filter(None, map(_text, known)))) if known else ()


def _waiting_since(row: ConversationRecord) -> datetime | None:
    if (row.state or "").strip().casefold() != WAITING or not row.handoff_history:
        return None
    latest = row.handoff_history[-1]
    return None if latest.accepted_at else latest.requested_at


def _alerts(row: ConversationRecord) -> tuple[str, ...] | None:
    if row.crm_alerts is None or not row.crm_alerts.model_fields_set:
        return None
    return tuple(name for name, is_set in row.crm_alerts if is_set is True)
