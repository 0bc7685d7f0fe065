"""The board in Chromium: what each interaction costs the page's main thread until the next paint.

    python benchmarks/board.py [--size 1700] [--browser chromium]

`convocore-mcp board` shows a mirror of more than 1,000 leads, and a person's clicks, keys and
scrolling are played. A trace of the browser says how much CPU time the main thread took from the
event to the end of the first paint after it, and for its longest task until all was shown: on a
busy machine, CPU time is what the page is answerable for. Prints a table, and fails if nothing is
painted after an event. Needs the extra `test`.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect, sync_playwright

from convocore_mcp.sandbox import Sandbox, serving

CATEGORIES = ["toplevel", "devtools.timeline", "disabled-by-default-devtools.timeline"]
VIEWS = ("Hot", "Pipeline", "Waiting", "Trend", "Changes", "People", "Overview")
SETTLED_MS = 600
CHANGE_SEEN_MS = 4000
Event = dict[str, Any]
Thread = tuple[int, int]
"""A process and a thread of it."""


@dataclass(frozen=True)
class Cost:
    """Milliseconds of the main thread's CPU time."""

    to_paint: float | None
    """None where nobody touched the page."""
    longest_task: float


def cost(trace: bytes, kind: str | None) -> Cost:
    """What the trace says of the first event of that kind, or without one of the busiest page.

    Raises:
        ValueError: there is no such event, or no paint after it.
    """
    events: list[Event] = json.loads(trace)["traceEvents"]
    mains = {_thread(e) for e in events if _is_main(e)}
    tasks = [e for e in events if e["name"] == "RunTask" and _thread(e) in mains]
    if kind is None:
        return Cost(None, max(map(_cpu, tasks)))
    inputs = [e for e in events if e["name"] == "EventDispatch" and _thread(e) in mains]
    first = min((e for e in inputs if e["args"]["data"]["type"] == kind), key=_begin)
    after = [e for e in tasks if _thread(e) == _thread(first) and _end(e) >= _begin(first)]
    paints = [e for e in events if e["name"] == "Paint" and _thread(e) == _thread(first)]
    paint = min(_end(e) for e in paints if _begin(e) >= _begin(first))
    return Cost(sum(_cpu(e) for e in after if _begin(e) <= paint), max(map(_cpu, after)))


def _begin(event: Event) -> float:
    return float(event["ts"])


def _end(event: Event) -> float:
    return float(event["ts"]) + float(event.get("dur", 0))


def _is_main(event: Event) -> bool:
    return bool(event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain")


def _thread(event: Event) -> Thread:
    return event["pid"], event["tid"]


def _cpu(event: Event) -> float:
    """Milliseconds; a task that is not over has none."""
    return float(event.get("tdur", 0)) / 1000


class Person:
    """Somebody at the board, whose interactions are measured one by one."""

    def __init__(self, browser: Browser, page: Page) -> None:
        self.costs: dict[str, Cost] = {}
        self.page = page
        self._browser = browser

    def does(
        self,
        what: str,
        act: Callable[[], object],
        kind: str | None = "click",
        rests: int = SETTLED_MS,
    ) -> None:
        """Do it, wait until all is shown, and note what it cost."""
        self._browser.start_tracing(page=self.page, categories=CATEGORIES)
        act()
        expect(self.page.locator(".skeleton")).to_have_count(0)
        self.page.wait_for_timeout(rests)
        self.costs[what] = cost(self._browser.stop_tracing(), kind)

    def goes_to(self, view: str) -> None:
        """Open a view, and wait until all is shown."""
        views = self.page.get_by_role("navigation")
        views.get_by_role("button", name=view, exact=True).click()
        expect(self.page.locator(".skeleton")).to_have_count(0)


def play(person: Person, sandbox: Sandbox) -> None:
    """Everything that somebody can do on the board."""
    page, does = person.page, person.does
    for time_of in ("first", "again"):
        for view in VIEWS:
            does(f"open {view}, {time_of}", partial(person.goes_to, view))
    play_the_list(person)
    person.goes_to("Pipeline")
    does(
        "from a number to its leads",
        page.get_by_role("button", name=re.compile("^Leads in")).first.click,
    )
    page.get_by_label("Name, email or phone").click()
    for letter in "smi":
        does(f"type {letter} into the search", partial(page.keyboard.press, letter), "keydown")
    does("find a person", partial(page.keyboard.press, "Enter"), "keydown")
    person.goes_to("Hot")
    page.wait_for_timeout(SETTLED_MS)
    does("open a person from a card", page.locator(".card .name").first.click)
    does("back to the cards", page.get_by_role("button", name="Back").click)
    for view in VIEWS:
        person.goes_to(view)
        page.wait_for_timeout(SETTLED_MS)
        does(f"dark, on {view}", partial(page.emulate_media, color_scheme="dark"), None)
        page.emulate_media(color_scheme="light")
        row = next(
            r for r in sandbox.rows() if r.get("state") == "ai-chatting" and r.get("userName")
        )
        change = {"state": "requested_chat", "lastMessage": "Somebody there?"}
        does(
            f"a live change, on {view}",
            partial(sandbox.touch, row["ID"], **change),
            None,
            CHANGE_SEEN_MS,
        )


def play_the_list(person: Person) -> None:
    """All leads: sorted, read to the end, scrolled, searched."""
    page, does = person.page, person.does
    person.goes_to("People")
    sort = page.get_by_label("Sorted by")
    for order in (
        *sort.locator("option").evaluate_all("all => all.map(one => one.value)"),
        "score",
    ):
        does(f"sort by {order}", partial(sort.select_option, order), "change")
    rows = page.locator(".virtual")
    total = int(page.locator(".totals strong").inner_text().split()[0].replace(",", ""))
    while int(page.locator(".virtual > li").last.get_attribute("aria-posinset") or 0) < total:
        rows.evaluate("list => { list.scrollTop = list.scrollHeight }")
        page.wait_for_timeout(50)
    print(f"{total} leads", file=sys.stderr)
    rows.hover()
    for step in (-900, -9000, 900):
        does(f"scroll by {step} pixels", partial(page.mouse.wheel, 0, step), "scroll")
    page.locator(".virtual .row").first.focus()
    for key in ("Home", "PageDown", "End", "ArrowUp"):
        does(f"{key} in the list", partial(page.keyboard.press, key), "keydown")
    does("open a person from the list", page.locator(".virtual .active .row").click)
    read = page.get_by_role("button", name="Read it")
    if read.count():
        does("read a transcript", read.first.click)
    does("back to the list", page.get_by_role("button", name="Back").click)
    page.get_by_label("Has the words").click()
    for letter in "dem":
        does(f"type {letter} into the words", partial(page.keyboard.press, letter), "keydown")
    does("search for words", partial(page.keyboard.press, "Enter"), "keydown")


@contextmanager
def board(sandbox: Sandbox) -> Iterator[str]:
    """A link to the board of the sandbox's data."""
    with serving(sandbox) as url, tempfile.TemporaryDirectory() as home:
        settings = {
            "CONVOCORE_API_KEY": sandbox.key,
            "CONVOCORE_AGENT_ID": sandbox.agent_id,
            "CONVOCORE_BASE_URL": url,
            "CONVOCORE_STORE": "memory",
            "CONVOCORE_INCREMENTAL_SYNC_SECONDS": "1",
        }
        output = Path(home) / "stdout"
        with output.open("wb") as stdout:
            command = [sys.executable, "-u", "-m", "convocore_mcp", "board", "--no-open"]
            process = subprocess.Popen(
                command, stdout=stdout, env={**os.environ, **settings, "HOME": home}
            )
        try:
            while not (found := re.search(r"http://\S+", output.read_text())):
                assert process.poll() is None
                time.sleep(0.1)
            yield found[0]
        finally:
            process.terminate()
            process.wait()


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--size", type=int, default=1700, help="conversations")
    parser.add_argument("--browser", default="/usr/bin/chromium")
    options = parser.parse_args()
    expect.set_options(timeout=60_000)
    sandbox = Sandbox(size=options.size, export=True)
    with board(sandbox) as link, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.browser, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(link)
        expect(page.locator(".card").first).to_be_visible()
        expect(page.locator(".skeleton, .freshness.partial")).to_have_count(0)
        person = Person(browser, page)
        play(person, sandbox)
        browser.close()
    print("| interaction | CPU to the next paint | longest task |\n|---|---|---|")
    for what, took in person.costs.items():
        to_paint = "" if took.to_paint is None else f"{took.to_paint:.0f} ms"
        print(f"| {what} | {to_paint} | {took.longest_task:.0f} ms |")


if __name__ == "__main__":
    main()
