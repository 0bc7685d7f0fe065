"""The board inside a chat: a host of the tests with the AppBridge of ext-apps, a real server."""

import math
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from mcp import StdioServerParameters
from playwright.sync_api import FrameLocator, Page, expect

from convocore_mcp.board.board_file import BOARD_FILE
from convocore_mcp.sandbox import Sandbox
from tests.board.chat import CAPABILITIES, Chat, McpConnection, connection, result_of
from tests.board.conftest import settings_for
from tests.process_environment import isolated_environment
from tests.web.web_server import run_server

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def mcp(
    sandbox: Sandbox, base_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[McpConnection]:
    """A client of a server over stdio."""
    folder = tmp_path_factory.mktemp("chat")
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "convocore_mcp"],
        env=isolated_environment(folder, **settings_for(sandbox, base_url)),
    )
    with connection(server) as found:
        found.call("conversation_stats", {})
        yield found


@pytest.fixture(scope="module")
def chat(shared_page: Page, host_script: str, mcp: McpConnection) -> Chat:
    return Chat(shared_page, host_script, mcp, mcp.board())


def expect_heading(frame: FrameLocator, name: str | re.Pattern[str]) -> None:
    expect(frame.get_by_role("heading", name=name).first).to_be_visible()


def test_an_answer_opens_its_view_and_leads_to_the_others(chat: Chat) -> None:
    """Promised by docs/board.md, "In a chat"."""
    frame = chat.open("summarize_hot_leads", top=5)
    expect_heading(frame, "Hot leads")
    expect(frame.locator(".card")).to_have_count(5)
    expect(frame.locator(".freshness")).to_contain_text("read ")

    for name, title in {
        "Pipeline": "Pipeline",
        "Waiting": "Waiting for a human",
        "Trend": "New leads by day",
        "Changes": "What has changed",
        "People": "All leads",
        "Overview": "Call first",
    }.items():
        frame.get_by_role("navigation").get_by_role("button", name=name, exact=True).click()
        expect_heading(frame, title)
        expect(frame.locator(".skeleton")).to_have_count(0)
        expect(frame.locator(".notice.bad")).to_have_count(0)


def test_each_tool_opens_what_it_was_asked_about(chat: Chat, mcp: McpConnection) -> None:
    """Promised by docs/board.md, "In a chat"."""
    lead = mcp.call("summarize_hot_leads", {"top": 1})["structuredContent"]["leads"][0]["lead_id"]

    frame = chat.open("get_lead", lead=lead)
    expect_heading(frame, "Timeline")
    frame = chat.open("list_leads", stage=["won"], limit=3)
    expect(frame.locator(".totals")).to_contain_text("Stage: won")
    frame = chat.open("conversation_stats", of="leads", group_by=["stage"])
    expect_heading(frame, "Numbers by group")
    expect(frame.get_by_role("rowheader", name="Demo requested")).to_be_visible()


def test_a_number_leads_to_the_rows_behind_it(chat: Chat, mcp: McpConnection) -> None:
    """Promised by docs/board.md, "What it shows"."""
    frame = chat.open("conversation_stats", of="leads", group_by=["stage"])
    groups = mcp.call("conversation_stats", {"of": "leads", "group_by": ["stage"]})
    won = next(g for g in groups["structuredContent"]["groups"] if g["stage"] == "won")

    frame.get_by_role("button", name=re.compile("^Leads in Won")).click()

    expect_heading(frame, "Won")
    expect(frame.locator(".totals strong")).to_have_text(f"{won['leads']} leads")
    frame.locator(".row").first.click()
    expect_heading(frame, "Next steps")
    frame.get_by_role("button", name="Back").click()
    expect_heading(frame, "Won")


def test_questions_and_links_go_through_the_host(chat: Chat, mcp: McpConnection) -> None:
    """Promised by docs/board.md, "What the page may do": an address is shown, then opened."""
    found = mcp.call("list_leads", {"where": ["links exists"], "limit": 1})["structuredContent"]
    lead = found["leads"][0]["lead_id"] if found["leads"] else None
    frame = chat.open("get_lead", lead=lead or "Smith")
    frame.get_by_role("button", name="Prepare me for the call").click()
    expect(frame.get_by_role("button", name="Asked in the chat")).to_be_visible()
    (asked,) = chat.asked()
    text = f'Prepare me for the call with the lead "{lead}".'
    assert asked["message"] == {"role": "user", "content": [{"type": "text", "text": text}]}

    frame.locator(".contacts .link").first.click()
    address = frame.locator("dialog[open] .address-whole").inner_text()
    assert len(chat.asked()) == 1
    frame.locator("dialog[open]").get_by_role("button", name="Open").click()
    chat.page.wait_for_function("window.asked.length === 2")
    assert chat.asked()[1] == {"url": address}


def test_the_theme_and_the_language_are_the_hosts(chat: Chat) -> None:
    """Promised by docs/board.md, "In a chat"."""
    dark = {"theme": "dark", "styles": {"variables": {"--color-background-primary": "#102030"}}}
    frame = chat.open("summarize_hot_leads", top=2, context={"theme": "light"})
    root = frame.locator("html")
    expect(root).to_have_css("color-scheme", "light")

    chat.page.evaluate("context => window.changeContext(context)", dark | {"locale": "de-DE"})

    expect(root).to_have_css("color-scheme", "dark")
    expect(frame.locator("body")).to_have_css("background-color", "rgb(16, 32, 48)")
    expect(frame.locator(".freshness")).to_contain_text(re.compile("vor|jetzt|gerade"))


def test_a_host_that_calls_no_tools_shows_the_answer_alone(chat: Chat) -> None:
    """Promised by docs/board.md, "In a chat"."""
    frame = chat.open("summarize_hot_leads", top=3, capabilities={})

    expect(frame.locator(".card")).to_have_count(3)
    expect(frame.get_by_role("navigation")).to_have_count(0)
    assert chat.calls == []


def test_an_error_says_what_to_do_next(chat: Chat) -> None:
    """Promised by docs/board.md, "What it shows"."""
    frame = chat.open("list_leads", where=["nonsense=1"])

    expect(frame.locator(".notice.bad")).to_contain_text("nonsense")
    expect(frame.locator(".notice.bad").get_by_role("button", name="Try again")).to_be_visible()


def test_of_a_thousand_leads_only_those_in_sight_are_drawn(chat: Chat) -> None:
    """Promised by docs/performance.md, "The board"."""
    leads = [{"lead_id": f"lead-{n}", "name": f"Person {n}", "hot": True} for n in range(1000)]
    frame = chat.open("list_leads", result_of({"leads": leads, "total": 1000}))
    expect(frame.locator(".virtual .row").first).to_be_visible()
    frame.locator(".virtual .row").first.focus()
    for key in ("ArrowDown", "PageDown", "PageDown", "End", "PageUp", "Home"):
        chat.page.keyboard.press(key)
        expect(frame.locator(".virtual .active .row")).to_be_focused()
    assert frame.locator(".virtual > li").count() < 60


def test_the_frame_is_as_high_as_the_page(chat: Chat) -> None:
    """Ours: a host shows the frame in the height that the page tells."""
    frame = chat.open("summarize_hot_leads", top=3, capabilities=CAPABILITIES)
    expect(frame.locator(".card")).to_have_count(3)
    box = frame.locator("#board").bounding_box()
    assert box is not None

    expect(chat.page.locator("iframe")).to_have_css("height", f"{math.ceil(box['height'])}px")


def test_it_is_the_same_over_http(
    page: Page, host_script: str, sandbox: Sandbox, base_url: str, tmp_path: Path
) -> None:
    """Promised by docs/board.md, "In a chat"."""
    with (
        run_server(tmp_path, env=settings_for(sandbox, base_url)) as running,
        connection(f"{running.url}/mcp") as mcp,
    ):
        chat = Chat(page, host_script, mcp, mcp.board())
        frame = chat.open("summarize_hot_leads", top=3)
        frame.get_by_role("button", name="Overview").click()
        expect_heading(frame, "Call first")
        expect(frame.locator(".skeleton")).to_have_count(0)


def test_the_page_is_the_one_that_is_committed(mcp: McpConnection) -> None:
    """Promised by docs/contract.md, "The board"."""
    assert mcp.board() == BOARD_FILE.read_text()
