from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol

import httpx
import pytest

from convocore_mcp.sandbox import Sandbox, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from convocore_mcp.sandbox.shapes import Json


class Caller:
    """Someone who calls the sandbox as its dialect asks, and does nothing clever."""

    def __init__(self, sandbox: Sandbox, http: httpx.Client) -> None:
        self.sandbox = sandbox
        self.http = http
        self.path = f"/agents/{sandbox.agent_id}/convos"

    def get(self, **query: Json) -> httpx.Response:
        return self.http.get(self.path, params=query)

    def item(self, conversation_id: str) -> httpx.Response:
        return self.http.get(f"{self.path}/{conversation_id}")

    def by_cursor(self, **query: Json) -> Iterator[list[Json]]:
        page = self.get(**query).json()
        yield page["data"]
        while page["hasMore"]:
            page = self.get(**query, cursor=page["nextCursor"]).json()
            yield page["data"]

    def by_number(self, pages: int, **query: Json) -> Iterator[list[Json]]:
        for page in range(1, pages + 1):
            yield self.get(**query, page=page).json()["data"]


class Call(Protocol):
    def __call__(self, **settings: Json) -> Caller: ...


@pytest.fixture
def call() -> Iterator[Call]:
    """Serve a sandbox with these settings until the test ends, and someone to call it."""
    with ExitStack() as stack:

        def served(**settings: Json) -> Caller:
            sandbox = Sandbox(**settings)
            base = stack.enter_context(serving(sandbox))
            headers = {"Authorization": f"Bearer {sandbox.key}"}
            http = stack.enter_context(httpx.Client(base_url=base, headers=headers))
            return Caller(sandbox, http)

        yield served
