"""Answers `get_conversation`: everything about one conversation, and what was said in it."""

from collections.abc import Sequence
from dataclasses import replace

from convocore_mcp.errors import InvalidArgumentError, MissingError
from convocore_mcp.leads.keys import words
from convocore_mcp.models import Conversation, Freshness, ReadScope, Transcript, Turn
from convocore_mcp.server.backend import Backend
from convocore_mcp.server.requests import ConversationRequest
from convocore_mcp.server.sanitize import JsonObject, sanitize_object
from convocore_mcp.server.size_limit import MAX_CHARACTERS, excess
from convocore_mcp.server.views.conversation_builders import conversation_fields, turn_view
from convocore_mcp.server.views.view_builders import freshness_view

MAX_TURNS = 200
"""Turns of one answer."""
AROUND = 2
"""Turns shown before and after one with the words that were looked for."""
TURN_LENGTH, FIELD_LENGTH = 1_000, 1_000
"""Characters of one turn, and of one field or captured value."""
NOTES_LENGTH = 2_500
"""Characters kept free for `freshness` and its notes."""
LISTS = ("score_history", "activities", "handoffs_history", "tags", "links", "data")
"""What is shortened in a conversation that is too long for an answer, in this order."""


async def get_conversation(
    backend: Backend, agent_id: str, request: ConversationRequest
) -> JsonObject:
    """The conversation, sanitized and within the limit of characters.

    Raises:
        InvalidArgumentError: the ID is empty.
        MissingError: there is no such conversation.
        ApiError: Convocore can't be read, and the mirror is still empty.
    """
    if not request.conversation:
        raise InvalidArgumentError("conversation: is empty.", hint="Give a conversation's id.")
    # Its own details are looked at below: those of others don't matter here.
    freshness = await backend.syncs.ensure_fresh(agent_id, ReadScope(details=False))
    conversation = await _find(backend, agent_id, request.conversation, freshness)
    if await backend.details.lacking(conversation):
        freshness = replace(
            freshness,
            complete=False,
            notes=(*freshness.notes, "details of 1 of 1 conversations are not read yet"),
        )
    notes: list[str] = []
    answer: JsonObject = {
        "conversation": _conversation(backend, conversation, notes),
    }
    if request.turns or request.find:
        transcript = await backend.transcripts.read(agent_id, conversation.id)
        answer["transcript"] = _transcript(transcript, request, notes)
    notes += _shorten(answer)
    return answer | {"freshness": sanitize_object(freshness_view(freshness, *notes))}


async def _find(
    backend: Backend, agent_id: str, conversation_id: str, freshness: Freshness
) -> Conversation:
    found = await backend.read(backend.mirror_reader.conversation, agent_id, conversation_id)
    if found is None:
        hint = "list_conversations shows the ids."
        if not freshness.complete:
            hint += " The list has not been read completely yet: ask again later."
        raise MissingError(f"There is no conversation {conversation_id[:80]!r}.", hint=hint)
    (enriched,) = await backend.details.enrich([found])
    return enriched


def _conversation(backend: Backend, conversation: Conversation, notes: list[str]) -> JsonObject:
    values = backend.read_fields(conversation)
    fields = conversation_fields(conversation, values, notes, zone=backend.clock().zone)
    return sanitize_object(fields, length=FIELD_LENGTH)


def _transcript(
    transcript: Transcript, request: ConversationRequest, notes: list[str]
) -> JsonObject:
    """`turns` and `total`, or `unavailable`."""
    if transcript.unavailable is not None:
        return {"unavailable": transcript.unavailable}
    turns = transcript.turns
    shown = _around(turns, request.find, notes) if request.find else turns[-request.turns :]
    views = [sanitize_object(turn_view(turn), length=TURN_LENGTH) for turn in shown]
    return {"turns": views, "total": transcript.total}


def _around(turns: Sequence[Turn], find: str, notes: list[str]) -> list[Turn]:
    """The newest turns in which every word of `find` was said, with those around them."""
    wanted = words(find)
    matches = [i for i, turn in enumerate(turns) if wanted and _has(turn, wanted)]
    near: set[int] = set()
    shown = 0
    for place in reversed(matches):
        around = range(max(0, place - AROUND), min(len(turns), place + AROUND + 1))
        if len(near.union(around)) > MAX_TURNS:
            break
        near.update(around)
        shown += 1
    notes.append(
        f"transcript: {len(matches)} turns have these words"
        + (f"; the newest {shown} of them are shown." if shown < len(matches) else ".")
    )
    return [turns[i] for i in sorted(near)]


def _has(turn: Turn, wanted: Sequence[str]) -> bool:
    """Whether each wanted word is the beginning of a word of the turn."""
    said = words(turn.text)
    return all(any(word.startswith(beginning) for word in said) for beginning in wanted)


def _shorten(answer: JsonObject) -> list[str]:
    """Shorten `answer` until it fits; returns what was left out, in sentences."""
    notes = []
    turns = answer.get("transcript", {}).get("turns", [])
    count = len(turns)
    while turns and excess(answer, reserve=NOTES_LENGTH) > 0:
        del turns[: max(1, len(turns) // 10)]  # the newest turns matter most
    if len(turns) < count:
        notes.append(
            f"transcript: the newest {len(turns)} of {count} turns are shown: an answer has at "
            f"most {MAX_CHARACTERS:,} characters."
        )
    fields = answer["conversation"]
    for name in LISTS:
        rows = fields.get(name)
        if not rows or excess(answer, reserve=NOTES_LENGTH) <= 0:
            continue
        count = len(rows)
        while rows and excess(answer, reserve=NOTES_LENGTH) > 0:
            for place in list(rows)[-1:] if isinstance(rows, dict) else [-1]:
                del rows[place]
        notes.append(f"{name}: the first {len(rows)} of {count} are shown.")
    return notes
