"""The corpus of texts that people write, and of texts that hide something, in the real browser."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from playwright.sync_api import FrameLocator, Page, expect

from convocore_mcp.sandbox import Sandbox, serving
from tests.board.chat import Chat, McpConnection, connection, result_of
from tests.board.conftest import settings_for
from tests.board.hostile import answers
from tests.board.test_hostile_texts import assert_nothing_ran
from tests.hidden_text import is_safe
from tests.text_corpus import HOSTILE, LEGITIMATE
from tests.web.web_server import run_server

pytestmark = pytest.mark.browser


TEXTS = [
    text
    for text in dict.fromkeys([*LEGITIMATE, *(raw for raw, _ in HOSTILE)])
    if text.encode("utf-8", "replace").decode() == text  # no wire carries half a surrogate pair
]
"""As they came from a visitor: what the server removes on the way out is not removed here."""
SHOWN = """(page, selectors) => Object.fromEntries(selectors.map(selector => [
    selector,
    [...page.querySelectorAll(selector)].filter(seen => {
        const box = seen.getBoundingClientRect();
        return box.width > 0 && box.height > 0
            && seen.checkVisibility({ opacityProperty: true, visibilityProperty: true });
    }).map(seen => seen.textContent),
]))"""


def shown(frame: FrameLocator, selectors: Sequence[str]) -> dict[str, list[str]]:
    """The texts of the elements of each selector that have a size and are not hidden."""
    found: dict[str, list[str]] = frame.locator("html").evaluate(SHOWN, list(selectors))
    return found


def missing(found: list[str]) -> list[str]:
    """The texts that people write which are not shown as they were written."""
    return [text for text in LEGITIMATE if text not in found]


@pytest.fixture(scope="module")
def chat(shared_page: Page, host_script: str) -> Chat:
    chat = Chat(shared_page, host_script)
    for tool, answer in answers(TEXTS).items():
        chat.answer(tool, answer)
    return chat


def assert_shown_as_written(frame: FrameLocator, chat: Chat, *selectors: str) -> None:
    """The elements of each selector show each text of people as it was written; nothing ran."""
    lost = {selector: missing(found) for selector, found in shown(frame, selectors).items()}
    assert {selector: texts for selector, texts in lost.items() if texts} == {}
    assert_nothing_ran(frame, chat)


def test_cards_show_what_people_write(chat: Chat) -> None:
    """Promised by docs/board.md, "What the page may do"."""
    frame = chat.open("summarize_hot_leads", result_of(answers(TEXTS)["summarize_hot_leads"]))
    frame.get_by_role("button", name=re.compile("^Show .* more$")).click()
    expect(frame.locator(".card")).to_have_count(len(TEXTS))

    assert_shown_as_written(frame, chat, ".card .name bdi", ".about bdi", ".wants", ".step bdi")


def test_lists_and_changes_show_what_people_write(chat: Chat) -> None:
    """Promised by docs/board.md, "What the page may do"."""
    frame = chat.open("summarize_hot_leads", result_of(answers(TEXTS)["summarize_hot_leads"]))
    views = frame.get_by_role("navigation")
    views.get_by_role("button", name="Changes", exact=True).click()
    expect(frame.locator(".change-list li")).to_have_count(len(TEXTS))
    assert_shown_as_written(frame, chat, ".change-list .name bdi", ".difference bdi")
    views.get_by_role("button", name="People", exact=True).click()
    assert_nothing_ran(frame, chat)
    found = scroll_through(
        frame, ".virtual .row .name bdi, .virtual .row .preview bdi, .virtual .about bdi"
    )
    assert missing(found) == []


def test_a_lead_shows_what_people_write(chat: Chat) -> None:
    """Promised by docs/board.md, "What the page may do"."""
    frame = chat.open("get_lead", result_of(answers(TEXTS)["get_lead"]), lead="anybody")
    frame.get_by_role("button", name="Read it").click()
    expect(frame.locator(".turns li")).to_have_count(len(TEXTS))

    selectors = (".turns p", "blockquote", ".facts-list dt bdi", ".facts-list dd bdi")
    assert_shown_as_written(
        frame, chat, *selectors, ".contacts bdi", ".steps bdi", ".timeline .what bdi", ".badge bdi"
    )


SCROLL_THROUGH = """async (page, selector) => {
    const list = page.querySelector('.virtual');
    const found = new Set();
    const frame = () => new Promise(done => requestAnimationFrame(() => setTimeout(done)));
    for (let last = false; !last; await frame()) {
        for (const seen of list.querySelectorAll(selector)) found.add(seen.textContent);
        const rows = [...list.querySelectorAll('[aria-posinset]')];
        last = rows.some(row => row.ariaPosInSet === row.ariaSetSize);
        list.scrollTop += list.clientHeight;
    }
    return [...found];
}"""
"""Scrolls through a virtual list to its end, while more of it is read."""


def scroll_through(frame: FrameLocator, selector: str) -> list[str]:
    expect(frame.locator(".virtual .row").first).to_be_visible()
    found: list[str] = frame.locator("html").evaluate(SCROLL_THROUGH, selector)
    return found


@pytest.fixture
def corpus_server(tmp_path: Path) -> Iterator[McpConnection]:
    """A server whose data has each text of the corpus as somebody's name, company and message."""
    sandbox = Sandbox(size=len(TEXTS) + 50)
    # A queue shows neither tests nor who is blocked.
    rows = [row for row in sandbox.rows() if not (row.get("isTest") or row.get("isBlocked"))]
    assert len(rows) >= len(TEXTS)
    for number, (row, text) in enumerate(zip(rows, TEXTS, strict=False)):
        written = dict.fromkeys(("userName", "userCompany", "lastMessage", "summary"), text)
        email = f"visitor{number}@corpus.example"
        sandbox.touch(row["ID"], **written, userEmail=email, state="requested_chat")
    with (
        serving(sandbox) as url,
        run_server(tmp_path, env=settings_for(sandbox, url)) as server,
        connection(f"{server.url}/mcp") as found,
    ):
        while not found.call("conversation_stats", {})["structuredContent"]["freshness"][
            "complete"
        ]:
            pass
        yield found


def test_behind_the_real_server_all_is_shown_as_the_server_lets_it_out(
    page: Page, host_script: str, corpus_server: McpConnection
) -> None:
    """Promised by docs/board.md, "What the page may do": nothing hidden is left to be shown."""
    chat = Chat(page, host_script, corpus_server, corpus_server.board())
    frame = chat.open("summarize_hot_leads", top=3)
    frame.get_by_role("navigation").get_by_role("button", name="Waiting", exact=True).click()

    found = scroll_through(frame, ".row .preview bdi")

    assert missing(found) == []
    assert [text for text in found if not is_safe(text)] == []
    assert [left for raw, left in HOSTILE if raw in TEXTS and left and left not in found] == []
    assert_nothing_ran(frame, chat)


def test_what_only_begins_like_a_date_is_shown_as_written(chat: Chat) -> None:
    """Promised by docs/board.md, "What the page may do"."""
    alike = ["4711-08", "2026-07-19 (or later)", "2026-07-19 10:00 (maybe)"]
    answer = answers(alike)["get_lead"]
    answer["lead"] |= {"next_steps": [{"title": "Call", "due": text} for text in alike]}
    # A page that may ask would do so again after some seconds: the answer is not complete.
    frame = chat.open("get_lead", result_of(answer), capabilities={}, lead="anybody")
    expect(frame.locator(".steps li")).to_have_count(len(alike))

    assert [
        text.strip() for text in shown(frame, [".steps .hint bdi"])[".steps .hint bdi"]
    ] == alike
