"""What a response means: bytes in, models or errors out. No request is sent here.

A page is parsed in three steps: first the envelope, then each row by itself, then each field by
itself (`parsing.record_fields`). A field that does not fit is dropped alone. Only a row without a
usable ID is quarantined, with its reason; the rest of the page is still read.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import blake2b
from typing import Self

from pydantic import ValidationError

from convocore_mcp.api.error_responses import error_from_code, message_in
from convocore_mcp.api.parsing.conversation_model import to_model
from convocore_mcp.api.parsing.json_body import (
    LARGE_BODY_BYTES,
    parse_json,
    without_oversized_fields,
)
from convocore_mcp.api.parsing.quarantined_row import quarantined_row
from convocore_mcp.api.parsing.record_fields import read_record
from convocore_mcp.api.parsing.sensitive_fields import drop_sensitive
from convocore_mcp.errors import ContractError
from convocore_mcp.models import Conversation, Page, Quarantined

MAX_ROWS = 5_000
"""Rows of one page that are read; Convocore sends 20 or 100, whatever is asked for."""
PARSE_IN_THREAD_FROM = 256 * 1024
"""Bytes. A body of this size or more is parsed in a thread with all its rows, so that other
requests do not wait."""


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
"""Characters. A cursor is stored to resume from it: one that is too long for a URL would stop every
later sync at that page."""
REFUSED_PAGE = ListResponse(Page(()), 0, frozenset(), by_cursor=False, next_cursor=None)
"""Stands for a page that Convocore refused: after a page that was read, it means the end."""


@dataclass(frozen=True, slots=True)
class UnparsedList:
    """One response of the list endpoint, whose rows are still as they came.

    It says already where the list goes on. The other attributes are those of `ListResponse`.
    """

    agent_id: str
    rows: list[object]
    read_at: datetime
    sensitive: bool
    """As for `parse_conversation`."""
    by_cursor: bool
    next_cursor: str | None
    has_more: bool | None
    size: int
    parsed: ListResponse | None = None

    def with_rows_parsed(self) -> Self:
        """The same with its rows parsed already, as it must be where that takes long."""
        return replace(self, rows=[], parsed=self.parse())

    def parse(self) -> ListResponse:
        """The response with its rows as models."""
        if self.parsed is not None:
            return self.parsed
        parsed = [
            parse_conversation(row, self.agent_id, sensitive=self.sensitive)
            for row in self.rows[:MAX_ROWS]
        ]
        rows = tuple(row for row in parsed if isinstance(row, Conversation))
        quarantined = tuple(row for row in parsed if isinstance(row, Quarantined))
        identified = [row.record for row in rows]
        # A quarantined row without an ID, like `null`, cannot be distinguished from another one.
        identified += [row.raw for row in quarantined if row.id is not None]
        if len(self.rows) > MAX_ROWS:
            quarantined += (_cut_off(len(self.rows)),)
        return ListResponse(
            page=Page(rows, quarantined, read_at=self.read_at),
            row_count=len(self.rows),
            row_digests=frozenset(map(_row_digest, identified)),
            by_cursor=self.by_cursor,
            next_cursor=self.next_cursor,
            has_more=self.has_more,
            size=self.size,
        )


def parse_envelope(
    body: bytes, *, with_oversized: bool = False
) -> tuple[Mapping[str, object], object]:
    """The JSON object of a response with status 200, and its `data`, which may be missing.

    Fields of rows with too many values are left out, unless they are asked for `with_oversized`.

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
    if len(body) >= LARGE_BODY_BYTES and not with_oversized:
        data = (
            list(map(without_oversized_fields, data))
            if isinstance(data, list)
            else without_oversized_fields(data)
        )
    return envelope, data


def read_list(
    body: bytes,
    agent_id: str,
    read_at: datetime,
    *,
    after_first_page: bool = False,
    sensitive: bool = False,
) -> UnparsedList:
    """Read a response of the list endpoint but for its rows; its request was sent at `read_at`.

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
    has_more, cursor = _flag(envelope.get("hasMore")), _cursor(envelope.get("nextCursor"))
    says_end = has_more is False or ("nextCursor" in envelope and not has_more)
    found = UnparsedList(
        agent_id,
        data,
        read_at,
        sensitive,
        by_cursor=cursor is not None or says_end,
        next_cursor=cursor,
        has_more=has_more,
        size=len(body),
    )
    return found if len(body) < PARSE_IN_THREAD_FROM else found.with_rows_parsed()


def parse_list_response(body: bytes, agent_id: str, read_at: datetime) -> ListResponse:
    """`read_list` of the first page, with its rows as models."""
    return read_list(body, agent_id, read_at).parse()


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
