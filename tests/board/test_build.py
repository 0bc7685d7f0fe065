"""The page in the wheel is the one that its sources build; it is small and self-contained."""

import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from convocore_mcp.board.board_file import BOARD_FILE
from tests.node import NODE, NPM, run
from tests.pages.documented import documented

BOARD_FOLDER = BOARD_FILE.parent
SOURCES = sorted(path for path in (BOARD_FOLDER / "source").rglob("*") if path.is_file())
SCRIPTS = [path for path in SOURCES if path.suffix in {".ts", ".tsx"}]
MAX_PAGE_BYTES = 150_000
MAX_MODULE_LINES, MAX_FOLDER_MODULES = 300, 12
MARKUP = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|dangerouslySetInnerHTML|srcdoc"
    r"|\beval\(|new Function|DOMParser|createContextualFragment"
)
"""What would make markup or a program out of a text."""
STORAGE = re.compile(r"localStorage|sessionStorage|indexedDB|document\.cookie|caches\.")


def test_the_page_is_what_its_sources_build(tools: Path, tmp_path: Path) -> None:
    """Promised by docs/board.md, "Changing it"."""
    built = tmp_path / "board.html"
    command = documented("npm ci && npm run build")  # the fixture has run the first half
    run([NODE, NPM, *command.partition(" && npm ")[2].split(), built], cwd=tools)

    hint = f"run `{command}` in convocore_mcp/board, and commit board.html"
    assert built.read_text() == BOARD_FILE.read_text(), hint


def test_the_types_of_the_sources_hold(tools: Path) -> None:
    """Promised by docs/board.md, "Changing it"."""
    run([NODE, NPM, *documented("npm run check").split()[1:]], cwd=tools)


def test_the_page_is_small_and_asks_no_other_place() -> None:
    """Promised by docs/board.md, "What the page may do"."""
    page = BOARD_FILE.read_text()

    assert len(page.encode()) <= MAX_PAGE_BYTES
    loading = re.findall(r"<(?:script|link|img|iframe)[^>]*(?:src|href)=[\"'](?!data:)[^>]*>", page)
    assert loading == []
    assert "@import" not in page
    assert not re.search(r"url\(", page)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_sources_make_no_markup_of_texts_and_store_nothing(path: Path) -> None:
    """Promised by docs/board.md, "What the page may do"."""
    text = path.read_text()

    assert MARKUP.findall(text) == []
    assert STORAGE.findall(text) == []
    assert text.startswith("// ")
    assert len(text.splitlines()) <= MAX_MODULE_LINES


def test_a_folder_of_sources_holds_at_most_a_dozen_modules() -> None:
    """Promised by docs/architecture.md, "Code style"."""
    sizes = Counter(path.parent.name for path in SCRIPTS)

    assert {name: size for name, size in sizes.items() if size > MAX_FOLDER_MODULES} == {}


def test_the_lock_file_names_no_registry() -> None:
    """Ours: everybody who builds the page takes the packages from their own registry."""
    assert '"resolved"' not in (BOARD_FOLDER / "package-lock.json").read_text()


def test_the_wheel_holds_the_page_and_not_its_sources() -> None:
    """Promised by docs/board.md, "Changing it"."""
    project = tomllib.loads((BOARD_FOLDER.parents[1] / "pyproject.toml").read_text())
    excluded = project["tool"]["hatch"]["build"]["targets"]["wheel"]["exclude"]

    assert "convocore_mcp/board/source" in excluded
    assert "convocore_mcp/board/board.html" not in excluded
