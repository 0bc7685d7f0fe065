"""Making safe whatever leaves: the one place that every answer passes through.

Names, messages, notes, tags, even captured field names: anyone with the chat widget can write
them, and a model will read them. Here all strings of an answer lose what can't be seen (control
and format characters, terminal escapes, bidirectional overrides, zero-width and tag characters),
nothing is left that renders as an image or hides where a link leads, and each field is cut to a
length. Values stay values. What then says nothing is left out.
"""

import math
import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from itertools import islice
from typing import Any

DEFAULT_LENGTH = 300
LENGTHS = {
    "preview": 140,
    "name": 120,
    "company": 120,
    "title": 200,
    "summary": 600,
    "notes": 600,
    "wants": 240,
    "text": 200,
    "message": 600,
    "hint": 600,
}
"""Characters at most, by the field's name."""
EXACT = frozenset({"id", "lead_id", "conversation_id", "agent_id", "next_cursor", "next_uri"})
"""Fields that are sent back to us as they are: cutting them would make them somebody else's."""
LONGEST_KEY = 80
MOST_KNOWN = 10_000
"""Characters of which it is remembered whether they can be seen."""
MOST_ITEMS, DEEPEST = 200, 8
"""Bounds of free-form data (`extracted`, records); what is beyond is left out."""

# Categories: Cc control, Cf format (zero-width, bidi, tags), Cs surrogates; and the blanks that
# only look empty: fillers, joiners and variation selectors that have carried hidden messages.
_VISIBLE_FORMAT = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u08e2")
_ESCAPING = "\x07\x1b\x90\x98\x9b\x9c\x9d\x9e\x9f"
"""What terminal escapes begin and end with: removed with what stands between."""
_KEPT = _VISIBLE_FORMAT | frozenset(_ESCAPING) | frozenset("\n\t")
_FILLER = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
)
_LINE_END = re.compile("\r\n?|[\u2028\u2029\x85]")


class _Shown(dict[int, int | None]):
    """What `str.translate` makes of each character: itself, or nothing if it is hidden."""

    def __missing__(self, code: int) -> int | None:
        char = chr(code)
        hidden = unicodedata.category(char) in {"Cc", "Cf", "Cs"} or _FILLER.match(char)
        shown = None if hidden and char not in _KEPT else code
        if len(self) < MOST_KNOWN:
            self[code] = shown
        return shown


_SHOWN = _Shown()
_ANSI = re.compile(
    r"""(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]        # control sequences
      | (?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?  # strings
      | \x1b[ -/]*[0-~]                         # everything else that ESC begins""",
    re.VERBOSE,
)
_SUSPICIOUS = re.compile(r"[^ -;=-Z\\^-~]")
"""Anything but plain text; `<`, `[` and `]` are the gaps between the ranges."""
_ESCAPE = re.compile(f"[{_ESCAPING}]")
_IMAGE = re.compile(r"!+\[")
_TAG = re.compile(r"<(?=[a-zA-Z/!?])")


def sanitize(answer: Any, *, length: int | None = None) -> Any:
    """`answer`, safe and without what is unknown: `None`, and text in which nothing is left.

    `length` bounds every field, instead of the bound that goes with its name.
    """
    return _sanitize(answer, "", 0, length)


def _sanitize(value: Any, name: str, depth: int, length: int | None) -> Any:
    if isinstance(value, str):
        most = None if name in EXACT else length or LENGTHS.get(name, DEFAULT_LENGTH)
        return sanitize_text(value, most) or None
    if value is None or isinstance(value, int | float):
        # JSON has no word for what is not a number.
        return None if isinstance(value, float) and not math.isfinite(value) else value
    if depth >= DEEPEST:
        return None
    if isinstance(value, Mapping):
        return _sanitize_mapping(value, depth, length)
    if isinstance(value, list | tuple):
        cleaned = (_sanitize(item, name, depth + 1, length) for item in value[:MOST_ITEMS])
        return [item for item in cleaned if item is not None]
    return value


def _sanitize_mapping(value: Mapping[Any, Any], depth: int, length: int | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, item in islice(value.items(), MOST_ITEMS):
        name = _short_key(key) if len(key := str(key)) <= LONGEST_KEY else _key(key)
        cleaned = _sanitize(item, name, depth + 1, length)
        if cleaned is None:
            continue
        if name in found and _countable(found[name]) and _countable(cleaned):
            found[name] += cleaned  # two keys that differ in nothing visible are one
        else:
            found.setdefault(name, cleaned)
    return found


def _key(key: str) -> str:
    return sanitize_text(key, LONGEST_KEY) or "?"


_short_key = lru_cache(1000)(_key)  # most are our own, the same in every row


def _countable(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def sanitize_text(text: str, length: int | None = DEFAULT_LENGTH) -> str:
    """`text` with nothing hidden in it, at most `length` characters, cut at a word with `…`."""
    if _SUSPICIOUS.search(text):
        text = _visible(text)
    text = text.strip()
    return text if length is None or len(text) <= length else _cut(text, length)


def _visible(text: str) -> str:
    if not text.isprintable() or _FILLER.search(text):
        text = _without_hidden(text)
    text = unicodedata.normalize("NFC", text)
    # A link or image needs its brackets to touch: `[text] (url)` shows both, and is neither.
    if "[" in text or "]" in text:
        text = _IMAGE.sub("[", text)
        text = text.replace("](", "] (").replace("][", "] [").replace("]:", "] :")
    return re.sub(r"\n{3,}", "\n\n", _TAG.sub("\u2039", text))


def _without_hidden(text: str) -> str:
    text = _LINE_END.sub("\n", text)
    # What can't be seen goes first: between ESC and `[` it would hide a terminal escape.
    text = text.translate(_SHOWN)
    while (bare := _ANSI.sub("", text)) != text:
        text = bare  # one escape may have stood inside another
    return _ESCAPE.sub("", text)


def _cut(text: str, length: int) -> str:
    kept = text[: length - 1]
    blank = max(kept.rfind(" "), kept.rfind("\n"))
    if blank >= length // 2 and not text[length - 1].isspace():
        kept = kept[:blank]
    # An accent or half a flag must not be separated from what it belongs to.
    while kept and unicodedata.combining(text[len(kept)]):
        kept = kept[:-1]
    return kept.rstrip() + "…"
