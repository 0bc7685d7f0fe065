"""Answers `get_conversation`: everything about one conversation, and what was said in it."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from convocore_mcp.errors import InvalidArgumentError, MissingError
from convocore_mcp.models import Conversation, Freshness, ReadScope, Terms, Transcript, Turn
from convocore_mcp.server.answers.whole_record import find_conversation
from convocore_mcp.server.backend import Backend
from convocore_mcp.server.not_found import with_coverage
from convocore_mcp.server.requests import ConversationRequest
from convocore_mcp.server.sanitize import JsonObject, sanitize_object, sanitize_text
from convocore_mcp.server.size_limit import shorten_lists
from convocore_mcp.server.views.conversation_builders import (
    CHRONOLOGICAL,
    MAX_ITEMS,
    conversation_fields,
    turn_view,
)
from convocore_mcp.server.views.view_builders import freshness_view
from convocore_mcp.words.counted import counted
from convocore_mcp.words.cutting import cut
from convocore_mcp.words.queries import search_terms
from convocore_mcp.words.row_words import row_matches

MAX_TURNS = 200
"""Turns of one answer."""
TURNS_AROUND = 2
"""Turns that are shown before and after each turn with the words of `find`."""
MAX_TURN_LENGTH, MAX_FIELD_LENGTH = 1_000, 1_000
"""Characters of one turn, and of one field or captured value."""
BEGINNING_LENGTH, PART_LENGTH = 100, 850
"""Characters of a long turn that are shown of its beginning, and from where words were found."""
NOTES_RESERVE = 2_500
"""Characters kept free for `freshness` and its notes."""
TURNS = "turns"
LISTS = ("score_history", "activities", "handoffs_history", "tags", "links", "funnel_step", "data")
"""Lists that are shortened, beside the turns, where a conversation is too long for an answer."""


async def get_conversation(
    backend: Backend, agent_id: str, request: ConversationRequest
) -> JsonObject:
    """The conversation, sanitized and within the limit of characters.

    Raises:
        InvalidArgumentError: the ID is empty.
        MissingError: there is no such conversation.
        ApiError: Convocore can't be read, and the mirror is still empty or lacks the conversation.
    """
    if not request.conversation:
        raise InvalidArgumentError(
            "conversation: the value is empty.", hint="Give a conversation's id."
        )
    # Only this conversation's details matter; they are checked below.
    freshness = await backend.syncs.ensure_fresh(agent_id, ReadScope(details=False))
    found = await _find(backend, agent_id, request.conversation, freshness)
    await backend.details.enrich([found])
    freshness = await backend.details.with_details_state(freshness, found)
    # Read after that: its details may have come in also where they were not waited for.
    conversation = await _find(backend, agent_id, found.id, freshness)
    notes: list[str] = []
    fields, totals = _conversation(backend, conversation)
    answer: JsonObject = {"conversation": fields}
    if request.turns or request.find:
        transcript = await backend.transcripts.read(agent_id, conversation.id)
        answer["transcript"] = _transcript(transcript, request, conversation, notes)
        if transcript.left_out:
            freshness = replace(freshness, complete=False)
    notes += _shorten(answer, totals)
    return answer | {"freshness": sanitize_object(freshness_view(freshness, *notes))}


async def _find(
    backend: Backend, agent_id: str, conversation_id: str, freshness: Freshness
) -> Conversation:
    found = await find_conversation(backend, agent_id, conversation_id)
    if found is None:
        missing = MissingError(
            f"There is no conversation {conversation_id[:80]!r}.",
            hint="list_conversations shows the ids.",
        )
        raise with_coverage(missing, freshness)
    return found


def _conversation(
    backend: Backend, conversation: Conversation
) -> tuple[JsonObject, dict[str, int]]:
    values = backend.read_fields(conversation)
    fields, totals = conversation_fields(conversation, values, clock=backend.clock())
    return sanitize_object(fields, length=MAX_FIELD_LENGTH), totals


def _transcript(
    transcript: Transcript, request: ConversationRequest, of: Conversation, notes: list[str]
) -> JsonObject:
    """`turns` and `total`, or `unavailable`."""
    if transcript.unavailable is not None:
        return {"unavailable": transcript.unavailable}
    turns = transcript.turns
    notes += _missing_messages(transcript, of)
    shown = (
        _around(transcript, request.find, of.language, notes)
        if request.find
        else turns[-request.turns :]
    )
    views = [sanitize_object(turn_view(turn), length=MAX_TURN_LENGTH) for turn in shown]
    return {"turns": views, "total": transcript.total}


def _missing_messages(transcript: Transcript, of: Conversation) -> Iterator[str]:
    """What the turns lack, in sentences."""
    if transcript.left_out:
        count = counted(transcript.left_out, "message is", "messages are")
        yield f"transcript: {count} left out: the form or the speaker is unknown."
    if (of.messages or 0) > transcript.messages:
        given = counted(transcript.messages, "message", "messages")
        yield f"transcript: Convocore gave {given}, and counts {of.messages:,} in the conversation."


def _around(
    transcript: Transcript, find: str, language: str | None, notes: list[str]
) -> list[Turn]:
    """The newest turns in which every word of `find` was said, with those around them.

    Words are found as `query` of a list finds them.
    """
    turns = transcript.turns
    terms = search_terms(find, argument="find")
    matches = [
        i for i, turn in enumerate(turns) if row_matches([turn.text], terms, language=language)
    ]
    near: set[int] = set()
    shown = 0
    for index in reversed(matches):
        around = range(max(0, index - TURNS_AROUND), min(len(turns), index + TURNS_AROUND + 1))
        if len(near.union(around)) > MAX_TURNS:
            break
        near.update(around)
        shown += 1
    searched = f" of the newest {len(turns):,}" * (transcript.total > len(turns))
    notes.append(
        f"transcript: {counted(len(matches), 'turn', 'turns')}{searched} "
        f"{'has' if len(matches) == 1 else 'have'} these words"
        + (f"; the newest {shown} of them are shown." if shown < len(matches) else ".")
    )
    found = frozenset(matches)
    return [
        _with_words(turns[i], terms, language) if i in found else turns[i] for i in sorted(near)
    ]


def _with_words(turn: Turn, terms: Terms, language: str | None) -> Turn:
    """The turn without what stands between its beginning and the words, where it is too long.

    The first part that has most of the words is chosen.
    """
    if len(turn.text) <= MAX_TURN_LENGTH:
        return turn
    text = sanitize_text(turn.text, None)  # as a whole: a part of a secret has not its shape
    starts = range(0, len(text), PART_LENGTH // 2)  # each part overlaps the next one
    best, most = 0, 0
    for start in starts:
        part = [text[start : start + PART_LENGTH]]
        count = sum(row_matches(part, (group,), language=language) for group in terms)
        if count > most:
            best, most = start, count
        if most == len(terms):
            break
    return replace(turn, text=f"{cut(text, BEGINNING_LENGTH)} {text[best:]}") if best else turn


def _shorten(answer: JsonObject, totals: Mapping[str, int]) -> list[str]:
    """Shorten `answer` until it fits; returns what is left out, in sentences.

    `totals` has how many entries each list of the conversation has.
    """
    fields = answer["conversation"]
    lists = {name: fields[name] for name in LISTS if name in fields}
    if turns := answer.get("transcript", {}).get(TURNS):
        lists[TURNS] = turns
    # The true length: a list longer than MAX_ITEMS was already shortened when the view was built.
    true_lengths = {
        name: max(len(entries), totals.get(name, 0) if totals.get(name, 0) > MAX_ITEMS else 0)
        for name, entries in lists.items()
    }
    shorten_lists(answer, lists, reserve=NOTES_RESERVE, from_start=CHRONOLOGICAL | {TURNS})
    notes = []
    for name, shown in lists.items():
        if len(shown) == true_lengths[name]:
            continue
        newest = "the newest " * (name in CHRONOLOGICAL or name == TURNS)
        count = f"{newest}{len(shown)} of {true_lengths[name]}"
        listed = f"transcript: {count} turns" if name == TURNS else f"{name}: {count}"
        notes.append(f"{listed} are shown.")
        if not shown and name != TURNS:
            del fields[name]
    return notes
