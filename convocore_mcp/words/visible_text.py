"""Texts without what nobody sees: marks of direction, blanks without width, tags, control signs.

They come along with pasted names, numbers and tags. Answers leave them out
(`server.sanitize`), so what an answer shows must be what a filter finds.
"""

import re

# The joiners U+200C and U+200D stay: they shape letters and emoji. Comparing ignores them.
_UNSEEN = re.compile(
    "[\0-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u061c\u115f\u1160\u180e\u200b\u200e\u200f"
    "\u202a-\u202e\u2060-\u206f\u2800\u3164\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]"
)


def visible(text: str) -> str:
    """`text` without invisible signs and outer blanks."""
    if text.isprintable() and text.isascii():  # the usual case, and faster
        return text.strip()
    return _UNSEEN.sub("", text).strip()
