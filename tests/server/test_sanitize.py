"""Text that visitors wrote leaves without hidden characters, links, images and escapes."""

import json
import math
import unicodedata
from dataclasses import dataclass
from typing import Any

import pytest
import regex
from hypothesis import example, given
from hypothesis import strategies as st
from mcp_types import TextContent

from convocore_mcp.server.rendering import success
from convocore_mcp.server.sanitize import (
    EXACT_FIELDS,
    MAX_DEPTH,
    MAX_ITEMS,
    MAX_KEY_LENGTH,
    MAX_LENGTHS,
    sanitize_object,
    sanitize_rows,
    sanitize_text,
)
from convocore_mcp.words import sequence_tables as tables
from convocore_mcp.words.sequences import one_of
from convocore_mcp.words.visible_text import visible
from tests.hidden_text import is_safe
from tests.text_corpus import HOSTILE, LEGITIMATE

NASTY = [
    "\x1b",
    "[31m", "\x1b[2J", "\x9b", "\x1b]8;;", "\x07", "\x1b\\", "\x00", "\x85", "\r", "\n", "\t",
    "\u202e", "\u2066", "\u200b", "\u200d", "\ufeff", "\u00ad", "\u061c", "\U000e0041", "\ufe0f",
    "\U000e0100", "\u3164", "\u2800", "\u034f", "\u0605", "\ud800", "\u2028",
    "](", "![", "!", "][", "[", "]", ":", "(", "<", "script>", "/b>", "<!--", "e\u0301", "\u0338",
    "https://x.example", "word", " ", "😀", "a", "मी", "\uffff",
]  # fmt: skip
texts = st.lists(st.sampled_from(NASTY) | st.characters(), max_size=25).map("".join)


def assert_safe(text: str) -> None:
    assert is_safe(text), ascii(text)


@given(texts, st.none() | st.integers(2, 40))
@example("\x1b\x1b[0m[31mred", None)
@example("\x1b\x00[31mred", None)
@example("]!![(x", None)
@example("a" * 39 + "e\u0301", 40)
def test_sanitized_text_has_no_hidden_characters_and_no_active_markup(
    text: str, length: int | None
) -> None:
    """Promised by docs/architecture.md, "Untrusted text"."""
    found = sanitize_text(text, length)
    assert_safe(found)
    assert length is None or len(found) <= length
    assert sanitize_text(found, length) == found


@pytest.mark.parametrize("text", LEGITIMATE)
def test_what_people_write_is_not_changed(text: str) -> None:
    """Promised by docs/architecture.md, "Untrusted text"."""
    assert sanitize_text(text, None) == text
    assert visible(text) == text.strip()


@pytest.mark.parametrize(("text", "left"), HOSTILE)
def test_what_is_hidden_or_active_is_removed(text: str, left: str) -> None:
    """Promised by docs/architecture.md, "Untrusted text"."""
    assert sanitize_text(text, None) == left
    assert is_safe(left)


def test_the_corpus_is_large_and_half_of_it_is_legitimate() -> None:
    """Ours: a corpus that shrinks proves less."""
    assert len(LEGITIMATE) >= 100
    assert len(HOSTILE) >= 100


@pytest.mark.parametrize(
    ("table", "property_"),
    [
        (tables.PICTOGRAPHIC, r"\p{Extended_Pictographic}"),
        (tables.CURSIVE, r"[\p{Joining_Type=D}\p{Joining_Type=R}\p{Joining_Type=L}]"),
        (tables.VIRAMAS, r"\p{Canonical_Combining_Class=9}"),
        (tables.UNSPACED, r"\p{Line_Break=SA}"),
        (tables.IDEOGRAPHS, r"\p{Unified_Ideograph}"),
        (tables.STYLED, r"[\p{Emoji}--[0-9#*]--\p{Emoji_Presentation}]"),
    ],
)
def test_a_table_agrees_with_unicode(table: str, property_: str) -> None:
    """Promised by docs/architecture.md, "Untrusted text": by Unicode's own tables.

    Characters that are an emoji without a selector have both styles, too, if Unicode says so.
    """
    ours, theirs = one_of(table), regex.compile(property_, regex.V1)
    # Characters that a later version of Unicode adds may be in one of the two only.
    everything = "".join(filter(_is_assigned, map(chr, range(0x110000))))
    found, expected = set(ours.findall(everything)), set(theirs.findall(everything))
    if table is tables.STYLED:
        found -= set(regex.findall(r"\p{Emoji_Presentation}", everything))
    assert {hex(ord(char)) for char in found ^ expected} == set()


def _is_assigned(char: str) -> bool:
    return unicodedata.category(char) not in {"Cn", "Cs", "Co"}


def test_ideographs_have_the_variants_that_stand_for_compatibility_ideographs() -> None:
    """Promised by docs/architecture.md, "Untrusted text": U+795E U+FE00 is U+FA19."""
    assert sanitize_text("\u795e\ufe00") == "\u795e\ufe00"
    assert sanitize_text("\u795e\ufe01") == "\u795e"


@given(
    st.lists(st.sampled_from([*LEGITIMATE, *NASTY]), max_size=6).map("".join), st.integers(2, 40)
)
def test_a_cut_divides_no_character_that_people_see(text: str, length: int) -> None:
    """Promised by docs/architecture.md, "Untrusted text"."""
    whole = sanitize_text(text, None)
    found = sanitize_text(text, length)
    assert len(found) <= length
    if found == whole:
        return
    kept = len(found) - 1
    ends, end = {0}, 0
    for cluster in regex.findall(r"\X", whole):
        end += len(cluster)
        ends.add(end)
    # A joiner between two words is seen by nobody, so it may go without the second word.
    divided = whole[kept : min(end for end in ends if end >= kept)]
    assert divided.strip("\u200b\u200c\u200d") == "", ascii(found)
    assert found == f"{whole[:kept]}…"


@given(st.text(st.sampled_from("abcXYZ0189 .,;:!?()'\"#$%&*+-/=>@\\^_`{|}~"), max_size=200))
def test_plain_text_is_not_changed(text: str) -> None:
    """Ours: sanitizing changes nothing that is harmless."""
    assert sanitize_text(text) == text.strip()


@given(st.text(st.sampled_from("ab  é\n"), min_size=1, max_size=80), st.integers(5, 40))
def test_a_long_text_is_cut_between_words(text: str, length: int) -> None:
    """Promised by docs/contract.md, "Rules for every answer": cut at a word with `…`."""
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


@given(
    st.dictionaries(
        st.sampled_from([*MAX_LENGTHS, *EXACT_FIELDS, "x"]) | texts, json_values, max_size=5
    )
)
def test_every_text_and_every_field_name_of_an_answer_is_sanitized(answer: dict[str, Any]) -> None:
    """Promised by docs/architecture.md, "Untrusted text": all text passes through one place."""
    found = sanitize_object(answer)
    for text in strings(found):
        assert_safe(text)
    text = json.dumps(found, allow_nan=False)
    assert json.loads(text) == found
    assert "" not in strings(found)
    assert sanitize_object(found) == found


def test_each_field_is_cut_to_its_length_and_ids_are_not() -> None:
    """Promised by docs/contract.md, "Rules for every answer". Ours: clients send an ID back."""
    long = "word " * 2000
    found = sanitize_object(
        {"preview": long, "summary": long, "id": long.strip(), "other": long, long: 1}
    )
    assert len(found["preview"]) <= 140
    assert 500 < len(found["summary"]) <= 600
    assert found["id"] == long.strip()
    assert max(len(name) for name in found) <= MAX_KEY_LENGTH
    assert 900 < len(sanitize_object({"preview": long}, length=1000)["preview"]) <= 1000


def test_free_form_data_is_bounded_in_width_and_depth() -> None:
    """Ours: captured variables may hold anything."""
    deep: Any = "bottom"
    for _ in range(50):
        deep = {"in": [deep]}
    assert "bottom" not in json.dumps(sanitize_object(deep))
    assert len(sanitize_object({"x": list(range(10_000))})["x"]) == MAX_ITEMS + 1
    assert len(sanitize_object({str(i): i for i in range(10_000)})) == MAX_ITEMS + 1
    assert MAX_DEPTH < 50


def test_field_names_that_differ_only_in_hidden_characters_are_merged() -> None:
    """Ours: numbers are added up, of other values the first one stays."""
    assert sanitize_object({"new": 1, "ne\u200bw": 2}) == {"new": 3}
    assert sanitize_object({"a": "x", "a\u200b": "y"}) == {"a": "x"}
    assert sanitize_object({"\u200b": 1}) == {"?": 1}
    assert sanitize_object({"n": math.inf, "m": math.nan}) == {}


@dataclass(frozen=True)
class Row:
    name: str | None = None
    notes: list[str] | None = None
    inner: "Row | None" = None


def test_a_view_becomes_a_plain_object_without_the_fields_that_have_no_value() -> None:
    """Promised by docs/contract.md, "Rules for every answer": no `null`, no empty text."""
    row = Row(name="a\u200bb", inner=Row(notes=["x" * 700, "\u200b"]))
    cut = "x" * 599 + "…"
    assert sanitize_object(row) == {"name": "ab", "inner": {"notes": [cut]}}
    assert sanitize_rows([row, Row(name=" ")]) == [sanitize_object(row), {}]
    assert list(sanitize_object(Row("a", ["b"], Row("c")))) == ["name", "notes", "inner"]
    assert len(sanitize_rows([row] * (MAX_ITEMS + 1))) == MAX_ITEMS


def test_what_is_beyond_the_bounds_of_free_data_is_counted() -> None:
    """Promised by docs/contract.md, "Rules for every answer": no list is cut in silence."""
    deep: object = "bottom"
    for _ in range(20):
        deep = [deep]
    found = sanitize_object(
        {"list": list(range(203)), "map": {f"k{i}": i for i in range(205)}, "deep": deep}
    )
    assert found["list"][-1] == "… 3 more"
    assert len(found["list"]) == 201
    assert found["map"]["…"] == "5 more"
    assert "…" in str(found["deep"])


def test_a_secret_within_a_text_is_removed() -> None:
    """Promised by docs/security.md, "What never leaves": also in what somebody wrote."""
    assert sanitize_text("key: sk-proj-abcdefghijklmnop1234, ok?") == "key: [removed], ok?"


@pytest.mark.parametrize(
    "text", ["pay\u200bpal", "![x](https://e.example)", "<b>bold", "\x1b[31mred", "ring\x07"]
)
def test_what_was_forgotten_where_an_answer_was_built_is_sanitized_at_the_end(
    text: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Promised by docs/architecture.md, "Untrusted text": every answer is looked at once more."""
    result = success({"note": text})
    assert result.structured_content == {"note": sanitize_text(text)}
    assert isinstance(result.content[0], TextContent)
    assert json.loads(result.content[0].text) == result.structured_content
    assert "was not sanitized" in caplog.text
