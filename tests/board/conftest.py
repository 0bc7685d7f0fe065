"""A browser, the page's tools out of npm, and a server whose data the tests change."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from convocore_mcp.board.board_file import BOARD_FILE
from convocore_mcp.sandbox import Sandbox, serving
from tests.board.board_process import BoardProcess, run_board
from tests.node import NODE, npm_folder, run

HERE = Path(__file__).parent
BOARD_FOLDER = BOARD_FILE.parent
BROWSER_OPTIONS = (
    "--no-sandbox",  # as root, as in most containers, Chromium starts only without its own
    # Where there is no graphics card, imitating one takes longer than drawing without.
    "--disable-gpu",
    # One process for all tabs and frames: starting another for each takes longer than most tests.
    "--renderer-process-limit=1",
    "--disable-site-isolation-trials",
)
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
expect.set_options(timeout=60_000)  # milliseconds: generous, for a busy machine


@pytest.fixture(scope="session")
def tools(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The board's sources with the packages of its lock file, and the page of the tests' host."""
    names = ("package.json", "package-lock.json", ".npmrc", "build.mjs", "tsconfig.json", "source")
    files = [*(BOARD_FOLDER / name for name in names), HERE / "host.ts"]
    return npm_folder(tmp_path_factory, worker_id, "npm-board", files, "ci")


@pytest.fixture(scope="session")
def host_script(tools: Path) -> str:
    """The script of the page that plays the chat (`host.ts`)."""
    esbuild = tools / "node_modules" / "esbuild" / "bin" / "esbuild"
    return run([NODE, esbuild, "host.ts", "--bundle", "--format=iife", "--minify"], cwd=tools)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip(f"no browser is installed; one of these would do: {', '.join(BROWSERS)}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=BROWSER_OPTIONS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """What all tabs share. The board keeps nothing in it, and a new one is half a browser."""
    with new_context(browser) as found:
        yield found


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A tab in which nothing may go wrong unseen."""
    with _watched(context.new_page()) as found:
        yield found


@pytest.fixture(scope="module")
def shared_page(context: BrowserContext) -> Iterator[Page]:
    """A tab for all tests of a module: opening one takes longer than most of them."""
    with _watched(context.new_page()) as found:
        yield found


@contextmanager
def new_context(browser: Browser) -> Iterator[BrowserContext]:
    """Cookies and storage of its own, and a window."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 900},
        locale="en-GB",
        timezone_id="Europe/Berlin",
        reduced_motion="reduce",  # an animation is drawn again and again; no test waits for one
    )
    yield context
    context.close()


@contextmanager
def _watched(page: Page) -> Iterator[Page]:
    """Fails at the end if there was an error, a breach of the policy, a dialog or a request."""
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
    page.on("dialog", lambda dialog: wrong.append(f"dialog: {dialog.message}"))
    page.on(
        "console",
        lambda message: wrong.append(message.text) if "Content Security" in message.text else None,
    )
    page.on(
        "request",
        lambda request: None if _is_ours(request.url) else wrong.append(f"request: {request.url}"),
    )
    yield page
    page.close()
    assert wrong == []


def _is_ours(url: str) -> bool:
    return url.startswith(("http://127.0.0.1:", "http://host.test/", "http://board.test/", "data:"))


@pytest.fixture(scope="package")
def sandbox() -> Sandbox:
    """Conversations that the tests change."""
    return Sandbox(size=400, export=True)


@pytest.fixture(scope="package")
def base_url(sandbox: Sandbox) -> Iterator[str]:
    with serving(sandbox) as url:
        yield url


@pytest.fixture(scope="package")
def board(
    sandbox: Sandbox, base_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BoardProcess]:
    """`convocore-mcp board`, which reads the sandbox every second."""
    settings = settings_for(sandbox, base_url) | {"CONVOCORE_INCREMENTAL_SYNC_SECONDS": "1"}
    with run_board(tmp_path_factory.mktemp("board"), **settings) as process:
        yield process


@pytest.fixture(scope="module")
def board_page(shared_page: Page, board: BoardProcess) -> Page:
    """The board in the tab of the module's tests."""
    shared_page.goto(board.link())
    expect(shared_page.locator(".freshness.live")).to_be_visible()
    return shared_page


@pytest.fixture
def opened(board_page: Page) -> Page:
    """The board, with everything that the first view shows."""
    go(board_page, "Overview")
    expect(board_page.locator(".card").first).to_be_visible()
    return board_page


def go(page: Page, view: str) -> None:
    """Go to a view, and wait for what it shows."""
    page.get_by_role("navigation").get_by_role("button", name=view, exact=True).click()
    expect(page.locator(".skeleton")).to_have_count(0)


def settings_for(sandbox: Sandbox, base_url: str) -> dict[str, str]:
    return {
        "CONVOCORE_API_KEY": sandbox.key,
        "CONVOCORE_AGENT_ID": sandbox.agent_id,
        "CONVOCORE_BASE_URL": base_url,
        "CONVOCORE_STORE": "memory",
        "CONVOCORE_TIMEZONE": "Europe/Berlin",
    }
