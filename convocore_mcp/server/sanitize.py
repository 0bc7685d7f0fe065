"""Makes every answer safe to read: the one place that all text passes through on its way out.

Anyone with the chat widget can write names, messages, notes, tags and even the names of captured
fields, and a model will read them. Here all strings of an answer lose what can't be seen (control
and format characters, terminal escapes, bidirectional overrides, zero-width and tag characters) and
what renders as an image or hides where a link leads, and each field is cut to a length. Numbers and
flags stay as they are. Views become plain objects, without the fields that are `None` or empty.
"""

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

JsonObject = dict[str, Any]
"""A JSON object, sanitized or still as it was received."""
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
    "hint": 1500,
}
"""The most characters of a field, by its name."""
EXACT = frozenset({"id", "lead_id", "conversation_id", "agent_id", "next_cursor", "next_uri"})
"""Fields that clients send back to us: if they were cut, they would name something else."""
MAX_KEY_LENGTH = 80
MAX_CACHED_CHARACTERS = 10_000
"""Characters of which the table of visible ones remembers the answer."""
MAX_ITEMS, MAX_DEPTH = 200, 8
"""Bounds of free-form data (`extracted`, records); a mark says how much is beyond them."""
CUT = "…"
"""Stands for what is nested too deep, and is the key of how much a mapping had more."""

# Hidden are the categories Cc (control), Cf (format: zero-width, bidi, tags) and Cs (surrogates),
# and the fillers, joiners and variation selectors that have carried hidden messages.
_VISIBLE_FORMAT = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u08e2")
_ESCAPING = "\x07\x1b\x90\x98\x9b\x9c\x9d\x9e\x9f"
"""Characters that terminal escapes begin and end with; the text between them is removed too."""
_KEPT = _VISIBLE_FORMAT | frozenset(_ESCAPING) | frozenset("\n\t")
_FILLER = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
)
_LINE_END = re.compile("\r\n?|[\u2028\u2029\x85]")


class _VisibleCharacters(dict[int, int | None]):
    """A table for `str.translate`: each character stays itself, a hidden one is removed."""

    def __missing__(self, code: int) -> int | None:
        char = chr(code)
        hidden = unicodedata.category(char) in {"Cc", "Cf", "Cs"} or _FILLER.match(char)
        visible = None if hidden and char not in _KEPT else code
        if len(self) < MAX_CACHED_CHARACTERS:
            self[code] = visible
        return visible


_VISIBLE_CHARACTERS = _VisibleCharacters()
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


def sanitize_object(
    value: "DataclassInstance | Mapping[str, object]", *, length: int | None = None
) -> JsonObject:
    """A view or a mapping as a plain object: safe, and without the fields that have no value.

    `length` bounds every text, instead of the bound that goes with its field's name.
    """
    if isinstance(value, Mapping):
        return _sanitize_mapping(value, 0, length)
    return _sanitize_view(value, value.__dataclass_fields__, 0, length)


def sanitize_rows(rows: "Sequence[DataclassInstance]") -> list[JsonObject]:
    """Views as plain objects, the first `MAX_ITEMS` of them."""
    return [_sanitize_view(row, row.__dataclass_fields__, 1, None) for row in rows[:MAX_ITEMS]]


def _sanitize(value: object, name: str, depth: int, length: int | None) -> object:
    """`value`, which is the field `name`, sanitized; `None` if nothing is left of it."""
    if isinstance(value, str):
        bound = None if name in EXACT else length or LENGTHS.get(name, DEFAULT_LENGTH)
        return sanitize_text(value, bound) or None
    if value is None or isinstance(value, int | float):
        # JSON has no infinity and no NaN.
        return None if isinstance(value, float) and not math.isfinite(value) else value
    if depth >= MAX_DEPTH:
        return CUT if value else None
    return _sanitize_nested(value, name, depth, length)


def _sanitize_nested(value: object, name: str, depth: int, length: int | None) -> object:
    if isinstance(value, list | tuple):
        items = (_sanitize(item, name, depth + 1, length) for item in value[:MAX_ITEMS])
        kept: list[object] = [item for item in items if item is not None]
        more = len(value) - MAX_ITEMS
        return [*kept, f"{CUT} {more} more"] if more > 0 else kept
    if (fields := getattr(value, "__dataclass_fields__", None)) is not None:
        return _sanitize_view(value, fields, depth, length)
    return _sanitize_mapping(value, depth, length) if isinstance(value, Mapping) else value


def _sanitize_view(
    view: object, fields: Iterable[str], depth: int, length: int | None
) -> JsonObject:
    found: JsonObject = {}
    for name in fields:
        value = getattr(view, name)
        if value is not None:
            sanitized = _sanitize(value, name, depth + 1, length)
            if sanitized is not None:
                found[name] = sanitized
    return found


def _sanitize_mapping(mapping: Mapping[Any, object], depth: int, length: int | None) -> JsonObject:
    found: JsonObject = {}
    for key, item in islice(mapping.items(), MAX_ITEMS):
        name = _short_key(key) if len(key := str(key)) <= MAX_KEY_LENGTH else _key(key)
        sanitized = _sanitize(item, name, depth + 1, length)
        if sanitized is None:
            continue
        if name in found and _is_number(found[name]) and _is_number(sanitized):
            found[name] += sanitized  # their keys differ only in hidden characters
        else:
            found.setdefault(name, sanitized)
    if (more := len(mapping) - MAX_ITEMS) > 0:
        found[CUT] = f"{more} more"
    return found


def _key(key: str) -> str:
    return sanitize_text(key, MAX_KEY_LENGTH) or "?"


_short_key = lru_cache(1000)(_key)  # most keys are the same in every answer


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def sanitize_text(text: str, length: int | None = DEFAULT_LENGTH) -> str:
    """`text` without hidden characters, cut between words to `length` characters with a `…`."""
    if _SUSPICIOUS.search(text):
        text = _visible(text)
    text = text.strip()
    return text if length is None or len(text) <= length else _cut(text, length)


def _visible(text: str) -> str:
    if not text.isprintable() or _FILLER.search(text):
        text = _without_hidden(text)
    text = unicodedata.normalize("NFC", text)
    # Markdown makes a link or an image only where the brackets touch: `[text] (url)` shows both.
    if "[" in text or "]" in text:
        text = _IMAGE.sub("[", text)
        text = text.replace("](", "] (").replace("][", "] [").replace("]:", "] :")
    return re.sub(r"\n{3,}", "\n\n", _TAG.sub("\u2039", text))


def _without_hidden(text: str) -> str:
    text = _LINE_END.sub("\n", text)
    # Hidden characters go first: between ESC and `[` they would hide a terminal escape.
    text = text.translate(_VISIBLE_CHARACTERS)
    while (without_escapes := _ANSI.sub("", text)) != text:
        text = without_escapes  # one escape may have stood inside another
    return _ESCAPE.sub("", text)


def _cut(text: str, length: int) -> str:
    kept = text[: length - 1]
    blank = max(kept.rfind(" "), kept.rfind("\n"))
    if blank >= length // 2 and not text[length - 1].isspace():
        kept = kept[:blank]
    # A combining accent must not be separated from its letter.
    while kept and unicodedata.combining(text[len(kept)]):
        kept = kept[:-1]
    return kept.rstrip() + "…"
