"""The pictures in docs/ are of the board as it is; `CONVOCORE_UPDATE_SCREENSHOTS=1` makes them."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.board.board_process import BoardProcess, run_board
from tests.board.chat import Chat, connection
from tests.web.web_server import run_server

pytestmark = pytest.mark.browser

DOCS = Path(__file__).parents[2] / "docs"
PICTURES = ("board-overview.png", "board-dark.png", "board-chat.png", "board-phone.png")
MAX_PICTURE_BYTES = 250_000
UPDATE = "CONVOCORE_UPDATE_SCREENSHOTS"


def shown(page: Page) -> Page:
    expect(page.locator(".card").first).to_be_visible()
    expect(page.locator(".skeleton")).to_have_count(0)
    expect(page.locator(".notice.partial")).to_have_count(0)
    return page


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[BoardProcess]:
    with run_board(tmp_path, "--demo") as process:
        yield process


def take_pictures(page: Page, demo: BoardProcess, host_script: str, folder: Path) -> None:
    page.goto(demo.link())
    shown(page)
    # What a minute brings; the pictures should show it.
    expect(page.locator(".change-list li").nth(2)).to_be_visible(timeout=120_000)
    page.set_viewport_size({"width": 1440, "height": 1050})
    page.screenshot(path=DOCS / "board-overview.png")
    page.emulate_media(color_scheme="dark")
    page.locator(".card .name").nth(3).click()
    expect(page.get_by_role("heading", name="Timeline")).to_be_visible()
    page.screenshot(path=DOCS / "board-dark.png")
    page.set_viewport_size({"width": 360, "height": 760})
    page.get_by_role("button", name="Waiting").click()
    expect(page.locator(".virtual .row").first).to_be_visible()
    page.screenshot(path=DOCS / "board-phone.png")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 760, "height": 900})
    with run_server(folder, "--demo") as server, connection(f"{server.url}/mcp") as mcp:
        while not mcp.call("conversation_stats", {})["structuredContent"]["freshness"]["complete"]:
            pass
        chat = Chat(page, host_script, mcp, mcp.board())
        frame = chat.open("summarize_hot_leads", top=6)
        expect(frame.locator(".card")).to_have_count(6)
        page.screenshot(path=DOCS / "board-chat.png")


def test_the_pictures_are_there_and_small(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Ours: a reader sees the board before they try it."""
    if os.environ.get(UPDATE):
        page, demo, script = map(request.getfixturevalue, ("page", "demo", "host_script"))
        take_pictures(page, demo, script, tmp_path)
    for name in PICTURES:
        assert 0 < (DOCS / name).stat().st_size <= MAX_PICTURE_BYTES, f"{UPDATE}=1 makes {name}"
