"""Convocore's endpoints as an ASGI application, and the methods that change its data."""

from __future__ import annotations

import inspect
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import parse_qsl, unquote

import anyio

from convocore_mcp.sandbox.data.generated_rows import GeneratedRows
from convocore_mcp.sandbox.data.living import Living
from convocore_mcp.sandbox.server.conversation_list import ConversationList, FixedRows, merged
from convocore_mcp.sandbox.server.cursors import Cursors
from convocore_mcp.sandbox.server.fault_injection import FaultInjection
from convocore_mcp.sandbox.server.list_query import (
    BadRequestError,
    ListQuery,
    page_body,
    parse_query,
)
from convocore_mcp.sandbox.server.response_sender import send_response
from convocore_mcp.sandbox.server.responses import Response, error_response, json_response
from convocore_mcp.sandbox.server.single_items import SingleItems

if TYPE_CHECKING:
    from convocore_mcp.sandbox.server.faults import Fault
    from convocore_mcp.sandbox.shapes import Json, Row

Dialect = Literal["cursor", "page"]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

FREE_PLAN_KEY = "free-plan-key"
_ROWS_PER_LOCK = 500
_KEPT_REQUESTS = 10_000
_MAX_LIMIT = {"cursor": 20, "page": 100}


@dataclass(frozen=True, slots=True)
class SeenRequest:
    """A received request and the status of its response (0: the connection was reset)."""

    method: str
    path: str
    query: dict[str, str]
    status: int
    headers: dict[str, str]


class Sandbox(FaultInjection, SingleItems):
    """Convocore's API for one agent: `size` generated conversations, and changes to them.

    `requests` holds the latest requests, oldest first; `list_requests` counts all list requests.
    Each hook in `on_request` is called before a list request is answered, with the request's number
    (from 1). It may change the sandbox. Methods that change data are thread-safe, and raise
    KeyError for an unknown conversation.

    `sparse`: the list shows little of a conversation, the single conversation has everything.
    `export`: the plan includes transcripts. `live`: things happen while time passes (`Living`);
    `clock` says which time it is, `now` is a time that stands still.
    """

    def __init__(  # noqa: PLR0913  one for each option
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
        sparse: bool = False,
        export: bool = False,
        live: bool = False,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        FaultInjection.__init__(self)
        SingleItems.__init__(self, sparse=sparse, export=export)
        self.agent_id, self.key, self.latency = agent_id, key, latency
        self.dialect: Dialect = dialect
        self.max_limit = max_limit or _MAX_LIMIT[dialect]
        self.requests: deque[SeenRequest] = deque(maxlen=_KEPT_REQUESTS)
        self._clock = clock or (lambda: now or datetime.now(UTC))
        self._lock = threading.RLock()
        self._cursors = Cursors(agent_id, seed)
        self.list_requests = 0
        self._inserted = 0
        start = self._now()
        rows = GeneratedRows(size, seed, start, agent_id, deviates=dialect == "cursor")
        self._list = ConversationList(rows, newest=rows.ts(0) if size else start)
        self._living: Living | None = None
        if live:
            self._living = Living(
                self._list, seed=seed, start=start, agent_id=agent_id, deviates=rows.deviates
            )

        async def app(scope: Scope, _receive: Receive, send: Send) -> None:
            await self._respond(scope, send)

        # A function and not a bound method, which uvicorn would take for an ASGI 2 application.
        self.app = app

    # The current data

    def rows(self) -> Iterator[Row]:
        """Every conversation that is not hidden, as the list shows it now, newest first."""
        self._let_time_pass()
        with self._lock:
            ranks = self._list.ranks(0, _ROWS_PER_LOCK)
        while ranks:
            with self._lock:
                rows = self._list.rows_at(ranks)
                ranks = self._list.ranks_after(ranks[-1], _ROWS_PER_LOCK)
            yield from map(self._listed, rows)

    def row(self, conversation_id: str) -> Row | None:
        """One conversation as the list shows it, or None."""
        self._let_time_pass()
        with self._lock:
            row: Row | None = self._listed(self._list.row(conversation_id))
            return row

    # Changes

    def insert(self, **fields: Json) -> str:
        """Add a conversation with few fields at the front and return its ID.

        `fields` override its fields; None removes one.
        """
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
        """Add a message: the conversation moves to the front and gets the newest `ts`."""
        with self._lock:
            self._list.touch(conversation_id, deepcopy(fields), now=self._now())

    def edit(self, conversation_id: str, **fields: Json) -> None:
        """Change fields as the CRM does (None removes one); the position and `ts` stay."""
        with self._lock:
            self._list.edit(conversation_id, deepcopy(fields))

    def delete(self, conversation_id: str) -> None:
        """Remove a conversation; it is no longer listed and no longer found by its ID."""
        with self._lock:
            self._list.delete(conversation_id)

    def replace(self, rows: list[Json]) -> None:
        """Serve these rows instead, in this order and unchanged, valid or not."""
        with self._lock:
            self._list.replace(FixedRows(rows))

    # HTTP

    async def _respond(self, scope: Scope, send: Send) -> None:
        if scope["type"] != "http":
            return
        raw_path = scope.get("raw_path") or scope["path"].encode()
        segments = [unquote(s) for s in raw_path.decode("latin-1").split("?")[0].split("/")]
        headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
        pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        await _pause(self.latency)
        method, path = scope["method"], scope["path"]
        response = await self._route(method, segments, pairs, headers)
        self.requests.append(SeenRequest(method, path, dict(pairs), response.status, headers))
        await send_response(
            response, send, date=format_datetime(self._clock().astimezone(UTC), usegmt=True)
        )

    async def _route(
        self,
        method: str,
        segments: list[str],
        pairs: list[tuple[str, str]],
        headers: dict[str, str],
    ) -> Response:
        self._let_time_pass()
        match segments:
            case ["", "v3", "agents", agent_id, "convos"]:
                return await self._list_page(method, agent_id, pairs, headers)
            case ["", "v3", "agents", agent_id, "convos", identifier]:
                return self._access_error(method, agent_id, headers) or self._item_response(
                    identifier
                )
            case ["", "v3", "agents", agent_id, "convos", identifier, "export"]:
                return self._access_error(method, agent_id, headers) or self._export_response(
                    identifier, dict(pairs)
                )
            case _:
                return error_response(404, f"No such path: {'/'.join(segments)}")

    async def _list_page(
        self, method: str, agent_id: str, pairs: list[tuple[str, str]], headers: dict[str, str]
    ) -> Response:
        self.list_requests += 1
        number = self.list_requests
        for hook in tuple(self.on_request):
            result = hook(number)
            if inspect.isawaitable(result):
                await result
        with self._lock:
            fault = self._faults.next()
        await _pause(fault.delay)
        if fault.held:
            await self._faults_ended()
        if fault.response is not None:
            return fault.response
        response = self._access_error(method, agent_id, headers) or self._page(pairs, number, fault)
        if not (fault.truncate or fault.held_mid_body):
            return response
        pause = self._faults_ended if fault.held_mid_body else None
        return replace(response, cut=len(response.body) // 2, pause=pause)

    def _access_error(self, method: str, agent_id: str, headers: dict[str, str]) -> Response | None:
        if method != "GET":
            return error_response(405, headers={"allow": "GET"})
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or token not in (self.key, FREE_PLAN_KEY):
            return error_response(401)
        if token == FREE_PLAN_KEY != self.key:
            return error_response(403)
        return None if agent_id == self.agent_id else error_response(404, "Agent not found")

    def _page(self, pairs: list[tuple[str, str]], number: int, fault: Fault) -> Response:
        with_cursor = self.dialect == "cursor"
        try:
            query = parse_query(pairs, max_limit=self.max_limit, with_cursor=with_cursor)
            with self._lock:
                ranks = self._ranks(query)
                data = [] if fault.empty else [*map(self._listed, self._list.rows_at(ranks))]
                has_more = bool(ranks) and bool(self._list.ranks_after(ranks[-1], 1))
        except BadRequestError as error:
            return error_response(400, str(error), issues=error.issues(with_path=with_cursor))
        content: Json = page_body(data)
        if with_cursor:
            last_rank = (ranks[0] + 1 if fault.empty else ranks[-1]) if ranks else 0
            has_more = has_more or (fault.empty and bool(ranks))
            content |= {"hasMore": has_more, "limit": query.limit, "cached": False}
            if has_more:
                cursor = self._cursors.write(last_rank, generation=self._generation, request=number)
                content["nextCursor"] = cursor
            elif number % 2:  # the last page: null and absent have both been seen live
                content["nextCursor"] = None
        if self._alteration is not None:
            altered = self._alteration(content, number)
            content = content if altered is None else altered
        return json_response(content)

    def _ranks(self, query: ListQuery) -> list[int]:
        if query.cursor is None:
            return self._list.ranks((query.page - 1) * query.limit, query.limit)
        rank = self._cursors.read(query.cursor, generation=self._generation)
        return self._list.ranks_after(rank, query.limit)

    def _now(self) -> int:
        return int(self._clock().timestamp())

    def _let_time_pass(self) -> None:
        """Let everything happen that is due; called before data is read."""
        if self._living is not None:
            with self._lock:
                self._living.advance(self._now())


async def _pause(seconds: float) -> None:
    if seconds > 0:
        await anyio.sleep(seconds)
