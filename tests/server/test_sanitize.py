# ruff: noqa: RUF001  what is hidden in text looks like something else
"""Whatever a visitor writes, nothing of it is hidden, and nothing of it acts."""

import json
import math
import unicodedata
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from convocore_mcp.server.sanitize import (
    DEEPEST,
    EXACT,
    LENGTHS,
    LONGEST_KEY,
    MOST_ITEMS,
    sanitize,
    sanitize_text,
)

NASTY = [
    "\x1b",
    "[31m", "\x1b[2J", "\x9b", "\x1b]8;;", "\x07", "\x1b\\", "\x00", "\x85", "\r", "\n", "\t",
    "\u202e", "\u2066", "\u200b", "\u200d", "\ufeff", "\u00ad", "\u061c", "\U000e0041", "\ufe0f",
    "\U000e0100", "\u3164", "\u2800", "\u034f", "\u0605", "\ud800", "\u2028",
    "](", "![", "!", "][", "[", "]", ":", "(", "<", "script>", "/b>", "<!--", "e\u0301", "\u0338",
    "https://x.example", "word", " ", "😀", "a", "मी", "\uffff",
]  # fmt: skip
texts = st.lists(st.sampled_from(NASTY) | st.characters(), max_size=25).map("".join)
VISIBLE_FORMAT = set("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u08e2")


def assert_nothing_is_hidden(text: str) -> None:
    for char in text:
        category = unicodedata.category(char)
        assert category != "Cc" or char in "\n\t", ascii(char)
        assert category != "Cf" or char in VISIBLE_FORMAT, ascii(char)
        assert category != "Cs", ascii(char)
        assert not 0xFE00 <= ord(char) <= 0xFE0F, ascii(char)
        assert not 0xE0000 <= ord(char) <= 0xE0FFF, ascii(char)
    assert unicodedata.is_normalized("NFC", text)
    for mark in ("](", "![", "][", "]:"):
        assert mark not in text
    for position, char in enumerate(text[:-1]):
        assert not (char == "<" and (text[position + 1].isascii() and text[position + 1].isalpha()))
        assert not (char == "<" and text[position + 1] in "/!?")


@given(texts, st.none() | st.integers(2, 40))
@example("\x1b\x1b[0m[31mred", None)
@example("\x1b\x00[31mred", None)
@example("]!![(x", None)
@example("a" * 39 + "e\u0301", 40)
def test_nothing_is_left_that_hides_or_acts(text: str, length: int | None) -> None:
    """Promised by design.md, "Untrusted text"."""
    found = sanitize_text(text, length)
    assert_nothing_is_hidden(found)
    assert length is None or len(found) <= length
    assert sanitize_text(found, length) == found


@pytest.mark.parametrize(
    "sequence",
    [
        "\x1b[31m", "\x1b[1;31m", "\x1b[?25l", "\x9b31m", "\x1b]0;title\x07", "\x1b]8;;u\x1b\\",
        "\x1bPq\x1b\\", "\x1b(B", "\x1bc", "\x9d0;x\x9c", "\x1b\u200b[31m", "\x1b\x00[31m",
        "\x1b\x1b[0m[31m",
    ],
)  # fmt: skip
def test_a_terminal_escape_leaves_no_residue(sequence: str) -> None:
    """Promised by design.md: ANSI escapes removed; whole, not only their first character."""
    assert sanitize_text(f"before {sequence}after") == "before after"


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("![x](https://e.example/?q=1)", "[x] (https://e.example/?q=1)"),
        ("[bank](https://e.example)", "[bank] (https://e.example)"),
        ("[a][1]\n[1]: https://e.example", "[a] [1]\n[1] : https://e.example"),
        ("<img src=x onerror=alert(1)>", "‹img src=x onerror=alert(1)>"),
        ("</b><!-- hi -->", "‹/b>‹!-- hi -->"),
        ("1 < 2, x<y", "1 < 2, x‹y"),
        ("ab\u202ecd\u200be\U000e0041f", "abcdef"),
        ("e\u0301", "é"),
        ("a\r\nb\u2028c\n\n\n\nd", "a\nb\nc\n\nd"),
    ],
)
def test_what_would_act_becomes_visible_text(hostile: str, shown: str) -> None:
    """Promised by design.md: markdown images and links become visible text."""
    assert sanitize_text(hostile) == shown


@given(st.text(st.sampled_from("abcXYZ0189 .,;:!?()'\"#$%&*+-/=>@\\^_`{|}~"), max_size=200))
def test_plain_words_come_back_as_they_are(text: str) -> None:
    """Ours: values stay values."""
    assert sanitize_text(text) == text.strip()


@given(st.text(st.sampled_from("ab  é\n"), min_size=1, max_size=80), st.integers(5, 40))
def test_a_long_text_is_cut_at_a_word(text: str, length: int) -> None:
    """Promised by design.md: cut at a word with `…`."""
    found = sanitize_text(text, length)
    whole = sanitize_text(text, None)
    if len(whole) <= length:
        assert found == whole
        return
    assert found.endswith("…")
    assert whole.startswith(found[:-1])
    rest = whole[len(found) - 1 :]
    if " " in whole[length // 2 : length - 1]:
        assert rest[:1].isspace() or found[-2:-1].isspace()


floats = st.floats(-1e300, 1e300) | st.sampled_from([math.inf, -math.inf, math.nan])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | floats | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


def strings(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [*value, *(s for inner in value.values() for s in strings(inner))]
    if isinstance(value, list):
        return [s for inner in value for s in strings(inner)]
    return [value] if isinstance(value, str) else []


@given(st.dictionaries(st.sampled_from([*LENGTHS, *EXACT, "x"]) | texts, json_values, max_size=5))
def test_every_text_and_every_name_of_an_answer_is_made_safe(answer: dict[str, Any]) -> None:
    """Promised by design.md: in one place, on every way out; what is unknown is left out."""
    found = sanitize(answer)
    for text in strings(found):
        assert_nothing_is_hidden(text)
    said = json.dumps(found, allow_nan=False)
    assert json.loads(said) == found
    assert "" not in strings(found)
    assert sanitize(found) == found


def test_each_field_is_cut_to_its_own_length_and_ids_never() -> None:
    """Promised by design.md: length bounded per field; ours: an id is sent back to us."""
    long = "word " * 2000
    found = sanitize({"preview": long, "summary": long, "id": long, "other": long, long: 1})
    assert len(found["preview"]) <= 140
    assert 500 < len(found["summary"]) <= 600
    assert found["id"] == long.strip()
    assert max(len(name) for name in found) <= LONGEST_KEY
    assert 900 < len(sanitize({"preview": long}, length=1000)["preview"]) <= 1000


def test_free_form_data_is_bounded_in_width_and_depth() -> None:
    """Ours: anything can be in captured variables."""
    deep: Any = "bottom"
    for _ in range(50):
        deep = {"in": [deep]}
    assert "bottom" not in json.dumps(sanitize(deep))
    assert len(sanitize({"x": list(range(10_000))})["x"]) == MOST_ITEMS
    assert len(sanitize({str(i): i for i in range(10_000)})) == MOST_ITEMS
    assert DEEPEST < 50


def test_names_that_differ_in_nothing_visible_are_one() -> None:
    """Ours: counts are added up, of anything else the first stays."""
    assert sanitize({"new": 1, "ne\u200bw": 2}) == {"new": 3}
    assert sanitize({"a": "x", "a\u200b": "y"}) == {"a": "x"}
    assert sanitize({"\u200b": 1}) == {"?": 1}
    assert sanitize({"n": math.inf, "m": math.nan}) == {}
