"""What an answer means: bodies in, models or errors out. No request is sent here.

A page is read in two steps: the envelope, then each row by itself. A row that doesn't fit is
quarantined with its reason; it is never the end of the page.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any

import pydantic_core
from pydantic import ValidationError

from convocore_mcp.api.conversation_record import ConversationRecord
from convocore_mcp.api.error_responses import message, named_failure
from convocore_mcp.errors import ContractError, GarbledError
from convocore_mcp.models import WAITING, Conversation, Page, Quarantined

_SURROGATES = re.compile("[\ud800-\udfff]")
_HALVES = re.compile(
    rb"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|(?P<half>\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
"""Escaped surrogates: two that make one character, or half of one."""
_BACKSLASH = ord("\\")


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of the list endpoint, in either dialect."""

    page: Page
    count: int
    """How many rows it brought, the unreadable ones included."""
    marks: frozenset[str]
    """The rows that can be told from any other, each by a digest of all that it holds."""
    by_cursor: bool
    """The cursor dialect: `hasMore` or `nextCursor` is there."""
    next_cursor: str | None
    """Where the next page is; `None` on the last page, and always in the page dialect."""


def decode(body: bytes) -> Any:
    """The JSON in `body`.

    Half an emoji (JavaScript cuts strings between surrogates) is valid JSON and no valid text: it
    becomes U+FFFD.

    Raises:
        GarbledError: this is not JSON, or only the beginning of some.
    """
    try:
        return pydantic_core.from_json(body)
    except ValueError:
        pass
    try:
        return pydantic_core.from_json(_HALVES.sub(_mended, body))
    except ValueError:
        pass
    try:  # half a character may come unescaped, too
        return _without_surrogates(json.loads(body))
    except (ValueError, RecursionError):
        raise GarbledError(
            "Convocore's answer is not JSON, or was cut off.",
            hint="Try again in a minute; if it stays, check CONVOCORE_BASE_URL.",
        ) from None


def _mended(found: re.Match[bytes]) -> bytes:
    begin = found.start()
    while begin and found.string[begin - 1] == _BACKSLASH:
        begin -= 1
    is_text = (found.start() - begin) % 2  # its backslash is escaped itself
    return rb"\ufffd" if found["half"] and not is_text else found[0]


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return _SURROGATES.sub("\ufffd", value)
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {_without_surrogates(k): _without_surrogates(v) for k, v in value.items()}
    return value


def payload(body: bytes) -> tuple[Mapping[str, Any], Any]:
    """The envelope of a 200, and its `data`.

    Raises:
        ApiError: not an object, without `data`, or `success: false`.
    """
    answer = decode(body)
    if not isinstance(answer, dict):
        raise ContractError(
            "Convocore's answer is not an object.", hint="Check CONVOCORE_BASE_URL and try again."
        )
    if answer.get("success") is False:
        raise named_failure(str(answer.get("code")), message(answer))
    return answer, answer.get("data")


def reply(body: bytes, agent_id: str, read_at: datetime) -> Reply:
    """Read one answer of the list endpoint, asked for at `read_at`.

    Raises:
        ApiError: what `payload` raises, or `data` is no list, or there is more but no way to it.
    """
    answer, raw = payload(body)
    if not isinstance(raw, list):
        raise ContractError(
            "Convocore's answer has no list of conversations in `data`.",
            hint="Check CONVOCORE_BASE_URL and the agent's ID.",
        )
    read = [conversation(row, agent_id) for row in raw]
    rows = tuple(row for row in read if isinstance(row, Conversation))
    bad = tuple(row for row in read if isinstance(row, Quarantined))
    by_cursor = "hasMore" in answer or "nextCursor" in answer
    return Reply(
        page=Page(rows, bad, read_at=read_at),
        count=len(raw),
        # A broken row counts if it has an ID; a `null` is like any other.
        marks=frozenset(
            map(_mark, [row.record for row in rows] + [b.raw for b in bad if b.id is not None])
        ),
        by_cursor=by_cursor,
        next_cursor=_next_cursor(answer) if by_cursor else None,
    )


def _mark(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=9).hexdigest()


def _next_cursor(answer: Mapping[str, Any]) -> str | None:
    cursor, more = answer.get("nextCursor"), answer.get("hasMore")
    if more and not cursor:
        raise ContractError(
            "Convocore says there are more conversations, but not where.", hint="Try again later."
        )
    ended = not cursor or ("hasMore" in answer and not more)
    return None if ended else str(cursor)


def conversation(raw: object, agent_id: str) -> Conversation | Quarantined:
    """One row as a model, or quarantined with the reason in words."""
    try:
        return to_model(ConversationRecord.model_validate(raw), agent_id)
    except ValidationError as error:
        wrong = [
            f"{'.'.join(map(str, e['loc'])) or 'row'}: {e['msg']}"
            for e in error.errors(include_url=False, include_input=False, include_context=False)
        ]
        reason = "; ".join(wrong[:3])
    except (ValueError, OverflowError, RecursionError) as error:
        reason = f"row: {error}"
    kept = pydantic_core.to_json(raw, inf_nan_mode="strings", serialize_unknown=True)
    named = raw.get("ID") if isinstance(raw, dict) else None
    return Quarantined(kept.decode(), reason, None if named is None else str(named))


def to_model(row: ConversationRecord, agent_id: str) -> Conversation:
    """The typed record as the noun the rest of the program uses."""
    assignees = _assignees(row)
    usage = row.token_usage
    return Conversation(
        agent_id=agent_id,
        id=row.id,
        last_activity=_last_activity(row),
        first_message=row.first_message_ts,
        identity=_text(row.contact_identity_id),
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
        tokens=_whole(usage.cumulative_total_tokens) if usage else None,
        usd=usage.cumulative_usd if usage else None,
        model=_text(usage.last_turn_model_id) if usage else None,
        links=_links(row),
        record=row.model_dump_json(exclude_none=True),
    )


def _text(value: str | None) -> str | None:
    # NUL is the one character that databases can't keep in text.
    return (value.replace("\0", "").strip() or None) if value else None


def _last_activity(row: ConversationRecord) -> datetime | None:
    # `ts` is what the list is sorted by, so a window over it can be read without the rest.
    dated = row.last_activity_date if isinstance(row.last_activity_date, datetime) else None
    return row.ts or row.last_message_ts or dated or row.first_message_ts


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def _channel(origin: object) -> str | None:
    if origin is None or isinstance(origin, str):
        return _text(origin)
    return pydantic_core.to_json(origin).decode() if origin not in ({}, []) else None


def _score(row: ConversationRecord) -> float | None:
    never_evaluated = not row.funnel_score_history and row.funnel_last_evaluated is None
    return None if row.lead_score == 0 and never_evaluated else row.lead_score


def _assignees(row: ConversationRecord) -> tuple[str, ...]:
    to = row.assigned_to
    names = (to.name, to.email, to.user_id) if to else ()
    return tuple(dict.fromkeys(filter(None, map(_text, (*names, row.chat_assigned_to)))))


def _links(row: ConversationRecord) -> tuple[str, ...]:
    given = (row.linked_in, row.facebook, row.instagram, row.social_handle, row.user_website)
    return tuple(dict.fromkeys(link for link in map(_text, given) if link))


def _waiting_since(row: ConversationRecord) -> datetime | None:
    if row.state != WAITING or not row.handoff_history:
        return None
    newest = row.handoff_history[-1]
    return None if newest.accepted_at else newest.requested_at


def _alerts(row: ConversationRecord) -> tuple[str, ...] | None:
    if row.crm_alerts is None or not row.crm_alerts.model_fields_set:
        return None
    return tuple(name for name, on in row.crm_alerts if on is True)
