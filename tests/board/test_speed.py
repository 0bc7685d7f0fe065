"""The page with many leads, and how long somebody waits for it: printed, since machines differ."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.board.chat import Chat, result_of

pytestmark = pytest.mark.browser

LEADS = 1000
WATCH = """
new MutationObserver((_, observer) => {
    if (!document.querySelector('.card')) return;
    observer.disconnect();
    requestAnimationFrame(() => setTimeout(() => {
        document.documentElement.dataset.painted = performance.timeOrigin + performance.now();
    }));
}).observe(document, { childList: true, subtree: true });
window.slow = [];
new PerformanceObserver(list => window.slow.push(...list.getEntries().map(e => e.duration)))
    .observe({ type: 'event', durationThreshold: 16 });
"""
"""In every frame: when the first card was painted, and how long each event took to the paint."""


def lead(number: int) -> dict[str, Any]:
    return {
        "lead_id": f"lead-{number}",
        "name": f"Person {number}",
        "company": f"Company {number % 97}",
        "channel": "web-chat",
        "stage": "proposal",
        "score": 100 - number % 100,
        "hot": True,
        "value": 1000 + number,
        "currency": "EUR",
        "why": ["score decides", "assigned to nobody"],
        "wants": "Wants a demo with two colleagues; the date is being agreed.",
        "last_activity": "2026-07-19T22:11:03Z",
    }


FRESH = {"as_of": "2026-07-19T22:11:03Z", "complete": True, "conversations": LEADS}


def hot_leads() -> dict[str, Any]:
    counts = {"waiting_for_human": 3, "unassigned": 4, "overdue": 5, "unparsed_values": 0}
    return counts | {
        "leads": [lead(number) for number in range(50)],
        "hot": LEADS,
        "leads_considered": LEADS,
        "value": {"EUR": 10.0},
        "freshness": FRESH,
    }


@pytest.fixture
def chat(page: Page, host_script: str) -> Chat:
    page.add_init_script(WATCH)
    return Chat(page, host_script)


def test_the_first_card_is_painted_after_the_answer(chat: Chat) -> None:
    """Promised by docs/performance.md, "The board"."""
    times = []
    for _ in range(3):
        frame = chat.open("summarize_hot_leads", result_of(hot_leads()), capabilities={})
        expect(frame.locator(".card").first).to_be_visible()
        expect(frame.locator("html[data-painted]")).to_be_visible()
        painted = frame.locator("html").get_attribute("data-painted")
        times.append(float(painted or "nan") - chat.page.evaluate("window.sentAt"))

    print(f"first paint: {sorted(times)} ms")  # noqa: T201
    assert all(time > 0 for time in times)


def test_of_a_thousand_leads_only_those_in_sight_are_drawn(chat: Chat) -> None:
    """Promised by docs/performance.md, "The board"."""
    answer = {"leads": [lead(number) for number in range(LEADS)], "total": LEADS}
    frame = chat.open("list_leads", result_of(answer | {"freshness": FRESH, "applied": {}}))
    expect(frame.locator(".virtual .row").first).to_be_visible()
    frame.locator(".virtual .row").first.focus()
    for key in ("ArrowDown", "PageDown", "PageDown", "End", "PageUp", "Home") * 2:
        chat.page.keyboard.press(key)
        expect(frame.locator(".virtual .active .row")).to_be_focused()

    slow = frame.locator("html").evaluate("() => window.slow")
    print(f"keys of 16 ms and more: {sorted(slow)} ms")  # noqa: T201
    assert frame.locator(".virtual > li").count() < 60
