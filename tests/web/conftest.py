"""Servers that several tests share."""

from collections.abc import Iterator

import pytest

from tests.web.web_server import OTHER_TOKEN, THIRD_TOKEN, TOKEN, RunningServer, run_server


@pytest.fixture(scope="module")
def token_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server of the sandbox's data that accepts three tokens, behind a proxy's prefix."""
    folder = tmp_path_factory.mktemp("token-server")
    settings = {
        "CONVOCORE_MCP_TOKENS": f"{TOKEN},{OTHER_TOKEN},{THIRD_TOKEN}",
        "CONVOCORE_MCP_ALLOWED_HOSTS": "leads.example",
        "CONVOCORE_MCP_ALLOWED_ORIGINS": "https://app.example",
        "CONVOCORE_MCP_PUBLIC_URL": "https://mcp.example/convocore",
        "CONVOCORE_MCP_MAX_SESSIONS": "6",
    }
    with run_server(folder, "--demo", env=settings) as server:
        yield server
