"""`/board`: the page needs no token, what it shows does. A link of the command works once."""

import base64
import hashlib
import re
from collections.abc import Iterator

import httpx
import pytest

from convocore_mcp.board.board_file import BOARD_FILE
from tests.board.board_process import BoardProcess, run_board
from tests.web.web_server import (
    TOKEN,
    RunningServer,
    bearer,
    initialize_request,
    modern_request,
)


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BoardProcess]:
    with run_board(tmp_path_factory.mktemp("board"), CONVOCORE_MCP_TOKENS=TOKEN) as process:
        yield process


def test_the_page_is_served_without_a_token_and_its_data_is_not(
    token_server: RunningServer,
) -> None:
    """Promised by docs/board.md, "Who may see it"."""
    page = httpx.get(f"{token_server.url}/board", trust_env=False)
    headers, body = modern_request("tools/call", name="conversation_stats", arguments={})
    refused = httpx.post(f"{token_server.url}/mcp", headers=headers, json=body, trust_env=False)

    assert page.status_code == 200
    assert page.text == BOARD_FILE.read_text()
    assert refused.status_code == 401


def test_the_page_is_strict_about_what_runs_and_who_may_frame_it(
    token_server: RunningServer,
) -> None:
    """Promised by docs/board.md, "Who may see it"."""
    page = httpx.get(f"{token_server.url}/board", trust_env=False)
    policy = dict(
        part.strip().partition(" ")[::2]
        for part in page.headers["content-security-policy"].split(";")
    )

    assert policy["default-src"] == "'none'"
    assert policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["require-trusted-types-for"] == "'script'"
    for directive, element in (("script-src", "script"), ("style-src", "style")):
        (content,) = re.findall(rf"<{element}[^>]*>(.*?)</{element}>", page.text, re.S)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert policy[directive] == f"'sha256-{digest}'"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["x-content-type-options"] == "nosniff"


def test_the_page_is_for_this_host_only(token_server: RunningServer) -> None:
    """Promised by docs/operations.md, "HTTP": it is open, but `Host` is checked all the same."""
    headers = {"Host": "evil.example"}
    page = httpx.get(f"{token_server.url}/board", headers=headers, trust_env=False)

    assert page.status_code == 421


def test_a_link_gives_a_token_once(board: BoardProcess) -> None:
    """Promised by docs/board.md, "Who may see it"."""
    url, secret = board.link().split("/board#")

    first = httpx.post(f"{url}/board/session", headers=bearer(secret), trust_env=False)
    second = httpx.post(f"{url}/board/session", headers=bearer(secret), trust_env=False)

    assert (first.status_code, second.status_code) == (200, 401)
    headers, body = initialize_request()
    for token, status in ((first.json()["token"], 200), (secret, 401), (TOKEN, 401)):
        answer = httpx.post(
            f"{url}/mcp", headers=headers | bearer(token), json=body, trust_env=False
        )
        assert answer.status_code == status
    assert board.link() != f"{url}/board#{secret}"


def test_a_wrong_guess_does_not_use_a_link_up(board: BoardProcess) -> None:
    """Ours: else anybody on the machine could lock the reader out."""
    url, secret = board.link().split("/board#")
    for guess in ("wrong", "ü"):
        headers = {b"Authorization": f"Bearer {guess}".encode()}
        answer = httpx.post(f"{url}/board/session", headers=headers, trust_env=False)
        assert answer.status_code == 401

    answer = httpx.post(f"{url}/board/session", headers=bearer(secret), trust_env=False)

    assert answer.status_code == 200


def test_the_board_listens_on_this_machine_only(board: BoardProcess) -> None:
    """Promised by docs/board.md, "In a browser"."""
    assert board.link().startswith("http://127.0.0.1:")
