"""A list row and the single conversation, as one conversation.

The newer of the two wins, by `ts` and then by `lastModified`; where neither is newer, the list. The
other one fills in the fields that the winner does not have; an empty field of the row is none.

Source: docs/upstream.md, "The single conversation"; docs/architecture.md, "Details".
"""

import json
from dataclasses import replace
from datetime import datetime, timedelta

from convocore_mcp.api.conversation_record import ConversationRecord
from convocore_mcp.api.parsing.conversation_model import to_model
from convocore_mcp.models import Conversation
from convocore_mcp.store.details.record_times import is_newer
from convocore_mcp.store.details.trial_rows import is_blank

_SCORE = ("lead_score", "funnel_score_history", "funnel_steps_matched")
_SECOND = timedelta(seconds=1)


def merge_details(listed: Conversation, single: str) -> Conversation:
    """`listed` with what `single` adds; both records are as `api` writes them.

    Raises:
        ValueError: a record is not one of ours.
    """
    row, item = json.loads(listed.record), json.loads(single)
    if not _is_scored(row):
        row = _without_score(row, beside=item)
    elif not _is_scored(item):
        item = _without_score(item, beside=row)
    # An empty field may be one that the list leaves out. If it was emptied, the details of this
    # version say so, too.
    row = {name: value for name, value in row.items() if name not in item or not is_blank(value)}
    merged = row | item if is_newer(item, row) else item | row
    record = ConversationRecord.model_validate(
        merged | {"id": listed.id}, by_alias=False, by_name=True
    )
    made = to_model(record, listed.agent_id, listed.dropped)
    # A record has whole seconds, the list may have had milliseconds.
    return replace(
        made,
        last_activity=_exact(listed.last_activity, made.last_activity),
        first_message=_exact(listed.first_message, made.first_message),
    )


def _without_score(record: dict[str, object], *, beside: dict[str, object]) -> dict[str, object]:
    """`record` without a score of 0 that is none, as far as the other record has one.

    "Not scored" is unknown, and not a score of 0.
    """
    return {n: value for n, value in record.items() if n not in _SCORE or n not in beside}


def _is_scored(row: dict[str, object]) -> bool:
    return bool(
        row.get("lead_score") or row.get("funnel_score_history") or row.get("funnel_last_evaluated")
    )


def _exact(listed: datetime | None, made: datetime | None) -> datetime | None:
    if listed is None or made is None:
        return made
    return listed if abs(listed - made) < _SECOND else made
