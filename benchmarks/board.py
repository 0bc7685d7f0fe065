"""The board in Chromium: how long somebody waits until the screen shows what they want.

    python benchmarks/board.py [--rounds 5] [--browser chromium]

`convocore-mcp board --demo` shows its data, of more than 1,000 leads. Two things are measured:
from a tool's result to the first painted card, in a chat and in the browser; and from each click
or key, with all leads in the list, to the next paint (the browser's own Event Timing, and the first
frame after it) and to the first paint in which nothing is still loading, nor asked for. Prints a
table. Needs the extra `test`.
"""

import argparse
import json
import math
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import IO, Any

from playwright.sync_api import Browser, Page, expect, sync_playwright

from benchmarks.progress import report
from benchmarks.server_process import environment
from convocore_mcp.board.board_file import read_board

MIN_LEADS = 1000
LINK = re.compile(r"^  (http://\S+)$")
VIEWS = ("Hot", "Pipeline", "Waiting", "Trend", "Changes", "People", "Overview")
WORDS = ("demo", "price", "anna", "offer", "team")
"""What is searched for: another word each time, so that no answer is cached."""
TIMEOUT_MS = 60_000
"""Milliseconds to wait for the start of the command, or for a part of the page."""
QUIET_MS = 300
"""A pause between two interactions, so that what one caused does not delay the next."""
WATCH_FIRST_CARD = """
const now = () => performance.timeOrigin + performance.now();
new MutationObserver((_, observer) => {
    if (!document.querySelector('.card')) return;
    observer.disconnect();
    const { dataset } = document.documentElement;
    requestAnimationFrame(() => setTimeout(() => { dataset.painted = now(); }));
}).observe(document, { childList: true, subtree: true });
const real = window.fetch;
window.fetch = async (...asked) => {
    const response = await real(...asked);
    if (String(asked[1]?.body).includes('summarize_hot_leads')) {
        void response.clone().text().then(() => { window.answeredAt ??= now(); });
    }
    return response;
};
"""
"""In every frame: when the first card was painted, and when the browser had the answer for it."""
WATCH_EVENTS = """
let underway = 0; // calls of tools
const real = window.fetch;
window.fetch = async (...asked) => {
    if (!String(asked[1]?.body).includes('"tools/call"')) return real(...asked);
    underway += 1;
    const over = () => setTimeout(() => { underway -= 1; }); // after the page has read it too
    const response = await real(...asked).catch(error => { over(); throw error; });
    response.clone().text().finally(over);
    return response;
};
const painted = took => { window.nextPaint = Math.max(window.nextPaint, took); };
for (const kind of ['click', 'keydown', 'change']) addEventListener(kind, event => {
    window.nextPaint = 0;
    const since = () => performance.now() - event.timeStamp;
    requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel(); // its turn comes when the frame is drawn
        port1.onmessage = () => painted(since());
        port2.postMessage(0);
    });
    window.allShown = new Promise(done => {
        const look = () => requestAnimationFrame(() => setTimeout(() => {
            if (underway || document.querySelector('[aria-busy=true]')) look();
            else done(since());
        }));
        look();
    });
}, true);
new PerformanceObserver(list => {
    for (const { duration } of list.getEntries()) painted(duration);
}).observe({ type: 'event', durationThreshold: 16 });
"""
"""How long the newest event took to the next paint, and until all was shown.

An older answer that is shown meanwhile does not count."""
HOST = """<!doctype html><title>Chat</title><body><script>
const now = () => performance.timeOrigin + performance.now();
window.show = (result) => {
    const frame = document.createElement('iframe');
    frame.sandbox = 'allow-scripts';
    frame.style = 'width: 100%; height: 800px';
    document.body.append(frame);
    const send = message => frame.contentWindow.postMessage({ jsonrpc: '2.0', ...message }, '*');
    addEventListener('message', ({ data }) => {
        if (data.method === 'ui/initialize') {
            const tool = { name: 'summarize_hot_leads', inputSchema: { type: 'object' } };
            const hostContext = { toolInfo: { tool } };
            send({ id: data.id, result: { hostCapabilities: {}, hostContext } });
        } else if (data.method === 'ui/notifications/initialized') {
            send({ method: 'ui/notifications/tool-input', params: { arguments: {} } });
            window.sentAt = now();
            send({ method: 'ui/notifications/tool-result', params: result });
        }
    });
    window.openedAt = now();
    frame.src = 'http://board.test/';
};
</script>"""
"""A chat in miniature, which has an answer before it opens the frame for it, as real ones do."""


@dataclass
class Times:
    """Milliseconds, by what was waited for."""

    of: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def __str__(self) -> str:
        head = "| what | times | median | 95th | longest |\n|---|---|---|---|---|"
        return "\n".join([head, *(_line(what, times) for what, times in self.of.items())])


def _line(what: str, times: list[float]) -> str:
    nearest = sorted(times)[math.ceil(0.95 * len(times)) - 1]
    shown = " | ".join(f"{time:.0f} ms" for time in (statistics.median(times), nearest, max(times)))
    return f"| {what} | {len(times)} | {shown} |"


@dataclass(frozen=True)
class Demo:
    """`convocore-mcp board --demo`, and a browser to look at it with."""

    browser: Browser
    printed: IO[str]

    @contextmanager
    def page(self, *scripts: str) -> Iterator[Page]:
        """A new tab, in which these scripts run first."""
        context = self.browser.new_context(viewport={"width": 1280, "height": 900})
        for script in scripts:
            context.add_init_script(script)
        yield context.new_page()
        context.close()

    def open(self, page: Page) -> None:
        """Open the board by the next link: each works once."""
        page.goto(next(found[1] for line in self.printed if (found := LINK.match(line))))
        expect(page.locator(".card").first).to_be_visible()


@contextmanager
def demo(browser: str) -> Iterator[Demo]:
    """Start the command and the browser."""
    command = [sys.executable, "-u", "-m", "convocore_mcp", "board", "--demo", "--no-open"]
    with (
        tempfile.TemporaryDirectory() as home,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env={**environment(), "HOME": home}
        ) as process,
        sync_playwright() as playwright,
    ):
        assert process.stdout is not None
        path = shutil.which(browser)
        started = playwright.chromium.launch(
            executable_path=path,
            # Where there is no graphics card, imitating one takes longer than drawing without.
            args=["--no-sandbox", "--disable-gpu"],
        )
        try:
            yield Demo(started, process.stdout)
        finally:
            started.close()
            process.terminate()


def first_paint_in_the_browser(demo: Demo, times: Times, rounds: int) -> dict[str, Any]:
    """From the server's answer to the first card, in a new window each time. Returns an answer."""
    for _ in range(rounds):
        with demo.page(WATCH_FIRST_CARD) as page:
            with page.expect_response(
                lambda r: "summarize_hot_leads" in (r.request.post_data or ""), timeout=TIMEOUT_MS
            ) as answer:
                demo.open(page)
            page.wait_for_selector("html[data-painted]")
            took = page.evaluate("document.documentElement.dataset.painted - window.answeredAt")
            times.of["from the answer to the first painted card, in the browser"].append(took)
            text = answer.value.text()
    # The answer may be an event of a stream.
    found: dict[str, Any] = json.loads(text[text.index("{") :])["result"]
    return found


def first_paint_in_a_chat(demo: Demo, times: Times, rounds: int, result: dict[str, Any]) -> None:
    """From the result to the first card, with and without loading the page into its frame."""
    for _ in range(rounds):
        with demo.page(WATCH_FIRST_CARD) as page:
            fulfil(page, "http://host.test/", HOST)
            fulfil(page, "http://board.test/", read_board())
            page.goto("http://host.test/")
            page.evaluate("result => window.show(result)", result)
            root = page.frame_locator("iframe").locator("html[data-painted]")
            painted = float(root.get_attribute("data-painted") or "nan")
            for what, since in {
                "from the result to the first painted card, in a chat": "sentAt",
                "the same, with loading the page into its frame": "openedAt",
            }.items():
                times.of[what].append(painted - page.evaluate(f"window.{since}"))


def fulfil(page: Page, url: str, html: str) -> None:
    """Let the address answer with this page."""
    page.route(url, lambda route: route.fulfill(body=html, content_type="text/html"))


class Person:
    """Uses the board as a person does, and measures each interaction."""

    def __init__(self, page: Page, times: Times) -> None:
        self.page = page
        self._times = times

    def does(self, what: str, act: Callable[[], object]) -> None:
        """Do it, wait until all is shown, and note how long it took."""
        self.page.wait_for_timeout(QUIET_MS)
        act()
        shown = self.page.evaluate("() => window.allShown")
        self.page.wait_for_timeout(QUIET_MS)  # the browser reports a paint a little later
        painted = self.page.evaluate("window.nextPaint")
        self._times.of[f"{what}, until the next paint"].append(painted)
        self._times.of[f"{what}, until all is shown"].append(shown)

    def goes_to(self, view: str) -> None:
        """Open a view by its button."""
        views = self.page.get_by_role("navigation")
        views.get_by_role("button", name=view, exact=True).click()


def use(person: Person, words: str) -> None:
    """Do everything that a person often does with the board."""
    page, does, keys = person.page, person.does, person.page.keyboard
    for view in VIEWS:
        does("a click that opens a view", partial(person.goes_to, view))
    person.goes_to("People")
    total = load_all_leads(page)
    for key in ("Home", "PageDown", "ArrowDown", "End", "PageUp", "ArrowUp"):
        does(f"a key in a list of {total} leads", partial(keys.press, key))
    does("a click that opens a lead", page.locator(".virtual .active .row").click)
    transcript = page.get_by_role("button", name="Read it").first
    does("a click that opens a transcript", transcript.click)
    does("a click on Back", page.get_by_role("button", name="Back").click)
    sort = page.get_by_label("Sorted by")
    for order in ("-value", "name", "score"):
        does("sorting all leads", partial(sort.select_option, order))
    page.get_by_label("Has the words").click()
    for key in words[:-1]:
        does("a key of the words of a search", partial(keys.press, key))
    does("a search of all leads", partial(ends_a_search, page, words[-1]))
    person.goes_to("Pipeline")
    number = page.get_by_role("button", name=re.compile("^Leads in")).first
    does("a click from a number to its rows", number.click)
    person.goes_to("Trend")
    page.locator(".column").last.focus()
    for key in ("ArrowLeft", "Home", "End"):
        does("a key in the chart", partial(keys.press, key))
    does("a click that shows other days", page.get_by_role("button", name="90 days").click)


def ends_a_search(page: Page, letter: str) -> None:
    """Type the last letter, and Enter right after it: nothing was searched for meanwhile."""
    page.keyboard.press(letter)
    page.keyboard.press("Enter")


def load_all_leads(page: Page) -> int:
    """Scroll to the end of the list, and return how many leads it has."""
    expect(page.locator(".virtual .row").first).to_be_visible()
    total = int(re.sub(r"\D", "", page.locator(".totals strong").inner_text()))
    assert total >= MIN_LEADS, total
    last = page.locator(f'.virtual [aria-posinset="{total}"]')
    while not last.count():
        page.locator(".virtual").evaluate("list => { list.scrollTop = list.scrollHeight }")
        page.wait_for_timeout(50)
    last.locator(".row").focus()
    return total


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--browser", default="chromium")
    options = parser.parse_args(arguments)
    expect.set_options(timeout=TIMEOUT_MS)
    times = Times()
    with demo(options.browser) as found:
        report("First paints …")
        result = first_paint_in_the_browser(found, times, options.rounds)
        first_paint_in_a_chat(found, times, options.rounds, result)
        with found.page(WATCH_EVENTS) as page:
            found.open(page)
            expect(page.locator(".skeleton, .freshness.partial")).to_have_count(0)
            person = Person(page, times)
            for number in range(options.rounds):
                report(f"Using the board, {number + 1} of {options.rounds} …")
                use(person, WORDS[number % len(WORDS)])
    print(times)


if __name__ == "__main__":
    main()
