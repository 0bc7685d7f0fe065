"""A page of conversations: what `list_conversations` and the resource of that name answer with."""

from collections.abc import Callable
from dataclasses import astuple, dataclass, replace
from typing import TYPE_CHECKING, Any

from convocore_mcp.models import Conversation, Filter, ReadScope
from convocore_mcp.server.answers import view_builders
from convocore_mcp.server.answers.filters import applied, relaxed, spelt
from convocore_mcp.server.answers.time_window import Cursor, moments, question_of, seconds, window
from convocore_mcp.server.backend import Backend
from convocore_mcp.server.rendering import LONGEST, compact, fit
from convocore_mcp.server.sanitize import sanitize

if TYPE_CHECKING:  # SQLAlchemy is not needed to list the tools
    from convocore_mcp.store.read.conversation_search import SortKey
    from convocore_mcp.store.read.mirror_reader import MirrorReader

CURSOR_ROOM = 500
"""Characters kept for the cursor and the notes."""


@dataclass(frozen=True, slots=True)
class ListRequest:
    """How a list is asked for, as the caller wrote it; the filter proper comes beside it."""

    query: str = ""
    since: str = ""
    until: str = ""
    sort: str = "newest"
    limit: int = 20
    cursor: str = ""
    full: bool = False


async def list_conversations_answer(
    backend: Backend, agent: str, wanted: Filter, ask: ListRequest
) -> dict[str, Any]:
    """One page, clean and within the limit of characters.

    `wanted` is without its window, which is read from `ask`, or from its cursor.

    Raises:
        InvalidArgumentError: a time, a cursor, a stage or a state that means nothing.
        ApiError: Convocore can't be read, and nothing is here yet.
    """
    now = backend.now()
    bounds = window(ask.since, ask.until, now=now)
    asked = question_of(agent, ask.sort, ask.query, ask.since, ask.until, astuple(wanted))
    start: Cursor | None = None
    if ask.cursor:
        generation = backend.mirror_reader.generation
        start = Cursor.decode(ask.cursor, question=asked, generation=generation, now=now)
        bounds = moments(start.window)
    wanted = replace(wanted, since=bounds[0], until=bounds[1])
    fresh = await backend.agent_sync.fresh(agent, _read_scope(wanted, ask))
    page = await backend.read(_read, backend.mirror_reader, agent, wanted, ask, start)
    answer = sanitize(
        {
            "conversations": [view_builders.conversation(c, full=ask.full) for c in page.rows],
            "total": page.total,
            "applied": {"sort": ask.sort} | applied(page.wanted, ask.query),
            "excluded": {},
            "relax": page.relax,
            "freshness": view_builders.freshness(fresh),
        }
    )

    def cursor_behind(row: int) -> str:
        issued = start.issued if start else int(now.timestamp())
        place = (page.sequence_number, issued, seconds(bounds), page.keys[row])
        return Cursor(asked, backend.mirror_reader.generation, *place).encode()

    return _fitted(answer, cursor_behind, more=page.more)


@dataclass(frozen=True, slots=True)
class _Page:
    """What was read for one page."""

    wanted: Filter
    rows: list[Conversation]
    keys: "list[SortKey]"
    more: bool
    total: int
    sequence_number: int
    relax: dict[str, int] | None


def _read_scope(wanted: Filter, ask: ListRequest) -> ReadScope:
    newest = ask.sort == "newest" and not ask.cursor and wanted == Filter()
    return ReadScope(since=wanted.since, rows=ask.limit + 1 if newest else None)


def _read(
    mirror_reader: "MirrorReader",
    agent: str,
    wanted: Filter,
    ask: ListRequest,
    start: Cursor | None,
) -> _Page:
    """Everything one page needs, in one go in a thread."""
    wanted = spelt(mirror_reader, agent, wanted)
    sequence_number = start.sequence_number if start else mirror_reader.sequence_number()
    after = start.after if start else None
    # Counted first: looking for what is not there, in order, means looking at everything.
    total = mirror_reader.count(agent, wanted, at=sequence_number)
    found = []
    if total:  # one more than asked for tells whether there are more
        found = mirror_reader.find(
            agent, wanted, sort=ask.sort, limit=ask.limit + 1, at=sequence_number, after=after
        )
    return _Page(
        wanted=wanted,
        rows=[c for c, _ in found[: ask.limit]],
        keys=[key for _, key in found[: ask.limit]],
        more=len(found) > ask.limit,
        total=total,
        sequence_number=sequence_number,
        relax=None if total else relaxed(mirror_reader, agent, wanted, sequence_number),
    )


def _fitted(
    answer: dict[str, Any], cursor_behind: Callable[[int], str], *, more: bool
) -> dict[str, Any]:
    """`answer` within the limit of characters: whole rows are dropped, and the cursor leads on."""
    rows = answer["conversations"]
    count = len(rows)
    if len(compact(answer)) + CURSOR_ROOM > LONGEST:
        others = len(compact(answer | {"conversations": []})) + CURSOR_ROOM
        count = fit(rows, room=LONGEST - others)
    fitted = answer | {"conversations": rows[:count]}
    if more or count < len(rows):
        fitted["next_cursor"] = cursor_behind(count - 1)
    return fitted
