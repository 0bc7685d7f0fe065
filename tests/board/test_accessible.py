"""The board is for everybody: axe-core finds no violation, in either theme, at any width."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.board.board_process import BoardProcess

pytestmark = pytest.mark.browser

DARK = ("Overview", "Pipeline", "Changes", "a lead", "the token")
"""Views that together have every colour."""
VIEWS = ("Overview", "Hot", "Pipeline", "Waiting", "Trend", "Changes", "People")


CUT_OFF = """width => [...document.querySelectorAll('.figure, nav button')].filter(part =>
    part.scrollWidth > part.clientWidth || part.getBoundingClientRect().right > width
).map(part => part.textContent)"""
"""Figures that are wider than their box, and ways to views that nobody sees."""


@pytest.fixture
def axe(tools: Path) -> str:
    return (tools / "node_modules" / "axe-core" / "axe.min.js").read_text()


def violations(page: Page, axe: str, rules: dict[str, Any] | None = None) -> list[str]:
    """What is wrong with the page, each with the first element that it is wrong with."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe)
    options = {"resultTypes": ["violations"]} | ({"runOnly": rules} if rules else {})
    found = page.evaluate("options => axe.run(document, options)", options)
    return [f"{wrong['id']}: {wrong['nodes'][0]['html'][:200]}" for wrong in found["violations"]]


def go(page: Page, view: str) -> None:
    page.get_by_role("navigation").get_by_role("button", name=view, exact=True).click()
    expect(page.locator(".skeleton")).to_have_count(0)


def test_no_view_has_a_violation_in_either_theme(page: Page, board: BoardProcess, axe: str) -> None:
    """Promised by docs/board.md, "For everybody"."""
    page.emulate_media(reduced_motion="reduce", color_scheme="light")
    page.goto(board.link())
    expect(page.locator(".freshness.live")).to_be_visible()
    wrong: dict[str, list[str]] = {}

    def check(view: str) -> None:
        wrong[view] = violations(page, axe)
        if view not in DARK:
            return
        page.emulate_media(color_scheme="dark")
        contrast = {"type": "rule", "values": ["color-contrast"]}
        wrong[f"{view}, dark"] = violations(page, axe, contrast)
        page.emulate_media(color_scheme="light")

    for view in VIEWS:
        go(page, view)
        check(view)
    page.locator(".virtual .row").first.click()
    expect(page.get_by_role("heading", name="Next steps")).to_be_visible()
    check("a lead")
    page.reload()
    expect(page.get_by_label("Token or link")).to_be_visible()
    check("the token")

    assert {view: found for view, found in wrong.items() if found} == {}


def test_nothing_sticks_out_at_any_width(page: Page, board: BoardProcess) -> None:
    """Promised by docs/board.md, "For everybody"."""
    page.goto(board.link())
    expect(page.locator(".card").first).to_be_visible()
    for view in VIEWS:
        go(page, view)
        for width in (320, 768, 900, 1600):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (view, width)
            assert page.evaluate(CUT_OFF, width) == [], (view, width)


def test_nothing_moves_for_a_reader_who_wants_no_motion(page: Page, board: BoardProcess) -> None:
    """Promised by docs/board.md, "For everybody"."""
    page.emulate_media(reduced_motion="reduce")
    page.goto(board.link())
    expect(page.locator(".card").first).to_be_visible()
    go(page, "Changes")

    assert page.evaluate("document.getAnimations().length") == 0
