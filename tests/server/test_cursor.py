"""Cursors: text that leads to the next page, and only to that."""

import base64
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convocore_mcp.errors import InvalidArgumentError
from convocore_mcp.server.questions.cursor import CURSOR_LIFE, Cursor, question_digest
from tests.conversations import NOW

cursors = st.builds(
    Cursor,
    question=st.text("0123456789abcdef", min_size=12, max_size=12),
    generation=st.text("0123456789abcdef", min_size=8, max_size=8),
    sequence_number=st.integers(0, 2**62),
    issued=st.just(int(NOW.timestamp())),
    after=st.lists(st.integers() | st.floats(allow_nan=False) | st.text(), max_size=3).map(tuple),
)


def decoded(text: str, like: Cursor, now: datetime = NOW) -> Cursor:
    return Cursor.decode(text, question=like.question, generation=like.generation, now=now)


@given(cursors)
def test_a_cursor_is_decoded_as_it_was_encoded(cursor: Cursor) -> None:
    """Promised by docs/contract.md, "Tools": `next_cursor` leads on."""
    text = cursor.encode()
    assert text.isascii()
    assert decoded(text, cursor) == cursor


@given(cursors, st.data())
def test_a_damaged_cursor_is_refused(cursor: Cursor, data: st.DataObject) -> None:
    """Promised by docs/contract.md, "Tools": never another page than the next one."""
    text = cursor.encode()
    start = data.draw(st.integers(0, len(text)))
    piece = data.draw(st.text(st.characters(), max_size=3))
    gone = data.draw(st.integers(0, 3))
    damaged = text[:start] + piece + text[start + gone :]
    if damaged == text:
        return
    with pytest.raises(
        InvalidArgumentError, match="cursor: it was not made by this server"
    ) as caught:
        decoded(damaged, cursor)
    assert "Leave cursor out" in caught.value.hint


@given(
    st.binary(max_size=60)
    | st.text(st.characters(), max_size=60).map(lambda t: t.encode("utf-8", "replace"))
)
def test_a_cursor_of_another_server_is_refused(content: bytes) -> None:
    """Ours: models invent cursors."""
    with pytest.raises(InvalidArgumentError):
        Cursor.decode(
            base64.urlsafe_b64encode(content).decode(), question="q", generation="e", now=NOW
        )


def test_a_cursor_is_refused_with_another_question_another_mirror_or_when_it_is_old() -> None:
    """Promised by docs/contract.md, "Tools"."""
    one = Cursor("q", "e", 7, int(NOW.timestamp()), (1, "c"))
    text = one.encode()
    with pytest.raises(InvalidArgumentError, match="another question"):
        Cursor.decode(text, question="other", generation="e", now=NOW)
    with pytest.raises(InvalidArgumentError, match="expired"):
        Cursor.decode(text, question="q", generation="other", now=NOW)
    assert decoded(text, one, NOW + timedelta(days=1)) == one
    with pytest.raises(InvalidArgumentError, match="expired"):
        decoded(text, one, NOW + CURSOR_LIFE + timedelta(seconds=1))
    assert Cursor.decode(text, question="q", generation="e", now=None) == one


def test_a_question_digest_depends_on_every_part() -> None:
    """Ours: the order of a mapping does not matter."""
    assert question_digest("a", {"x": 1, "y": 2}) == question_digest("a", {"y": 2, "x": 1})
    assert question_digest("a", None) != question_digest("a", "None") != question_digest("a")


def test_a_cursor_knows_when_its_first_page_was_asked_for() -> None:
    """Promised by docs/contract.md, "Tools": `7d` means the same time on each page."""
    assert Cursor("q", "e", 7, int(NOW.timestamp()), ()).issued_at == NOW
