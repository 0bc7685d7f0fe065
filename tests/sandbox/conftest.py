"""A plain client of the sandbox."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol

import httpx
import pytest

from convocore_mcp.sandbox import Sandbox, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from convocore_mcp.sandbox.shapes import Json


class SandboxClient:
    """Sends requests as the sandbox's dialect wants them, without retries."""

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


class StartSandbox(Protocol):
    def __call__(self, **settings: Json) -> SandboxClient: ...


@pytest.fixture
def start_sandbox() -> Iterator[StartSandbox]:
    """Starts a sandbox with the given settings, serves it until the test ends, returns a client."""
    with ExitStack() as stack:

        def start(**settings: Json) -> SandboxClient:
            sandbox = Sandbox(**settings)
            base_url = stack.enter_context(serving(sandbox))
            headers = {"Authorization": f"Bearer {sandbox.key}"}
            http = stack.enter_context(httpx.Client(base_url=base_url, headers=headers))
            return SandboxClient(sandbox, http)

        yield start
