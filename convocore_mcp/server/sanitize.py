"""Makes every answer safe to read: the one place that all text passes through on its way out.

Anyone with the chat widget can write names, messages, notes, tags and even the names of captured
fields, and a model will read them. Here all strings of an answer lose what can't be seen (control
and format characters, terminal escapes, bidirectional overrides, zero-width and tag characters) and
what renders as an image or hides where a link leads. Tokens, secret URLs and public IP addresses in
them are replaced by `[removed]`, and each field is cut to a length. Numbers and flags stay as they
are. Views become plain objects, without the fields that are `None` or empty.
"""

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any, Self

from convocore_mcp.fields.secrets.secret_shapes import without_secret_parts
from convocore_mcp.words.cutting import ELLIPSIS, cut
from convocore_mcp.words.shown_ids import shown_id
from convocore_mcp.words.visible_text import without_hidden

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

JsonObject = dict[str, Any]
"""A JSON object, sanitized or still as it was received."""
DEFAULT_MAX_LENGTH = 300
MAX_LENGTHS = {
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
ID_FIELDS = frozenset({"id", "lead_id", "hot_lead_ids", "conversation_id"})
"""Fields with an ID. Without its hidden characters it would be another conversation's: an ID that
has any is shown percent-encoded (`words.shown_ids`)."""
EXACT_FIELDS = frozenset({"agent_id", "next_cursor", "next_uri"})
"""Further fields that clients send back to us: if they were cut, they would name something else."""
MAX_KEY_LENGTH = 80
MAX_ITEMS, MAX_DEPTH = 200, 8
"""Bounds of free-form data (`extracted`, records); a mark says how much is beyond them."""
CUT = ELLIPSIS
"""Stands for what is nested too deep; in a mapping, the key of how many more entries there were."""

_SUSPICIOUS = re.compile(r"[^ -;=-Z\\^-~]")
"""Anything but plain text; `<`, `[` and `]` are the gaps between the ranges."""
_IMAGE = re.compile(r"!+\[")
_TAG = re.compile(r"<(?=[a-zA-Z/!?])")


class CutMark(str):
    """The last entry of a list that was cut: how many `more` there were."""

    __slots__ = ("more",)
    more: int

    def __new__(cls, more: int) -> Self:
        """The mark of a list with `more` entries than it shows."""
        mark = super().__new__(cls, f"{CUT} {more} more")
        mark.more = more
        return mark


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
        if name in ID_FIELDS:
            return shown_id(value, sanitize_exact)
        if name in EXACT_FIELDS:
            return sanitize_exact(value) or None
        return sanitize_text(value, length or MAX_LENGTHS.get(name, DEFAULT_MAX_LENGTH)) or None
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
        # Among views, a mark would be none of them; the module that made them notes their number.
        marked = more > 0 and not hasattr(value[0], "__dataclass_fields__")
        return [*kept, CutMark(more)] if marked else kept
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


def sanitize_text(text: str, length: int | None = DEFAULT_MAX_LENGTH) -> str:
    """`text` without hidden characters and secrets, cut to `length` characters with a `…`."""
    text = without_secret_parts(sanitize_exact(text))
    return text if length is None else cut(text, length)


def sanitize_exact(text: str) -> str:
    """`text` without hidden characters, for what clients send back to us, as a cursor."""
    return (_harmless(text) if _SUSPICIOUS.search(text) else text).strip()


def sanitize_line(text: str) -> str:
    """`text` as one line for a log or a terminal, which knows no markup."""
    return " | ".join(without_hidden(text).split("\n"))


def has_hidden(text: str) -> bool:
    """Whether `text` holds characters that sanitizing removes."""
    return not text.isascii() and without_hidden(text) != text


def _harmless(text: str) -> str:
    text = unicodedata.normalize("NFC", without_hidden(text))
    # Markdown makes a link or an image only where the brackets touch: `[text] (url)` shows both.
    if "[" in text or "]" in text:
        text = _IMAGE.sub("[", text)
        text = text.replace("](", "] (").replace("][", "] [").replace("]:", "] :")
    return re.sub(r"\n{3,}", "\n\n", _TAG.sub("\u2039", text))
