"""A page of conversations: what `list_conversations` and the resource of that name answer with."""

from collections.abc import Callable
from dataclasses import astuple, dataclass, replace
from typing import TYPE_CHECKING, Any

from convocore_mcp.models import Conversation, Filter
from convocore_mcp.need import Need
from convocore_mcp.server import shaping
from convocore_mcp.server.answers import LONGEST, compact, fit
from convocore_mcp.server.app import Backend
from convocore_mcp.server.filters import applied, relaxed, spelt
from convocore_mcp.server.outbound import clean
from convocore_mcp.server.window import Cursor, moments, question_of, seconds, window

if TYPE_CHECKING:  # SQLAlchemy is not needed to list the tools
    from convocore_mcp.store.finding import Key
    from convocore_mcp.store.queries import Queries

CURSOR_ROOM = 500
"""Characters kept for the cursor and the notes."""


@dataclass(frozen=True, slots=True)
class Ask:
    """How a list is asked for, as the caller wrote it; the filter proper comes beside it."""

    query: str = ""
    since: str = ""
    until: str = ""
    sort: str = "newest"
    limit: int = 20
    cursor: str = ""
    full: bool = False


async def list_page(backend: Backend, agent: str, wanted: Filter, ask: Ask) -> dict[str, Any]:
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
        epoch = backend.queries.epoch
        start = Cursor.decode(ask.cursor, question=asked, epoch=epoch, now=now)
        bounds = moments(start.window)
    wanted = replace(wanted, since=bounds[0], until=bounds[1])
    fresh = await backend.upkeep.fresh(agent, _need(wanted, ask))
    page = await backend.read(_read, backend.queries, agent, wanted, ask, start)
    answer = clean(
        {
            "conversations": [shaping.conversation(c, full=ask.full) for c in page.rows],
            "total": page.total,
            "applied": {"sort": ask.sort} | applied(page.wanted, ask.query),
            "excluded": {},
            "relax": page.relax,
            "freshness": shaping.freshness(fresh),
        }
    )

    def cursor_behind(row: int) -> str:
        issued = start.issued if start else int(now.timestamp())
        place = (page.seq, issued, seconds(bounds), page.keys[row])
        return Cursor(asked, backend.queries.epoch, *place).encode()

    return _fitted(answer, cursor_behind, more=page.more)


@dataclass(frozen=True, slots=True)
class _Page:
    """What was read for one page."""

    wanted: Filter
    rows: list[Conversation]
    keys: "list[Key]"
    more: bool
    total: int
    seq: int
    relax: dict[str, int] | None


def _need(wanted: Filter, ask: Ask) -> Need:
    newest = ask.sort == "newest" and not ask.cursor and wanted == Filter()
    return Need(since=wanted.since, rows=ask.limit + 1 if newest else None)


def _read(queries: "Queries", agent: str, wanted: Filter, ask: Ask, start: Cursor | None) -> _Page:
    """Everything one page needs, in one go in a thread."""
    wanted = spelt(queries, agent, wanted)
    seq = start.seq if start else queries.seq()
    after = start.after if start else None
    # Counted first: looking for what is not there, in order, means looking at everything.
    total = queries.count(agent, wanted, at=seq)
    found = []
    if total:  # one more than asked for tells whether there are more
        found = queries.find(agent, wanted, sort=ask.sort, limit=ask.limit + 1, at=seq, after=after)
    return _Page(
        wanted=wanted,
        rows=[c for c, _ in found[: ask.limit]],
        keys=[key for _, key in found[: ask.limit]],
        more=len(found) > ask.limit,
        total=total,
        seq=seq,
        relax=None if total else relaxed(queries, agent, wanted, seq),
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
