"""The board is for everybody: axe-core finds no violation, in either theme, at any width."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.board.board_process import BoardProcess
from tests.board.conftest import go

pytestmark = pytest.mark.browser

DARK = ("Overview", "Pipeline", "Changes", "a lead", "the token")
"""Views that together have every colour."""
VIEWS = ("Overview", "Hot", "Pipeline", "Waiting", "Trend", "Changes", "People")

ALIKE = "data-alike"
MARK_ALIKE = """name => {
    for (const list of document.querySelectorAll('ol, ul, tbody')) {
        const known = new Set();
        for (const item of list.children) {
            const parts = [item, ...item.querySelectorAll('*')].map(part => [
                part.localName, part.getAttribute('class'), part.getAttribute('role'),
                part.disabled, part.tabIndex, part.getAttribute('aria-expanded'),
            ].join());
            const adds = parts.some(part => !known.has(part));
            item.toggleAttribute(name, !adds);
            parts.forEach(part => known.add(part));
        }
    }
}"""
"""Marks each item of a list that has no kind of element which the items before it have not."""
LOOKED_AT = {"exclude": [[f"[{ALIKE}]"]]}
"""All kinds of elements of the page: each item of a list that adds one, and not those like it."""
CUT_OFF = """() => {
    const right = document.querySelector('nav').getBoundingClientRect().right;
    return [...document.querySelectorAll('.figure, nav button')].filter(part =>
        part.scrollWidth > part.clientWidth || part.getBoundingClientRect().right > right
    ).map(part => part.textContent);
}"""
"""Figures that are wider than their box, and what sticks out of the line of the views."""

ANIMATED = """() => [...document.styleSheets].flatMap(sheet => [...sheet.cssRules])
    .filter(rule => rule instanceof CSSKeyframesRule)
    .flatMap(rule => [...rule.cssRules].flatMap(frame => [...frame.style]))"""


@pytest.fixture
def axe(tools: Path) -> str:
    return (tools / "node_modules" / "axe-core" / "axe.min.js").read_text()


def violations(page: Page, axe: str, rules: dict[str, Any] | None = None) -> list[str]:
    """What is wrong with the page, each with the first element that it is wrong with."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe)
    page.evaluate(MARK_ALIKE, ALIKE)
    options = {"resultTypes": ["violations"], "preload": False} | (
        {"runOnly": rules} if rules else {}
    )
    arguments = [LOOKED_AT, options]
    found = page.evaluate("([context, options]) => axe.run(context, options)", arguments)
    return [f"{wrong['id']}: {wrong['nodes'][0]['html'][:200]}" for wrong in found["violations"]]


def violations_in_both_themes(page: Page, axe: str, view: str) -> dict[str, list[str]]:
    """What is wrong with the view; in dark, with its contrast, which is what differs there."""
    page.emulate_media(reduced_motion="reduce", color_scheme="light")
    wrong = {view: violations(page, axe)}
    if view in DARK:
        page.emulate_media(color_scheme="dark")
        contrast = {"type": "rule", "values": ["color-contrast"]}
        wrong[f"{view}, dark"] = violations(page, axe, contrast)
        page.emulate_media(color_scheme="light")
    return {view: found for view, found in wrong.items() if found}


def test_no_view_has_a_violation_in_either_theme(opened: Page, axe: str) -> None:
    """Promised by docs/board.md, "For everybody"."""
    wrong: dict[str, list[str]] = {}
    for view in VIEWS:
        go(opened, view)
        if view == "Trend":
            opened.get_by_text("As a table").click()
        wrong |= violations_in_both_themes(opened, axe, view)
    opened.locator(".virtual .row").first.click()
    expect(opened.get_by_role("heading", name="Next steps")).to_be_visible()
    wrong |= violations_in_both_themes(opened, axe, "a lead")

    assert wrong == {}


def test_the_form_for_a_token_has_no_violation_in_either_theme(
    page: Page, board: BoardProcess, axe: str
) -> None:
    """Promised by docs/board.md, "For everybody"."""
    page.goto(board.link().partition("#")[0])
    expect(page.get_by_label("Token or link")).to_be_visible()

    assert violations_in_both_themes(page, axe, "the token") == {}


def test_nothing_sticks_out_at_any_width(opened: Page) -> None:
    """Promised by docs/board.md, "For everybody"."""
    for view in VIEWS:
        go(opened, view)
        for width in (320, 768, 900, 1600):
            opened.set_viewport_size({"width": width, "height": 900})
            assert opened.evaluate("document.documentElement.scrollWidth") <= width, (view, width)
            assert opened.evaluate(CUT_OFF) == [], (view, width)


def test_on_a_narrow_screen_a_table_needs_no_scrolling_and_stays_a_table(opened: Page) -> None:
    """Promised by docs/board.md, "For everybody"."""
    opened.set_viewport_size({"width": 320, "height": 900})
    go(opened, "Pipeline")
    table = opened.get_by_role("table")
    heads = ["Stage", "Leads", "Hot", "Worth, by currency", "Waiting", "Overdue"]

    assert opened.locator(".table-box").evaluate("box => box.scrollWidth <= box.clientWidth")
    assert table.get_by_role("columnheader").all_inner_texts() == heads
    row = table.get_by_role("row").filter(has=opened.get_by_role("rowheader", name="Won"))
    cells = row.get_by_role("cell")
    assert [cell.get_attribute("data-head") for cell in cells.all()] == heads[1:]


def test_no_colour_of_a_theme_is_animated(opened: Page) -> None:
    """Promised by docs/board.md, "For everybody": after a change of the theme, it would go on."""
    assert set(opened.evaluate(ANIMATED)) <= {"opacity", "transform"}


def test_nothing_moves_for_a_reader_who_wants_no_motion(opened: Page) -> None:
    """Promised by docs/board.md, "For everybody"."""
    opened.emulate_media(reduced_motion="reduce")
    go(opened, "Changes")

    assert opened.evaluate("document.getAnimations().length") == 0
