"""Convocore's two endpoints over HTTP, as an ASGI application with its state in hand."""

from __future__ import annotations

import inspect
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import parse_qsl, unquote

from convocore_mcp.sandbox.data.catalogue import Catalogue
from convocore_mcp.sandbox.server.cursors import Cursors
from convocore_mcp.sandbox.server.faults import Answer, Fault, encoded, failure
from convocore_mcp.sandbox.server.page_queries import Refusal, envelope, query_of
from convocore_mcp.sandbox.server.scripting import Trouble
from convocore_mcp.sandbox.server.sending import send_answer
from convocore_mcp.sandbox.server.state import Conversations, GivenRows, merged

if TYPE_CHECKING:
    from convocore_mcp.sandbox.shapes import Json, Row

Dialect = Literal["cursor", "page"]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

FREE_PLAN_KEY = "free-plan-key"
_SLICE = 500
_REMEMBERED = 10_000
_MAX_LIMIT = {"cursor": 20, "page": 100}


@dataclass(frozen=True, slots=True)
class SeenRequest:
    """A request as it came in, and the status it got (0: the connection was reset)."""

    method: str
    path: str
    query: dict[str, str]
    status: int
    headers: dict[str, str]


class Sandbox(Trouble):
    """Convocore in miniature: `size` generated conversations of one agent, and changes to them.

    `requests` holds the latest requests, oldest first. Hooks in `on_request` are called with the
    list request's number (from 1) before it is answered; they may change the sandbox. Changing
    methods may be called from any thread and raise KeyError for an unknown conversation.
    """

    def __init__(
        self,
        *,
        size: int = 2000,
        seed: int = 1,
        dialect: Dialect = "cursor",
        agent_id: str = "demo-agent",
        key: str = "sandbox-key",
        now: datetime | None = None,
        latency: float = 0.0,
        max_limit: int | None = None,
    ) -> None:
        super().__init__()
        self.agent_id, self.key, self.latency = agent_id, key, latency
        self.dialect: Dialect = dialect
        self.max_limit = max_limit or _MAX_LIMIT[dialect]
        self.requests: deque[SeenRequest] = deque(maxlen=_REMEMBERED)
        self._fixed_now = now
        self._lock = threading.RLock()
        self._cursors = Cursors(agent_id, seed)
        self._count = 0
        self._inserted = 0
        start = self._now()
        catalogue = Catalogue(size, seed, start, agent_id, odd=dialect == "cursor")
        newest = catalogue.ts(0) if size else start
        self._list = Conversations(catalogue, newest=newest)

        async def app(scope: Scope, _receive: Receive, send: Send) -> None:
            await self._respond(scope, send)

        # A plain function, because uvicorn takes a bound method for ASGI 2.
        self.app = app

    # The truth

    def rows(self) -> Iterator[Row]:
        """Every conversation that is not empty, as the list shows it now, newest first."""
        with self._lock:
            ranks = self._list.ranks(0, _SLICE)
        while ranks:
            with self._lock:
                found = self._list.rows_at(ranks)
                ranks = self._list.ranks_after(ranks[-1], _SLICE)
            yield from found

    def row(self, conversation_id: str) -> Row | None:
        """One conversation as the list shows it, or None."""
        with self._lock:
            found: Row | None = self._list.row(conversation_id)
            return found

    # Changes

    def insert(self, **fields: Json) -> str:
        """A new, sparse conversation at the front; `fields` override, None removes. Its ID."""
        with self._lock:
            self._inserted += 1
            at = self._list.next_ts(self._now())
            identifier = str(fields.get("ID") or f"conv-new{self._inserted:06d}")
            row: Row = {
                "ID": identifier,
                "origin": "web-chat",
                "messagesNum": 1,
                "ts": at,
                "tags": [],
                "lastMessageTS": at,
                "leadScore": 0,
                "funnelStepsMatched": [],
                "funnelScoreHistory": [],
                "funnelNotificationSent": False,
            }
            self._list.insert(merged(row, deepcopy(fields) | {"ID": identifier}))
            return identifier

    def touch(self, conversation_id: str, **fields: Json) -> None:
        """A new message: to the front, with a `ts` no older than any, and one message more."""
        with self._lock:
            self._list.touch(conversation_id, deepcopy(fields), now=self._now())

    def edit(self, conversation_id: str, **fields: Json) -> None:
        """An edit in the CRM: fields change (None removes), time and place stay."""
        with self._lock:
            self._list.edit(conversation_id, deepcopy(fields))

    def delete(self, conversation_id: str) -> None:
        """Take a conversation out, of the list and by itself."""
        with self._lock:
            self._list.delete(conversation_id)

    def replace(self, rows: list[Json]) -> None:
        """Give out these rows instead, in this order, as they are, whatever they are."""
        with self._lock:
            self._list.replace(GivenRows(rows))

    # HTTP

    async def _respond(self, scope: Scope, send: Send) -> None:
        if scope["type"] != "http":
            return
        raw_path = scope.get("raw_path") or scope["path"].encode()
        segments = [unquote(s) for s in raw_path.decode("latin-1").split("?")[0].split("/")]
        headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
        pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        await _pause(self.latency)
        answer = await self._answer(scope["method"], segments, pairs, headers)
        seen = SeenRequest(scope["method"], scope["path"], dict(pairs), answer.status, headers)
        self.requests.append(seen)
        await send_answer(answer, send)

    async def _answer(
        self,
        method: str,
        segments: list[str],
        pairs: list[tuple[str, str]],
        headers: dict[str, str],
    ) -> Answer:
        match segments:
            case ["", "v3", "agents", agent_id, "convos"]:
                return await self._listing(method, agent_id, pairs, headers)
            case ["", "v3", "agents", agent_id, "convos", identifier]:
                return self._refused(method, agent_id, headers) or self._single(identifier)
            case _:
                return failure(404, f"No such path: {'/'.join(segments)}")

    async def _listing(
        self, method: str, agent_id: str, pairs: list[tuple[str, str]], headers: dict[str, str]
    ) -> Answer:
        self._count += 1
        number = self._count
        for hook in tuple(self.on_request):
            result = hook(number)
            if inspect.isawaitable(result):
                await result
        with self._lock:
            fault = self._script.next()
        await _pause(fault.delay)
        if fault.answer is not None:
            return fault.answer
        answer = self._refused(method, agent_id, headers) or self._page(pairs, number, fault)
        if not fault.truncate:
            return answer
        return Answer(answer.status, answer.body, answer.headers, cut=len(answer.body) // 2)

    def _refused(self, method: str, agent_id: str, headers: dict[str, str]) -> Answer | None:
        if method != "GET":
            return failure(405, headers={"allow": "GET"})
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or token not in (self.key, FREE_PLAN_KEY):
            return failure(401)
        if token == FREE_PLAN_KEY != self.key:
            return failure(403)
        return None if agent_id == self.agent_id else failure(404, "Agent not found")

    def _single(self, identifier: str) -> Answer:
        # Convocore does not find what was created through its REST API, though it lists it.
        created_there = identifier.startswith(f"{self.agent_id}_")
        with self._lock:
            item = None if created_there else self._list.item(identifier)
        if item is None:
            return failure(404, "Conversation not found")
        message = "Conversation retrieved successfully"
        return encoded({"success": True, "message": message, "data": item})

    def _page(self, pairs: list[tuple[str, str]], number: int, fault: Fault) -> Answer:
        with_cursor = self.dialect == "cursor"
        try:
            query = query_of(pairs, max_limit=self.max_limit, with_cursor=with_cursor)
            with self._lock:
                page = self._slice(query.page, query.limit, query.cursor)
                data = [] if fault.empty else self._list.rows_at(page)
                more = bool(page) and bool(self._list.ranks_after(page[-1], 1))
        except Refusal as refusal:
            return failure(400, str(refusal), issues=refusal.issues(with_path=with_cursor))
        content: Json = envelope(data)
        if with_cursor:
            last = (page[0] + 1 if fault.empty else page[-1]) if page else 0
            more = more or (fault.empty and bool(page))
            content |= {"hasMore": more, "limit": query.limit, "cached": False}
            if more:
                cursor = self._cursors.write(last, generation=self._generation, request=number)
                content["nextCursor"] = cursor
            elif number % 2:  # the last page: null or absent, both are seen
                content["nextCursor"] = None
        if self._alteration is not None:
            altered = self._alteration(content, number)
            content = content if altered is None else altered
        return encoded(content)

    def _slice(self, page: int, limit: int, cursor: str | None) -> list[int]:
        if cursor is None:
            return self._list.ranks((page - 1) * limit, limit)
        return self._list.ranks_after(
            self._cursors.read(cursor, generation=self._generation), limit
        )

    def _now(self) -> int:
        return int((self._fixed_now or datetime.now(UTC)).timestamp())


async def _pause(seconds: float) -> None:
    if seconds > 0:
        import anyio  # noqa: PLC0415 - slow to import, seldom needed

        await anyio.sleep(seconds)
