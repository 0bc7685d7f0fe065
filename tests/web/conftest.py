"""Servers that several tests share."""

from collections.abc import Iterator

import pytest

from tests.web.web_server import OTHER_TOKEN, TOKEN, Running, running


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server of the sandbox's data that wants one of two tokens, behind a proxy's prefix."""
    folder = tmp_path_factory.mktemp("guarded")
    settings = {
        "CONVOCORE_MCP_TOKENS": f"{TOKEN},{OTHER_TOKEN}",
        "CONVOCORE_MCP_ALLOWED_HOSTS": "leads.example",
        "CONVOCORE_MCP_ALLOWED_ORIGINS": "https://app.example",
        "CONVOCORE_MCP_PUBLIC_URL": "https://mcp.example/convocore",
        "CONVOCORE_MCP_MAX_SESSIONS": "3",
    }
    with running(folder, "--demo", env=settings) as server:
        yield server
