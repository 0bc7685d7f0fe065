"""Whatever strangers write is shown as text: nothing of it runs, loads or hides anything."""

from typing import Any

import pytest
from playwright.sync_api import FrameLocator, Page, expect

from tests.board.chat import Chat, result_of
from tests.board.hostile import LINKS, TEXTS, answers

pytestmark = pytest.mark.browser

FOREIGN = ", ".join(
    f"#board {element}"
    for element in (
        *("script", "style", "img", "iframe", "object", "embed", "link", "a", "base", "meta"),
        *("[onerror]", "[onload]", "[onclick]", "[srcdoc]", "[href]", "[src]"),
    )
)
"""What the page itself never has."""
COVERED = """buttons => buttons.filter(button => {
    const box = button.getBoundingClientRect();
    const found = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    return box.width < 5 || !found || !(button.contains(found) || found.contains(button));
}).map(button => button.textContent)"""

ADDED_TO_ALL_OBJECTS = (
    "() => { const found = []; for (const name in {}) found.push(name); return found }"
)
"""What a text such as `__proto__` would have added to the prototype of all objects."""


@pytest.fixture(scope="module")
def chat(shared_page: Page, host_script: str) -> Chat:
    chat = Chat(shared_page, host_script)
    for tool, answer in answers().items():
        chat.answer(tool, answer)
    return chat


def assert_nothing_ran(frame: FrameLocator, chat: Chat) -> None:
    """No element came of a text, no script ran, and nothing lies over the ways to the views."""
    expect(frame.locator(FOREIGN)).to_have_count(0)
    root = frame.locator("html")
    assert root.evaluate("() => window.hacked") is None
    assert root.evaluate(ADDED_TO_ALL_OBJECTS) == []
    assert chat.page.evaluate("window.hacked") is None
    assert root.evaluate("page => page.scrollWidth <= page.clientWidth")
    assert frame.locator("nav button").evaluate_all(COVERED) == []


@pytest.mark.parametrize("tool", ["summarize_hot_leads", "list_leads", "conversation_stats"])
def test_lists_show_texts_as_texts(chat: Chat, tool: str) -> None:
    """Promised by docs/board.md, "What the page may do"."""
    values: dict[str, Any] = (
        {"of": "leads", "group_by": ["stage"]} if tool == "conversation_stats" else {}
    )
    frame = chat.open(tool, result_of(answers()[tool]), **values)
    for text in TEXTS[:2]:
        expect(frame.get_by_text(text, exact=True).first).to_be_visible()

    assert_nothing_ran(frame, chat)


def test_other_views_show_texts_as_texts(chat: Chat) -> None:
    """Promised by docs/board.md, "What the page may do"."""
    frame = chat.open("summarize_hot_leads", result_of(answers()["summarize_hot_leads"]))
    for name in ("Overview", "Waiting", "Trend", "Changes", "People"):
        frame.get_by_role("navigation").get_by_role("button", name=name, exact=True).click()
        expect(frame.locator(".skeleton")).to_have_count(0)
        for width in (320, 1280):
            chat.page.set_viewport_size({"width": width, "height": 900})
            assert_nothing_ran(frame, chat)


def test_a_lead_and_its_transcript_show_texts_as_texts(chat: Chat) -> None:
    """Promised by docs/board.md, "What the page may do"."""
    frame = chat.open("get_lead", result_of(answers()["get_lead"]), lead="anybody")
    frame.get_by_role("button", name="Read it").click()
    expect(frame.locator(".turns li")).to_have_count(len(TEXTS))

    assert_nothing_ran(frame, chat)


def test_only_plain_web_addresses_can_be_opened(chat: Chat) -> None:
    """Promised by docs/board.md, "What the page may do"."""
    frame = chat.open("get_lead", result_of(answers()["get_lead"]), lead="anybody")
    expect(frame.get_by_text(LINKS[0], exact=True).first).to_be_visible()

    assert frame.locator(".contacts .link").all_inner_texts() == [
        link for link in LINKS if link.startswith("https://xn--")
    ]
    frame.locator(".contacts .link").first.click()
    expect(frame.locator("dialog[open] .address")).to_have_text("https://xn--pple-43d.com")


def test_a_question_to_the_model_holds_nothing_that_a_visitor_wrote(chat: Chat) -> None:
    """Promised by docs/board.md, "What the page may do": a name could hold instructions."""
    frame = chat.open("summarize_hot_leads", result_of(answers()["summarize_hot_leads"]))
    frame.get_by_role("button", name="Prepare me for the call").first.click()
    chat.page.wait_for_function("window.asked.length === 1")

    (asked,) = chat.asked()
    (block,) = asked["message"]["content"]
    assert block["text"] == 'Prepare me for the call with the lead "lead-0".'


def test_an_error_is_shown_as_text(chat: Chat) -> None:
    """Ours: an error may quote what somebody asked for."""
    error = {"error": {"code": "not_found", "message": TEXTS[0], "hint": TEXTS[1]}}
    frame = chat.open("get_lead", result_of(error) | {"isError": True}, lead="x")

    expect(frame.locator(".notice.bad")).to_contain_text(TEXTS[0])
    assert_nothing_ran(frame, chat)
