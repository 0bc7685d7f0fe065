"""What a response means: bytes in, models or errors out. No request is sent here.

A page is parsed in three steps: first the envelope, then each row by itself, then each field by
itself (`parsing.record_fields`). A field that does not fit is dropped alone. Only a row without a
usable ID is quarantined, with its reason; the rest of the page is still read.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b

import pydantic_core
from pydantic import ValidationError

from convocore_mcp.api.conversation_record import ConversationRecord, identity_of, last_activity
from convocore_mcp.api.error_responses import error_from_code, message_in
from convocore_mcp.api.parsing.json_body import (
    LARGE_BODY_BYTES,
    parse_json,
    without_oversized_fields,
)
from convocore_mcp.api.parsing.quarantined_row import quarantined_row
from convocore_mcp.api.parsing.record_fields import read_record
from convocore_mcp.api.parsing.sensitive_fields import drop_sensitive
from convocore_mcp.errors import ContractError
from convocore_mcp.fields.reading import read_facts
from convocore_mcp.models import WAITING, Conversation, Page, Quarantined
from convocore_mcp.words.visible_text import visible

MAX_ROWS = 5_000
"""Rows of one page that are read; Convocore sends 20 or 100, whatever is asked for."""


@dataclass(frozen=True, slots=True)
class ListResponse:
    """One response of the list endpoint, in either dialect."""

    page: Page
    row_count: int
    """How many rows it has, including the unreadable ones."""
    row_digests: frozenset[str]
    """A digest of the whole content of each row. Rows without an ID have none."""
    by_cursor: bool
    """Whether it says by a cursor, or by the lack of one, where the list goes on."""
    next_cursor: str | None
    """Points to the next page; `None` on the last page, and always with page numbers."""
    has_more: bool | None = None
    """What `hasMore` says, if it is there. Some workspaces send it with page numbers."""
    size: int = 0
    """Bytes of the body."""


MAX_CURSOR_LENGTH = 8_000
"""Characters. A cursor is kept to go on from there: one that fits into no address would stop every
later reading at that page."""
REFUSED_PAGE = ListResponse(Page(()), 0, frozenset(), by_cursor=False, next_cursor=None)
"""Stands for a page that Convocore refused: after a page that was read, it means the end."""


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
    data = envelope.get("data")
    if len(body) >= LARGE_BODY_BYTES:
        data = (
            list(map(without_oversized_fields, data))
            if isinstance(data, list)
            else without_oversized_fields(data)
        )
    return envelope, data


def parse_list_response(
    body: bytes,
    agent_id: str,
    read_at: datetime,
    *,
    after_first_page: bool = False,
    sensitive: bool = False,
) -> ListResponse:
    """Parse a response of the list endpoint; its request was sent at `read_at`.

    `after_first_page` says that the page is not the first one. Then a page without rows may also be
    `null` or an empty object. On the first page that is rather an answer of an unknown shape than a
    list without conversations. `sensitive` as for `parse_conversation`.

    Raises:
        ApiError: from `parse_envelope`; or `data` is not a list.
    """
    envelope, data = parse_envelope(body)
    if not isinstance(data, list):
        if not after_first_page or data or "data" not in envelope:
            raise ContractError(
                "Convocore's answer has no list of conversations in `data`.",
                hint="Check CONVOCORE_BASE_URL and the agent's ID.",
            )
        data = []
    parsed = [parse_conversation(row, agent_id, sensitive=sensitive) for row in data[:MAX_ROWS]]
    rows = tuple(row for row in parsed if isinstance(row, Conversation))
    quarantined = tuple(row for row in parsed if isinstance(row, Quarantined))
    identified = [row.record for row in rows]
    # A quarantined row without an ID, like `null`, cannot be told from another one.
    identified += [row.raw for row in quarantined if row.id is not None]
    if len(data) > MAX_ROWS:
        quarantined += (_cut_off(len(data)),)
    has_more, cursor = _flag(envelope.get("hasMore")), _cursor(envelope.get("nextCursor"))
    says_end = has_more is False or ("nextCursor" in envelope and not has_more)
    return ListResponse(
        page=Page(rows, quarantined, read_at=read_at),
        row_count=len(data),
        row_digests=frozenset(map(_row_digest, identified)),
        by_cursor=cursor is not None or says_end,
        next_cursor=cursor,
        has_more=has_more,
        size=len(body),
    )


def _cut_off(row_count: int) -> Quarantined:
    left_out = row_count - MAX_ROWS
    reason = f"a page of {row_count} rows is larger than {MAX_ROWS}: {left_out} rows were left out"
    return Quarantined(raw=f'"{left_out} rows"', reason=reason)


def _row_digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=9).hexdigest()


def _flag(value: object) -> bool | None:
    """A flag, also as text or as a number; `None` if it is missing."""
    if isinstance(value, str):
        return value.strip().lower() not in {"", "false", "0", "no", "null"}
    return None if value is None else bool(value)


def _cursor(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float) or not value:
        return None
    text = str(value)
    if len(text) > MAX_CURSOR_LENGTH or not text.isprintable():
        raise ContractError(
            "Convocore's cursor can't be sent back: it is too long, or no text.",
            hint="Try again later; the mirror still answers meanwhile.",
        )
    return None if text.strip() in {"", "null", "undefined"} else text


def parse_conversation(
    raw: object, agent_id: str, *, sensitive: bool = False
) -> Conversation | Quarantined:
    """One row as a model, or quarantined with the reason in words.

    Without `sensitive`, what could be used against the visitor is left out of either.
    """
    try:
        record, dropped = read_record(raw)
        if not sensitive:
            drop_sensitive(record)
        return to_model(record, agent_id, dropped, sensitive=sensitive)
    except ValidationError as error:
        problems = [
            f"{'.'.join(map(str, e['loc'])) or 'row'}: {e['msg']}"
            for e in error.errors(include_url=False, include_input=False, include_context=False)
        ]
        reason = "; ".join(problems[:3])
    except (ValueError, OverflowError, RecursionError) as error:
        reason = f"row: {error}"
    return quarantined_row(raw, reason, sensitive=sensitive)


def parse_single(body: bytes, agent_id: str, *, sensitive: bool = False) -> Conversation:
    """The conversation in the response of a request for it alone.

    Raises:
        ApiError: from `parse_envelope`; or it does not fit the model.
    """
    found = parse_conversation(parse_envelope(body)[1], agent_id, sensitive=sensitive)
    if isinstance(found, Quarantined):
        raise ContractError(f"This conversation can't be read: {found.reason}")
    return found


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
