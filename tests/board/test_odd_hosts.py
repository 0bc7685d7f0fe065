"""Hosts that do what none should, and answers that no version of the server gives."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.board.chat import Chat, result_of
from tests.board.hostile import Json, answers

pytestmark = pytest.mark.browser

FRESH = {"as_of": "2026-07-19T22:11:03Z", "complete": True, "conversations": 1}
NOBODY = {"leads": [], "hot": 0, "leads_considered": 0, "freshness": FRESH, "definition": "Hot: …"}
NO_HOST = """
window.asked = [];
addEventListener("message", ({ data: { id, method }, source }) => {
    const error = { code: -32600, message: "Not here." };
    if (method === "ui/initialize") source.postMessage({ jsonrpc: "2.0", id, error }, "*");
});
window.openBoard = () => { document.querySelector("iframe").src = "http://board.test/" };
"""
"""The script of a host that wants no board."""
OPENING_TOOLS: dict[str, Json] = {
    "summarize_hot_leads": {},
    "list_leads": {},
    "conversation_stats": {"of": "leads", "group_by": ["stage"]},
    "get_lead": {"lead": "anybody"},
}
ODD: tuple[object, ...] = ("text", 5, True, [], [None, "text", 7, [[]]], {}, {"a": {"b": []}}, None)
"""What can stand where an answer has something else."""


@pytest.fixture(scope="module")
def chat(shared_page: Page, host_script: str) -> Chat:
    chat = Chat(shared_page, host_script)
    for tool in ("summarize_hot_leads", "list_leads", "get_lead"):
        chat.answer(tool, NOBODY)
    return chat


def test_what_was_asked_in_the_chat_is_not_asked_again(chat: Chat) -> None:
    """Ours: the tool still runs, and its answer comes by itself."""
    frame = chat.open("list_leads", {})
    expect(frame.get_by_role("heading", name="Leads", exact=True).last).to_be_visible()
    expect(frame.locator(".skeleton")).to_be_visible()

    chat.page.evaluate("result => window.sendResult(result)", result_of(NOBODY))

    expect(frame.locator(".notice")).to_contain_text("Nothing fits")
    assert chat.calls == []


def test_a_call_that_was_cancelled_is_told_and_can_be_tried_again(chat: Chat) -> None:
    """Promised by docs/board.md, "What it shows": an error says what to do next."""
    frame = chat.open("list_leads", {})
    expect(frame.locator(".skeleton")).to_be_visible()
    chat.page.evaluate("window.cancelCall()")
    expect(frame.get_by_role("alert")).to_contain_text("cancelled")
    assert chat.calls == []

    frame.get_by_role("button", name="Try again").click()

    expect(frame.locator(".notice")).to_contain_text("Nothing fits")
    assert chat.calls == ["list_leads"]


def test_an_error_goes_when_another_try_brings_an_answer(chat: Chat) -> None:
    """Promised by docs/board.md, "What it shows": an error says what to do next."""
    error = result_of({"error": {"code": "mirror_unavailable", "message": "Locked."}})
    frame = chat.open("list_leads", error | {"isError": True})
    expect(frame.get_by_role("alert")).to_contain_text("Locked.")

    frame.get_by_role("button", name="Try again").click()

    expect(frame.locator(".notice")).to_contain_text("Nothing fits")
    expect(frame.get_by_role("alert")).to_have_count(0)


def test_a_tool_is_known_by_the_name_that_a_host_makes_of_it(chat: Chat) -> None:
    """Ours: hosts put the server's name in front."""
    frame = chat.open("mcp__convocore__list_leads", result_of(NOBODY))

    expect(frame.get_by_role("heading", name="Leads", exact=True).last).to_be_visible()
    expect(frame.locator(".notice")).to_contain_text("Nothing fits")


def test_an_answer_that_is_there_at_once_looks_incomplete_at_once(chat: Chat) -> None:
    """Promised by docs/board.md, "What it shows": also where no page may ask for more."""
    incomplete = FRESH | {"complete": False, "progress": 0.4}
    frame = chat.open("list_leads", result_of(NOBODY | {"freshness": incomplete}), capabilities={})

    expect(frame.locator(".notice.partial")).to_contain_text("40% done", timeout=10_000)
    expect(frame.locator(".freshness.partial")).to_contain_text("incomplete")


@pytest.mark.parametrize("tool", OPENING_TOOLS)
def test_what_is_odd_in_an_answer_is_left_out_alone(chat: Chat, tool: str) -> None:
    """Ours: a chat keeps answers, of older versions too, and a host may change them."""
    whole = answers(["one", "two", "three"])[tool]
    frame = chat.open(tool, result_of(whole), capabilities={}, **OPENING_TOOLS[tool])
    for number, odd in enumerate(ODD):
        answer: dict[str, Any] = dict.fromkeys(whole, odd)
        for rows in {"leads", "groups"} & set(whole):
            answer[rows] = [odd, dict.fromkeys(whole[rows][0], odd)]
        for part in {"lead", "totals"} & set(whole):
            answer[part] = dict.fromkeys(whole[part], odd)
        send(chat, {"structuredContent": answer, "content": odd})
        # The page still listens, and no part of it has failed.
        text = f"after {number}"
        send(chat, result_of(answers([text, "two", "three"])[tool]))
        expect(frame.get_by_text(text, exact=True).first).to_be_visible()


def send(chat: Chat, result: Json) -> None:
    chat.page.evaluate("result => window.sendResult(result)", result)


def test_a_part_of_the_page_that_fails_leaves_the_others(chat: Chat) -> None:
    """Ours: the list needs what this browser has lost, and nothing else does."""
    chat.answer("conversation_stats", {"totals": {"leads": 0}, "groups": [], "freshness": FRESH})
    chat.answer("list_leads", answers(["one", "two", "three"])["list_leads"])
    frame = chat.open("summarize_hot_leads", result_of(NOBODY))
    frame.locator("html").evaluate("() => { window.ResizeObserver = undefined }")
    views = frame.get_by_role("navigation")
    views.get_by_role("button", name="People", exact=True).click()
    expect(frame.get_by_role("alert")).to_contain_text("can't be shown")

    views.get_by_role("button", name="Pipeline", exact=True).click()

    expect(frame.get_by_role("heading", name="Pipeline")).to_be_focused()
    expect(frame.get_by_role("alert")).to_have_count(0)


def test_a_host_that_wants_no_board_gets_an_error(page: Page) -> None:
    """Promised by docs/board.md, "What it shows": an error says what to do next."""
    frame = Chat(page, NO_HOST).open("list_leads", {})

    expect(frame.get_by_role("alert")).to_contain_text("Not here.")


def test_an_empty_account_says_what_would_fill_it(chat: Chat) -> None:
    """Promised by docs/board.md, "What it shows"."""
    empty = {"freshness": FRESH, "applied": {"timezone": "UTC"}, "total": 0}
    chat.answer("conversation_stats", empty | {"totals": {"leads": 0}, "groups": []})
    chat.answer("list_conversations", empty | {"conversations": []})
    chat.answer("list_changes", empty | {"changes": [], "next_cursor": "c", "has_more": False})
    frame = chat.open("summarize_hot_leads", result_of(NOBODY))
    frame.get_by_role("navigation").get_by_role("button", name="Overview").click()

    for panel, text in {
        "Call first": "No lead is hot.",
        "Waiting longest": "Nobody waits for a human.",
        "Just now": "Nothing has changed.",
        "Pipeline by stage": "A conversation becomes a lead when",
        "New leads by day": "0 new leads in 30 days",
        "Hot leads by channel": "No lead is hot.",
    }.items():
        expect(frame.get_by_role("region", name=panel, exact=True)).to_contain_text(text)


def test_what_is_a_whole_record_is_shown_in_words(chat: Chat) -> None:
    """Promised by docs/board.md, "What it shows": some channels are records of another system."""
    record = '{"type":"whatsapp","provider":"twilio"}'
    found = answers(["one", "two", "three"])
    nameless = {"lead_id": "lead-1", "channel": record, "why": [], "score": 90}
    hot = found["summarize_hot_leads"] | {"leads": [nameless], "by_channel": {record: 1}}
    groups = [{"channel": record, "leads": 1, "size": {"seats": 5}}]
    applied = {"channel": [record], "where": [f"channel={record}"]}
    chat.answer("summarize_hot_leads", hot)
    chat.answer("list_leads", found["list_leads"] | {"leads": [nameless], "applied": applied})
    chat.answer("conversation_stats", found["conversation_stats"] | {"groups": groups})
    lead = found["get_lead"]["lead"] | {"extracted": {"team": {"seats": 5, "of": ["a", "b"]}}}
    for tool, answer in (
        ("summarize_hot_leads", hot),
        ("conversation_stats", found["conversation_stats"] | {"groups": groups}),
        ("get_lead", {"lead": lead, "freshness": FRESH}),
    ):
        values = {"group_by": ["channel"]} if "stats" in tool else {"lead": "anybody"}
        frame = chat.open(tool, result_of(answer), **values, of="leads")
        expect(frame.locator(".card, .stages, .lead").first).to_be_visible()
        assert not re.search("[{}[\\]]", frame.locator("#board").inner_text()), tool
    expect(frame.locator(".facts-list")).to_contain_text("Seats: 5; Of: a, b")

    frame = chat.open("summarize_hot_leads", result_of(hot))
    expect(frame.locator(".card .name")).to_have_text("Somebody by WhatsApp")
    frame.get_by_role("button", name="Overview").click()
    frame.get_by_role("button", name="Hot leads by WhatsApp: 1").click()
    expect(frame.locator(".row .name")).to_have_text("Somebody by WhatsApp")
    expect(frame.locator(".totals")).to_contain_text("Channel: WhatsApp; channel=WhatsApp")
    assert ["hot=true", f"channel='{record}'"] in [values.get("where") for values in chat.arguments]


def test_numbers_and_dates_are_in_the_viewers_language_and_names_in_their_direction(
    chat: Chat,
) -> None:
    """Promised by docs/board.md, "For everybody"."""
    answer = answers(["منى فؤاد"] * 3)["get_lead"]
    answer["lead"] |= {"value": 12800.5, "currency": "EUR", "score": 90}
    answer["lead"]["next_steps"] = [{"title": "Call", "due": "2026-12-04T08:45:00Z"}]
    for locale, zone, due, worth in (
        ("de-DE", "Asia/Kathmandu", "04.12.2026, 14:30", "12.801\xa0€"),
        ("ar-EG", "Pacific/Chatham", "٠٤\u200f/١٢\u200f/٢٠٢٦، ١٠:٣٠ م", "١٢٬٨٠١"),  # noqa: RUF001
    ):
        context = {"locale": locale, "timeZone": zone}
        frame = chat.open("get_lead", result_of(answer), context=context, lead="anybody")
        expect(frame.locator(".steps .hint")).to_have_text(re.compile(re.escape(due)))
        expect(frame.locator(".lead-head .worth")).to_contain_text(worth)
        expect(frame.locator(".lead-head h2 bdi")).to_have_css("direction", "rtl")
