"""Texts without what nobody sees: control characters, escapes, marks of direction, hidden ones.

They come along with pasted names, or hide a message from people in a text that a model reads.
Texts lose them when they are read and again on the way out (`server.sanitize`), by the same rules:
what an answer shows must be what a filter finds.
"""

import re

from convocore_mcp.words.sequences import CONDITIONAL, without_invalid_sequences

LINE_END = re.compile("\r\n?|[\u2028\u2029\x85]")
_ESCAPING = "\x07\x1b\x90\x98\x9b\x9c\x9d\x9e\x9f"
"""Characters that terminal escapes begin and end with; the text between them is removed too."""
_INVISIBLE = (
    "\0-\x06\x08\x0b-\x1a\x1c-\x1f\x7f-\x8f\x91-\x97\x99\x9a\u00ad\u034f\u061c\u115f\u1160"
    "\u17b4\u17b5\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufeff\uffa0"
    "\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e001f"
    "\U000e0080-\U000e00ff\U000e01f0-\U000e0fff"
)
"""Categories Cc and Cs, `Default_Ignorable_Code_Point`, annotations; not what is decided about."""
_ALWAYS_HIDDEN = re.compile(f"[{_INVISIBLE}]")
_PERHAPS_HIDDEN = re.compile(f"[{_INVISIBLE}{_ESCAPING}\x85\u2028\u2029{CONDITIONAL.pattern[1:]}")
_ANSI = r"""(?x)(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]        # control sequences
      | (?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?  # strings
      | \x1b[ -/]*[0-~]                         # everything else that ESC begins"""
_ESCAPE = re.compile(f"[{_ESCAPING}]")


def visible(text: str) -> str:
    """`text` without hidden characters and outer blanks."""
    if text.isprintable() and text.isascii():  # the usual case, and faster
        return text.strip()
    return without_hidden(text).strip()


def without_hidden(text: str) -> str:
    """`text` without terminal escapes and without characters that have no glyph of their own.

    Line ends become line feeds.
    """
    if _PERHAPS_HIDDEN.search(text) is None:
        return text
    # Hidden characters go first: between ESC and `[` they would hide a terminal escape.
    text = without_invalid_sequences(_ALWAYS_HIDDEN.sub("", LINE_END.sub("\n", text)))
    while (shorter := without_invalid_sequences(re.sub(_ANSI, "", text))) != text:
        text = shorter  # one escape may have stood inside another
    return _ESCAPE.sub("", text)
