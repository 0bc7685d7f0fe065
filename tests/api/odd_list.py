"""A list endpoint that ends, pages and answers in ways that the sandbox does not know."""

import json
from collections.abc import Awaitable, Callable, Iterable, MutableMapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

Reply = tuple[int, object]
"""A status, and a body as JSON or as bytes."""
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
END_OF_LIST: Reply = (404, {"message": "No such page", "code": "NOT_FOUND"})
REFUSED: Reply = (400, {"message": "Bad request", "code": "BAD_REQUEST"})
CURSOR_REFUSED: Reply = (400, {"message": "Invalid cursor", "code": "BAD_REQUEST"})


class OddList:
    """An ASGI application that answers each request with what `reply` makes of its query."""

    agent_id = "odd-agent"

    def __init__(
        self, reply: Callable[[dict[str, str]], Reply], *, encoding: str = "identity"
    ) -> None:
        self.key = "odd-agent-key"
        self.queries: list[dict[str, str]] = []

        async def app(scope: MutableMapping[str, Any], _receive: Receive, send: Send) -> None:
            query = dict(parse_qsl(scope["query_string"].decode()))
            self.queries.append(query)
            status, content = reply(query)
            body = content if isinstance(content, bytes) else json.dumps(content).encode()
            headers = [
                (b"content-length", str(len(body)).encode()),
                (b"content-encoding", encoding.encode()),
            ]
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": body})

        self.app = app


def rows_named(names: Iterable[object]) -> list[dict[str, object]]:
    return [{"ID": f"c{name}", "ts": 1_780_000_000 - n} for n, name in enumerate(names)]


def page_of(rows: Sequence[object] | None, **fields: object) -> Reply:
    return 200, {"success": True, "message": "ok", "data": rows} | fields


def cursor_list(rows: Sequence[object], size: int, end: str) -> OddList:
    """Pages of `size` rows by cursor; `end` says what comes with and behind the last one."""
    served = 0

    def reply(query: dict[str, str]) -> Reply:
        nonlocal served
        served += 1
        offset = int(query.get("cursor", "0").split(".")[0])
        last = max(0, (len(rows) - 1) // size * size)
        if offset > last:
            behind = {"404": END_OF_LIST, "400": REFUSED, "400 cursor": CURSOR_REFUSED}
            if end in behind:
                return behind[end]
            rest: list[object] | None = None if end == "null" else []
            return page_of(rest, nextCursor=f"{offset}.{served}", hasMore=True)
        page = rows[offset : offset + size]
        if offset < last:
            return page_of(page, nextCursor=f"{offset + size}.0", hasMore=True)
        fields: dict[str, dict[str, object]] = {
            "no cursor": {"nextCursor": None, "hasMore": False},
            "no fields": {},
            "false as text": {"hasMore": "false"},
            "more without cursor": {"hasMore": True, "nextCursor": None},
            "more without cursor field": {"hasMore": True},
            "cursor without more": {"hasMore": False, "nextCursor": f"{offset}.0"},
            "its own cursor": {"hasMore": True, "nextCursor": query.get("cursor", "0")},
            "last page for ever": {"hasMore": True, "nextCursor": f"{offset}.{served}"},
            "front again": {"hasMore": True, "nextCursor": f"0.{served}"},
        }
        return page_of(page, **fields.get(end, {"nextCursor": f"{last + size}.0", "hasMore": True}))

    return OddList(reply)


CURSOR_ENDS = (
    "no cursor", "no fields", "false as text", "more without cursor", "more without cursor field",
    "cursor without more", "its own cursor", "last page for ever", "front again", "empty for ever",
    "null", "404", "400", "400 cursor",
)  # fmt: skip


def numbered_list(rows: Sequence[object], size: int, end: str, limits: str, more: str) -> OddList:
    """Pages by number: `limits` says what becomes of `limit`, `more` what `hasMore` says."""

    def reply(query: dict[str, str]) -> Reply:
        number, limit = int(query.get("page", "1")), int(query.get("limit", "20"))
        if limits == "default only" and limit != 20:
            return REFUSED
        if limits == "ignored":
            limit = size
        elif limits == "capped":
            limit = min(limit, size)
        pages = max(1, -(-len(rows) // limit))
        if number > pages:
            behind = {"404": END_OF_LIST, "400": REFUSED, "null": page_of(None)}
            if end in behind:
                return behind[end]
            number = {"last page again": pages, "front again": (number - 1) % pages + 1}.get(
                end, number
            )
        page = rows[(number - 1) * limit : number * limit]
        has_more = number < pages
        if more == "absent":
            return page_of(page)
        return page_of(page, hasMore=has_more if more == "as flag" else str(has_more).lower())

    return OddList(reply)


NUMBERED_ENDS = ("empty", "404", "400", "null", "last page again", "front again")
LIMITS = ("honoured", "capped", "ignored", "default only")
