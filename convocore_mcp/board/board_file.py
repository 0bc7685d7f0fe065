"""The built page, and the Content-Security-Policy that it is served with."""

import html
import re
from functools import cache
from pathlib import Path

BOARD_FILE = Path(__file__).with_name("board.html")
_POLICY = re.compile(r'http-equiv="Content-Security-Policy" content="([^"]+)"')
HEADERS_ALONE = (
    "frame-ancestors 'none'",  # nobody may put the page into their own and have it clicked
    "require-trusted-types-for 'script'",  # what would make text into markup fails instead
    "trusted-types 'none'",
)
"""What a browser accepts in a header only, or what a host's own scripts may need otherwise."""


@cache
def read_board() -> str:
    """The page. It holds no data: it asks for them, with the viewer's token."""
    return BOARD_FILE.read_text(encoding="utf-8")


def content_security_policy() -> str:
    """The page's own policy, with what only a header can say."""
    found = _POLICY.search(read_board())
    assert found is not None, "the build writes a policy"  # noqa: S101
    return "; ".join((html.unescape(found[1]), *HEADERS_ALONE))
