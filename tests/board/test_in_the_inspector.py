"""The board inside a host that others wrote: the Inspector of the protocol's authors."""

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, FrameLocator, Page, Request, expect

from convocore_mcp.sandbox import Sandbox
from tests.board.conftest import new_context, settings_for
from tests.interop.conftest import clients as clients  # noqa: PLC0414  a fixture
from tests.node import NODE
from tests.process_environment import isolated_environment
from tests.web.web_server import run_server, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.clients]

LINK = re.compile(r"http://127\.0\.0\.1:\d+\?MCP_INSPECTOR_API_TOKEN=\S+")
SANDBOX = "about:srcdoc"
"""The address of the frame that the Inspector shows an app in."""


@pytest.fixture(scope="module")
def inspector(
    clients: Path, sandbox: Sandbox, base_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The Inspector's address; it knows our server over stdio and over HTTP."""
    folder = tmp_path_factory.mktemp("inspector")
    settings = settings_for(sandbox, base_url)
    log, config = folder / "log", folder / "servers.json"
    ports = {"CLIENT_PORT": str(free_port()), "MCP_SANDBOX_PORT": str(free_port())}
    quiet = {"MCP_AUTO_OPEN_ENABLED": "false", "MCP_INSPECTOR_SECRET_STORE": "memory"}
    with run_server(folder, env=settings) as server:
        stdio = {"command": sys.executable, "args": ["-m", "convocore_mcp"]}
        servers = {
            "stdio": {**stdio, "env": isolated_environment(folder, **settings)},
            "http": {"type": "streamable-http", "url": f"{server.url}/mcp"},
        }
        config.write_text(json.dumps({"mcpServers": servers}))
        program = clients / "node_modules" / ".bin" / "mcp-inspector"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [NODE, program, "--web", "--config", config],
                stdout=output,
                stderr=output,
                env={**os.environ, **ports, **quiet, "HOME": str(folder)},
            )
        try:
            yield wait_until(lambda: LINK.search(log.read_text()), process)[0]
        finally:
            with suppress(ProcessLookupError):
                process.terminate()
            process.wait(30)


@pytest.fixture
def inspectors_context(browser: Browser) -> Iterator[BrowserContext]:
    """Storage of its own: the Inspector remembers what it was connected to."""
    with new_context(browser) as found:
        yield found


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


class Requests:
    """What the board's frame has requested by itself."""

    def __init__(self, page: Page) -> None:
        self.of_the_board: list[str] = []
        page.on("request", self._note)
        # The Inspector's own page has its letters from elsewhere.
        page.route(re.compile(r"^https?://(?!127\.0\.0\.1)"), lambda route: route.abort())

    def _note(self, request: Request) -> None:
        if request.frame.url == SANDBOX:
            self.of_the_board.append(request.url)


def open_app(page: Page, server: str, app: str) -> FrameLocator:
    """Connect to a server, call a tool that has a page, and return what is in its frame."""
    page.get_by_role("switch", name=f'Connect or disconnect "{server}"').check(force=True)
    page.get_by_text("Apps", exact=True).first.click(timeout=60_000)
    page.get_by_text(app, exact=True).first.click()
    page.get_by_role("button", name="Open App").click()
    return page.frame_locator("iframe").frame_locator("iframe")


@pytest.mark.parametrize("transport", ["stdio", "http"])
def test_the_inspector_opens_the_board(
    inspectors_context: BrowserContext, inspector: str, transport: str
) -> None:
    """Promised by docs/board.md, "In a chat"."""
    page = inspectors_context.new_page()
    requests = Requests(page)
    page.goto(inspector)
    frame = open_app(page, transport, "Summarize hot leads")
    expect(frame.get_by_role("heading", name="Hot leads")).to_be_visible(timeout=30_000)
    expect(frame.locator(".card")).not_to_have_count(0)
    expect(frame.locator(".freshness")).to_contain_text("read ")

    frame.get_by_role("button", name="Pipeline", exact=True).click()
    frame.get_by_role("button", name=re.compile("^Leads in Won")).click()
    expect(frame.get_by_role("heading", name="Won")).to_be_visible()
    frame.locator(".virtual .row").first.click()
    expect(frame.get_by_role("heading", name="Next steps")).to_be_visible()
    expect(frame.locator(".notice.bad")).to_have_count(0)

    page.get_by_role("button", name="Toggle color scheme").click()
    expect(frame.locator("html")).to_have_css("color-scheme", "dark")
    assert requests.of_the_board == []
