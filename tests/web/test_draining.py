"""The end of a server over HTTP: what was asked is answered first."""

import asyncio

import pytest
import uvicorn
from sse_starlette.sse import AppStatus

from convocore_mcp.web import web_server
from convocore_mcp.web.connections.bounded_protocol import BoundedProtocol, ConnectionBounds
from convocore_mcp.web.connections.connection_table import ConnectionTable
from convocore_mcp.web.request_tracker import RequestTracker


class Answering(BoundedProtocol):
    """A connection whose POST is being answered until somebody sets `sent`."""

    def __init__(self) -> None:
        self.sent = False

    @property
    def is_answering_a_post(self) -> bool:
        return not self.sent


async def test_event_streams_end_only_when_the_answers_of_calls_have_been_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Promised by docs/operations.md, "HTTP". No call is under way, but one answer is not sent."""
    monkeypatch.setattr(AppStatus, "should_exit", False)
    idle = RequestTracker(
        max_requests=1, tool_names=(), is_known_method=bool, on_request_end=lambda *_: None
    )
    table = ConnectionTable(max_connections=1, max_unauthenticated_per_address=1)
    server = web_server._DrainingServer(  # noqa: SLF001
        uvicorn.Config("no:app"),
        None,  # type: ignore[arg-type]  # nobody is subscribed
        idle,
        60,
        table,
        ConnectionBounds(1, 1, 1, 1, 1),
        lambda: None,
    )
    connection = Answering()
    server.server_state.connections.add(connection)
    draining = asyncio.create_task(server._drain())  # noqa: SLF001
    done, _ = await asyncio.wait([draining], timeout=4 * web_server.POLL_SECONDS)
    assert not done
    assert not AppStatus.should_exit
    connection.sent = True
    await draining
    assert AppStatus.should_exit
