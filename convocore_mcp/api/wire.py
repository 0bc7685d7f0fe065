"""What a response means: bytes in, models or errors out. No request is sent here.

A page is parsed in two steps: first the envelope, then each row by itself. A row that does not fit
the record is quarantined with its reason; the rest of the page is still read.
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
from convocore_mcp.api.error_responses import error_from_code, message_in
from convocore_mcp.errors import ContractError, GarbledError
from convocore_mcp.models import WAITING, Conversation, Page, Quarantined

_SURROGATES = re.compile("[\ud800-\udfff]")
_ESCAPED_SURROGATES = re.compile(
    rb"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|(?P<lone>\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
"""A pair that makes one character, or a lone surrogate."""
_BACKSLASH = ord("\\")


@dataclass(frozen=True, slots=True)
class ListResponse:
    """One response of the list endpoint, in either dialect."""

    page: Page
    row_count: int
    """How many rows it has, including the unreadable ones."""
    fingerprints: frozenset[str]
    """A digest of the whole content of each row. Rows without an ID have none."""
    by_cursor: bool
    """Whether `hasMore` or `nextCursor` is there, which only the cursor dialect sends."""
    next_cursor: str | None
    """Points to the next page; `None` on the last page, and always in the page dialect."""


def parse_json(body: bytes) -> Any:
    """The JSON in `body`.

    JavaScript can cut a string between two surrogates. A lone surrogate is valid JSON, but not
    valid text, so it becomes U+FFFD.

    Raises:
        GarbledError: `body` is not JSON, or was cut off.
    """
    try:
        return pydantic_core.from_json(body)
    except ValueError:
        pass
    try:
        return pydantic_core.from_json(_ESCAPED_SURROGATES.sub(_replace_lone_surrogate, body))
    except ValueError:
        pass
    try:  # lone surrogates can also come unescaped; only `json` reads those
        return _without_surrogates(json.loads(body))
    except (ValueError, RecursionError):
        raise GarbledError(
            "Convocore's answer is not JSON, or was cut off.",
            hint="Try again in a minute. If it stays, check CONVOCORE_BASE_URL.",
        ) from None


def _replace_lone_surrogate(match: re.Match[bytes]) -> bytes:
    backslashes = match.start()
    while backslashes and match.string[backslashes - 1] == _BACKSLASH:
        backslashes -= 1
    is_text = (match.start() - backslashes) % 2  # the backslash of `\u` is escaped itself
    return rb"\ufffd" if match["lone"] and not is_text else match[0]


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return _SURROGATES.sub("\ufffd", value)
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {_without_surrogates(k): _without_surrogates(v) for k, v in value.items()}
    return value


def parse_envelope(body: bytes) -> tuple[Mapping[str, object], object]:
    """The JSON object of a response with status 200, and its `data`, which may be missing.

    Raises:
        ApiError: the body is not a JSON object, or says `success: false`.
    """
    envelope = parse_json(body)
    if not isinstance(envelope, dict):
        raise ContractError(
            "Convocore's answer is not an object.", hint="Check CONVOCORE_BASE_URL and try again."
        )
    if envelope.get("success") is False:
        raise error_from_code(str(envelope.get("code")), message_in(envelope))
    return envelope, envelope.get("data")


def parse_list_response(body: bytes, agent_id: str, read_at: datetime) -> ListResponse:
    """Parse a response of the list endpoint; its request was sent at `read_at`.

    Raises:
        ApiError: from `parse_envelope`; or `data` is not a list; or `hasMore` without a cursor.
    """
    envelope, data = parse_envelope(body)
    if not isinstance(data, list):
        raise ContractError(
            "Convocore's answer has no list of conversations in `data`.",
            hint="Check CONVOCORE_BASE_URL and the agent's ID.",
        )
    parsed = [parse_conversation(row, agent_id) for row in data]
    rows = tuple(row for row in parsed if isinstance(row, Conversation))
    quarantined = tuple(row for row in parsed if isinstance(row, Quarantined))
    identified = [row.record for row in rows]
    # A quarantined row without an ID, like `null`, cannot be told from another one.
    identified += [row.raw for row in quarantined if row.id is not None]
    by_cursor = "hasMore" in envelope or "nextCursor" in envelope
    return ListResponse(
        page=Page(rows, quarantined, read_at=read_at),
        row_count=len(data),
        fingerprints=frozenset(map(_fingerprint, identified)),
        by_cursor=by_cursor,
        next_cursor=_next_cursor(envelope) if by_cursor else None,
    )


def _fingerprint(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=9).hexdigest()


def _next_cursor(envelope: Mapping[str, object]) -> str | None:
    cursor, has_more = envelope.get("nextCursor"), envelope.get("hasMore")
    if has_more and not cursor:
        raise ContractError(
            "Convocore says there are more conversations, but sent no cursor to them.",
            hint="Try again later.",
        )
    ended = not cursor or ("hasMore" in envelope and not has_more)
    return None if ended else str(cursor)


def parse_conversation(raw: object, agent_id: str) -> Conversation | Quarantined:
    """One row as a model, or quarantined with the reason in words."""
    try:
        return to_model(ConversationRecord.model_validate(raw), agent_id)
    except ValidationError as error:
        problems = [
            f"{'.'.join(map(str, e['loc'])) or 'row'}: {e['msg']}"
            for e in error.errors(include_url=False, include_input=False, include_context=False)
        ]
        reason = "; ".join(problems[:3])
    except (ValueError, OverflowError, RecursionError) as error:
        reason = f"row: {error}"
    json_text = pydantic_core.to_json(raw, inf_nan_mode="strings", serialize_unknown=True).decode()
    id_ = raw.get("ID") if isinstance(raw, dict) else None
    return Quarantined(json_text, reason, None if id_ is None else str(id_))


def to_model(row: ConversationRecord, agent_id: str) -> Conversation:
    """The conversation that a record describes, as the rest of the program knows it."""
    assignees = _assignees(row)
    usage = row.token_usage
    return Conversation(
        agent_id=agent_id,
        id=row.id,
        last_activity=_last_activity(row),
        first_message=row.first_message_ts,
        last_modified=row.last_modified,
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
        tokens=_to_int(usage.cumulative_total_tokens) if usage else None,
        usd=usage.cumulative_usd if usage else None,
        model=_text(usage.last_turn_model_id) if usage else None,
        links=_links(row),
        record=row.model_dump_json(exclude_none=True),
    )


def _text(value: str | None) -> str | None:
    # NUL is the one character that databases cannot store in text.
    return (value.replace("\0", "").strip() or None) if value else None


def _last_activity(row: ConversationRecord) -> datetime | None:
    # The list is sorted by `ts`, so a time window over it needs only the front of the list.
    dated = row.last_activity_date if isinstance(row.last_activity_date, datetime) else None
    return row.ts or row.last_message_ts or dated or row.first_message_ts


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
    return tuple(dict.fromkeys(filter(None, map(_text, (*names, row.chat_assigned_to)))))


def _links(row: ConversationRecord) -> tuple[str, ...]:
    links = (row.linked_in, row.facebook, row.instagram, row.social_handle, row.user_website)
    return tuple(dict.fromkeys(link for link in map(_text, links) if link))


def _waiting_since(row: ConversationRecord) -> datetime | None:
    if row.state != WAITING or not row.handoff_history:
        return None
    latest = row.handoff_history[-1]
    return None if latest.accepted_at else latest.requested_at


def _alerts(row: ConversationRecord) -> tuple[str, ...] | None:
    if row.crm_alerts is None or not row.crm_alerts.model_fields_set:
        return None
    return tuple(name for name, is_set in row.crm_alerts if is_set is True)
