"""The board in a browser: `convocore-mcp board`, and `/board` behind tokens."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from convocore_mcp.sandbox import Sandbox
from tests.board.board_process import BoardProcess
from tests.board.conftest import go
from tests.web.web_server import TOKEN, RunningServer, run_server

pytestmark = pytest.mark.browser

MCP = re.compile("/mcp$")
AFTER_A_CLICK = """async name => {
    [...document.querySelectorAll('nav button')].find(one => one.textContent === name).click();
    await new Promise(painted => requestAnimationFrame(painted));
    const title = document.querySelector('.view-title')?.textContent;
    return { title, rows: document.querySelectorAll('.virtual .row').length };
}"""
"""What the first frame after a click shows."""
SIZES = "all => all.map(one => getComputedStyle(one).fontSize)"
AGES = """() => new Promise(done => {
    const ages = new Set();
    new MutationObserver((_, observer) => {
        const { textContent } = document.querySelector('.change-list time');
        for (const age of textContent.match(/\\d+(?= second)/) ?? []) ages.add(age);
        if (ages.size < 3) return;
        observer.disconnect();
        done([...ages]);
    }).observe(document.body, { subtree: true, childList: true, characterData: true });
})"""
"""The next ages of the newest change, in seconds."""


def listens(route: Route) -> bool:
    """Whether the page wants to hear of changes."""
    return route.request.headers.get("mcp-method") == "subscriptions/listen"


def search(page: Page, words: str) -> None:
    page.get_by_label("Has the words").fill(words)
    page.get_by_role("button", name="Search").click()


@pytest.fixture(scope="module")
def protected(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server that wants a token, and whose key for Convocore nobody has set."""
    folder = tmp_path_factory.mktemp("protected")
    with run_server(folder, env={"CONVOCORE_MCP_TOKENS": TOKEN}) as server:
        yield server


def test_the_first_view_answers_the_first_questions(opened: Page) -> None:
    """Promised by docs/board.md, "What it shows"."""
    figures = opened.get_by_role("group", name="At a glance")
    for label in ("Hot leads", "Open pipeline is worth", "Waiting for a human", "Overdue"):
        expect(figures.get_by_text(label)).to_be_visible()
    for panel in ("Call first", "Waiting longest", "Just now", "Pipeline by stage"):
        expect(opened.get_by_role("region", name=panel, exact=True)).to_be_visible()


def test_whom_to_call_and_who_waits_is_seen_without_a_click(opened: Page) -> None:
    """Promised by docs/board.md, "What it shows": on a screen of 1,280 by 900 pixels."""
    first, waiting, newest = (
        opened.get_by_role("region", name=panel, exact=True)
        for panel in ("Call first", "Waiting longest", "Just now")
    )
    for answer in (
        first.locator(".card .name").first,
        first.get_by_role("list", name=re.compile("^Why ")).first,
        first.get_by_text(re.compile("^Hot: ")),
        opened.locator(".figure.main .figure-value"),
        waiting.locator(".clock").first,
        newest.get_by_text("In the last minute"),
    ):
        expect(answer).to_be_in_viewport(ratio=1)


def test_no_amount_of_several_currencies_looks_like_the_whole(opened: Page) -> None:
    """Promised by docs/board.md, "What it shows"."""
    worth = opened.locator(".figure.main")
    expect(worth.locator(".figure-label")).to_have_text(re.compile(r"in \d+ currencies$"))
    amounts = worth.locator(".amount")
    assert amounts.count() > 1
    assert len(set(amounts.evaluate_all(SIZES))) == 1
    others = opened.get_by_role("table").locator(".amounts button").all_inner_texts()
    assert [text for text in others if not re.fullmatch(r"\+\d+ currenc(y|ies)", text)] == []


def test_each_card_says_why_it_stands_where_it_stands(opened: Page) -> None:
    """Promised by docs/board.md, "What it shows"."""
    first, *others = opened.locator(".card .place").all_inner_texts()
    assert first.startswith("First: ")
    assert len(others) == opened.locator(".card").count() - 1
    for number, text in enumerate(others, 1):
        assert re.search(rf"(?i)score .*\bnumber {number}\b", text)


def test_what_is_overdue_is_shown_and_by_how_much(opened: Page) -> None:
    """Promised by docs/board.md, "What it shows"."""
    overdue = opened.locator(".figure", has_text="Overdue leads")
    expect(overdue).to_contain_text("a planned step or the expected close is late")
    overdue.get_by_role("button").first.click()
    previews = opened.locator(".virtual .row .preview")
    expect(previews.first).to_be_visible()
    texts = previews.all_inner_texts()
    known = re.compile(r"step is late|^Was to close .* ago|has passed")
    assert [text for text in texts if not known.search(text)] == []
    assert any("days ago" in text for text in texts)


def test_no_change_seems_newer_than_the_last_reading(opened: Page, sandbox: Sandbox) -> None:
    """Promised by docs/board.md, "What it shows": times that are drawn late do not fit others."""
    row = next(iter(sandbox.rows()))
    sandbox.touch(row["ID"], lastMessage="Is this newer than the reading?")
    event = opened.get_by_role("region", name="Just now").locator("li").first
    expect(event).to_contain_text("Is this newer")
    first, *others = map(int, opened.evaluate(AGES))
    assert others == [first + 1, first + 2]
    expect(opened.locator(".freshness")).to_contain_text(re.compile(r"read at most \d+ second"))


def test_a_link_leaves_no_trace_and_works_once_and_the_next_one_is_taken(
    page: Page, context: BrowserContext, board: BoardProcess
) -> None:
    """Promised by docs/board.md, "Who may see it"."""
    used = board.link()
    page.goto(used)
    expect(page.locator(".card").first).to_be_visible()
    assert page.url.endswith("/board")
    assert page.evaluate("[...Object.keys(localStorage), ...Object.keys(sessionStorage)]") == []
    assert context.cookies() == []

    page.reload()

    expect(page.get_by_label("Token or link")).to_be_visible()
    page.goto("about:blank")
    page.goto(used)
    expect(page.get_by_role("alert")).to_contain_text("has been used")

    page.get_by_label("Token or link").fill(board.link())
    page.get_by_role("button", name="Connect").click()

    expect(page.locator(".card").first).to_be_visible()


def test_rows_move_while_somebody_watches(opened: Page, sandbox: Sandbox) -> None:
    """Promised by docs/board.md, "In a browser"."""
    waiting = opened.get_by_role("group", name="At a glance").locator(".wait .figure-value")
    before = int(waiting.inner_text())

    row = next(r for r in sandbox.rows() if r.get("state") == "ai-chatting" and r.get("userName"))
    sandbox.touch(row["ID"], state="requested_chat", lastMessage="Somebody there?")

    event = opened.get_by_role("region", name="Just now").locator("li").first
    expect(event).to_contain_text("asks for a human")
    expect(event).to_contain_text("Somebody there?")
    expect(waiting).to_have_text(str(before + 1))
    expect(opened.get_by_role("status")).to_contain_text("asks for a human")


def test_a_view_is_named_before_it_is_drawn(opened: Page) -> None:
    """Promised by docs/performance.md, "The board": the next paint waits for no list."""
    go(opened, "People")  # what it shows is known from now on
    go(opened, "Overview")
    shown = opened.evaluate(AFTER_A_CLICK, "People")

    assert shown == {"title": "All leads", "rows": 0}
    expect(opened.locator(".virtual .row").first).to_be_visible()


def test_back_leads_to_where_somebody_was(opened: Page) -> None:
    """Promised by docs/board.md, "For everybody": nobody has to scroll there again."""
    opened.set_viewport_size({"width": 320, "height": 500})
    last = opened.get_by_role("region", name="Waiting longest").get_by_role("button").last
    last.scroll_into_view_if_needed()
    top = opened.evaluate("scrollY")
    assert top > 500
    last.click()
    expect(opened.get_by_role("heading", name="Timeline")).to_be_visible()
    opened.go_back()
    expect(last).to_be_in_viewport()
    assert abs(opened.evaluate("scrollY") - top) < 50


def test_an_answer_that_is_slow_is_announced(opened: Page) -> None:
    """Promised by docs/board.md, "What it shows"."""
    held: list[Route] = []
    opened.route(MCP, lambda route: route.continue_() if listens(route) else held.append(route))
    opened.get_by_role("navigation").get_by_role("button", name="People").click()
    search(opened, "slowly")
    expect(opened.locator(".skeleton")).to_contain_text("has not answered yet")
    expect(opened.get_by_role("status")).to_contain_text("has not answered yet")

    while held:
        held.pop().continue_()
    opened.unroute(MCP)
    expect(opened.locator(".skeleton")).to_have_count(0)
    expect(opened.get_by_role("status")).to_be_empty()


def test_clocks_run(opened: Page) -> None:
    """Promised by docs/board.md, "What it shows"."""
    clock = opened.get_by_role("region", name="Waiting longest").locator(".clock").first
    before = clock.inner_text()

    expect(clock).not_to_have_text(before)


def test_the_keyboard_alone_is_enough(opened: Page) -> None:
    """Promised by docs/board.md, "For everybody"."""
    opened.locator("h1").click()  # from the top on
    opened.keyboard.press("Tab")
    while opened.evaluate("document.activeElement.textContent") != "People":
        opened.keyboard.press("Tab")
    opened.keyboard.press("Enter")
    expect(opened.get_by_role("heading", name="All leads")).to_be_focused()
    expect(opened.locator(".virtual .row").first).to_be_visible()
    while "row" not in str(opened.evaluate("document.activeElement.className")):
        opened.keyboard.press("Tab")

    for key in ("ArrowDown", "ArrowDown", "PageDown", "End", "ArrowUp"):
        opened.keyboard.press(key)
        expect(opened.locator(".virtual .active .row")).to_be_focused()
    third = opened.locator(".virtual .active")
    assert int(third.get_attribute("aria-posinset") or 0) > 20
    opened.keyboard.press("Enter")
    expect(opened.get_by_role("heading", name="Timeline")).to_be_visible()
    expect(opened.locator(".lead-head h2")).to_be_focused()
    opened.go_back()
    expect(opened.get_by_role("heading", name="All leads")).to_be_focused()
    opened.go_back()
    expect(opened.get_by_role("main")).to_be_focused()


def test_a_person_is_found_and_filters_can_be_dropped(opened: Page, sandbox: Sandbox) -> None:
    """Promised by docs/board.md, "What it shows"."""
    name = next(row["userName"] for row in sandbox.rows() if " " in str(row.get("userName", "")))
    opened.get_by_label("Name, email or phone").fill(name.split()[0])
    opened.keyboard.press("Enter")
    expect(opened.locator(".row, .lead-head").first).to_be_visible()

    opened.get_by_label("Name, email or phone").fill("nobodyatall")
    opened.keyboard.press("Enter")
    expect(opened.get_by_role("alert")).to_contain_text("nobodyatall")
    expect(opened.get_by_role("alert")).to_contain_text("No name is similar.")
    expect(opened.get_by_role("alert")).not_to_contain_text("list_conversations")
    opened.get_by_role("button", name="Search all leads").click()
    expect(opened.locator(".notice")).to_contain_text("Nothing fits")

    opened.get_by_role("navigation").get_by_role("button", name="People").click()
    search(opened, "nobodyatall")
    expect(opened.locator(".notice")).to_contain_text("Nothing fits")
    opened.get_by_role("button", name=re.compile("^Without words")).click()
    expect(opened.locator(".virtual .row").first).to_be_visible()


def test_a_transcript_is_read_when_somebody_wants_it(opened: Page) -> None:
    """Promised by docs/board.md, "What it shows"."""
    opened.locator(".card .name").first.click()
    expect(opened.locator(".turns")).to_have_count(0)
    opened.get_by_role("button", name="Read it").first.click()
    expect(opened.locator(".turns li, .conversations .notice").first).to_be_visible()


def test_a_lost_connection_is_shown_and_found_again(opened: Page) -> None:
    """Promised by docs/board.md, "In a browser"."""
    go(opened, "People")
    opened.context.set_offline(True)
    search(opened, "demo")
    expect(opened.get_by_role("alert")).to_contain_text("can't be reached")
    expect(opened.locator(".freshness.lost")).to_contain_text("Connection lost")

    opened.context.set_offline(False)

    expect(opened.locator(".virtual .row").first).to_be_visible()
    expect(opened.locator(".freshness.live")).to_be_visible()


def test_another_try_is_made_when_somebody_wants_it(opened: Page) -> None:
    """Promised by docs/board.md, "What it shows": also while changes are not heard of."""
    answers = False
    opened.route(
        MCP,
        lambda route: route.continue_() if answers and not listens(route) else route.abort(),
    )
    go(opened, "People")
    search(opened, "discount")
    expect(opened.locator("[aria-busy=true]")).to_have_count(0)  # of this search, not of the list
    expect(opened.get_by_role("alert")).to_contain_text("can't be reached")
    answers = True
    opened.get_by_role("button", name="Try again").click()
    expect(opened.locator(".virtual .row").first).to_be_visible()
    expect(opened.get_by_role("alert")).to_have_count(0)
    expect(opened.locator(".freshness.lost")).to_be_visible()
    opened.unroute(MCP)


@pytest.mark.parametrize(
    ("status", "kind", "body", "message"),
    [
        (200, "text/html", "<!doctype html><p>Please log in</p>", "not the server of this page"),
        (200, "text/event-stream", ": nothing follows\n\n", "lost while the answer came"),
        (503, "text/plain", "Busy", "answered 503"),
    ],
)
def test_what_answers_instead_of_the_server_is_shown(
    opened: Page, status: int, kind: str, body: str, message: str
) -> None:
    """Promised by docs/board.md, "What it shows": an error says what to do next."""
    go(opened, "People")
    opened.route(
        MCP,
        lambda route: (
            route.continue_()
            if listens(route)
            else route.fulfill(status=status, content_type=kind, body=body)
        ),
    )
    search(opened, message)
    expect(opened.get_by_role("alert")).to_contain_text(message)
    opened.unroute(MCP)


def test_a_server_that_ends_is_shown_and_answers_stay(page: Page, board: BoardProcess) -> None:
    """Promised by docs/board.md, "In a browser"."""
    gone = False

    def vanish(route: Route) -> None:
        if gone:
            route.abort()
        elif listens(route):
            route.fulfill(status=200, content_type="text/event-stream", body=": over\n\n")
        else:
            route.continue_()

    page.route(MCP, vanish)
    page.goto(board.link())
    expect(page.locator(".card").first).to_be_visible()
    gone = True

    expect(page.locator(".freshness.lost")).to_contain_text("Connection lost")
    expect(page.locator(".card").first).to_be_visible()
    page.unroute(MCP)
    expect(page.locator(".freshness.live")).to_be_visible()


def test_a_late_refusal_of_an_earlier_token_ends_nothing(
    page: Page, protected: RunningServer
) -> None:
    """Promised by docs/board.md, "Who may see it"."""
    held: list[Route] = []
    released = False

    def hold_the_first(route: Route) -> None:
        if listens(route) and not released:
            held.append(route)
        else:
            route.continue_()

    page.route(MCP, hold_the_first)
    page.goto(f"{protected.url}/board")
    page.get_by_label("Token or link").fill(TOKEN)
    released = True
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").first).to_contain_text("CONVOCORE_API_KEY")
    for route in held:
        route.continue_()

    expect(page.locator(".freshness.live")).to_be_visible()


def test_a_token_is_asked_for_and_a_wrong_one_refused(page: Page, protected: RunningServer) -> None:
    """Promised by docs/board.md, "Who may see it"."""
    page.goto(f"{protected.url}/board")
    field = page.get_by_label("Token or link")
    expect(field).to_be_focused()
    expect(page.get_by_role("alert")).to_have_count(0)
    field.fill("wrong-token")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("did not accept")

    page.get_by_label("Token or link").fill(TOKEN)
    page.keyboard.press("Enter")

    expect(page.locator(".freshness.live")).to_be_visible()
    # With the token, the server's own errors are seen: here, that a key is missing.
    expect(page.get_by_role("alert").first).to_contain_text("CONVOCORE_API_KEY")

    expect(page.locator("[aria-busy=true]")).to_have_count(0)  # every part has been refused
    # Refused in the middle of it, the page asks again, and shows no more of what it knew.
    page.route(MCP, lambda route: route.fulfill(status=401))
    # It may have asked by itself meanwhile: then this is gone.
    page.evaluate("document.querySelector('main .notice button')?.click()")
    expect(page.get_by_role("alert")).to_contain_text("did not accept")
    expect(page.get_by_role("navigation")).to_have_count(0)
    page.unroute(MCP)
    page.get_by_label("Token or link").fill(TOKEN)
    page.keyboard.press("Enter")
    expect(page.get_by_role("navigation")).to_be_visible()
