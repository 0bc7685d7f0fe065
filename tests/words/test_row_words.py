"""Which texts have what a search looks for (`convocore_mcp.words.row_words`)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convocore_mcp.words.inflections import LANGUAGES, inflections, language_of
from convocore_mcp.words.queries import search_terms
from convocore_mcp.words.row_words import row_matches
from convocore_mcp.words.splitting import index_words


def found(query: str, *texts: str, language: str | None = None) -> bool:
    return row_matches(texts, search_terms(query), language=language)


@pytest.mark.parametrize(
    ("query", "text", "language"),
    [
        ("refunds", "I want a refund", None),
        ("refund", "Refunds, please", None),
        ("policies", "our policy", "en"),
        ("booking", "I booked it", "en-GB"),
        ("cars", "a car", None),
        ("Rechnungen", "die Rechnung", "de"),
        ("Rechnungen", "die Rechnung", "German"),
        ("reembolsos", "un reembolso", "es"),
        ("cancelaciones", "la cancelación", "es"),
        ("cancelação", "cancelações", "pt-BR"),
        ("remboursements", "le remboursement", "fr"),
        ("casas", "una casa", "es"),
        ("новая", "новый заказ", "ru"),
        ("цены", "цена", None),
        ("طلب", "الطلب", "ar"),
        ("zwroty", "zwrotów", "pl"),
        ("refunds", "a refund", "ru"),  # a word in another script than the language's
        ("refunds", "a refund", "tlh"),  # a language without a stemmer
    ],
)
def test_another_inflection_of_a_word_is_found(query: str, text: str, language: str | None) -> None:
    """Ours: *refunds* finds *refund*, by the row's language or else those of the script."""
    assert found(query, text, language=language)


@pytest.mark.parametrize(
    ("query", "text", "language"),
    [
        ("data", "the date", None), ("stage", "the state", None), ("come", "ann@x.com", None),
        ("note", "do not", None), ("sale", "my salon", "en"), ("price", "the prize", None),
        ("university", "universe of", None), ("refunds", "a refuge", "en"),
        ("cancelações", "cancelação", "en"), ("4711s", "4711", "en"),
    ],
)  # fmt: skip
def test_another_word_is_not_found(query: str, text: str, language: str | None) -> None:
    """Ours: words are not mixed up because they begin alike."""
    assert not found(query, text, language=language)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("OBrien", "Mr O'Brien"), ("obrien", "O\u2019Brien"), ("O'Brien", "OBRIEN"),
        ("brien", "O'Brien"), ("Mueller", "Müller"), ("Müller", "Mueller"), ("muller", "Müller"),
        ("Soeren", "Søren"), ("Aarhus", "Århus"), ("weiss", "Weiß"),
        ('"Mueller GmbH"', "Müller GmbH"),
        ('"O\'Brien Ltd"', "OBrien Ltd."), ('"OBrien Ltd"', "O'Brien Ltd."),
    ],
)  # fmt: skip
def test_other_spellings_of_a_name_are_found(query: str, text: str) -> None:
    """Ours: apostrophes and umlauts are written in several ways."""
    assert found(query, text)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("退款", "我要退款政策"), ("退款政策", "我要退款政策"), ("策", "我要退款政策"),
        ("キャンセル", "予約をキャンセルします"),
        ("อาหาร", "ร้านอาหารไทย"), ("환불", "환불을 원해요"), ("보험", "자동차보험"),
        ("手机", "iPhone手机"),
        ("👍", "ok 👍🏽"), ("👩", "👩🏽‍💻"), ("🎉", "👍🎉👍"), ("🇩🇪", "from 🇩🇪"),
    ],
)  # fmt: skip
def test_what_has_no_blanks_is_found_inside(query: str, text: str) -> None:
    """Ours: Chinese, Japanese, Thai, Korean and emoji."""
    assert found(query, text)
    assert not found(query, "Something else 什么 อะไร 뭐 😴")


def test_parts_of_a_run_must_stand_together() -> None:
    """Ours: neighbours that occur apart do not make a part of a run."""
    assert not found("退款政", "退款 款政")


def test_a_phrase_has_its_words_next_to_each_other_in_one_text() -> None:
    """Ours: `"two words"` next to each other."""
    assert found('"refund policy"', "Our refund policy")
    assert found('"refund policy"', "refund - policies")
    assert not found('"refund policy"', "policy refund")
    assert not found('"refund policy"', "refund the policy")
    assert not found('"refund policy"', "a refund", "policy")
    assert found("refund policy", "a refund", "policy")


def test_a_bar_means_either() -> None:
    """Ours: `a|b` means either.

    Holds docs/contract.md #query-either.
    """
    query = "refund|Rückerstattung|reembolso order"
    assert found(query, "order", "eine Rueckerstattung")
    assert found(query, "reembolso of an order")
    assert not found(query, "order")
    assert not found(query, "refund")


@given(st.sampled_from(LANGUAGES), st.text(st.characters(categories=("L", "M")), max_size=12))
def test_a_word_is_an_inflection_of_itself(language: str, text: str) -> None:
    """Ours: whatever a stemmer makes of a word, the word itself is found."""
    for word in index_words(text):
        assert all(forms.has(word) for forms in inflections(word))
        assert row_matches([text], search_terms(word), language=language)


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("de", "german"), ("DE-at", "german"), ("German", "german"), ("pt_BR", "portuguese"),
        ("zh", None), ("", None), (None, None), ("nb", "norwegian"),
    ],
)  # fmt: skip
def test_a_language_is_read_however_it_is_written(name: str | None, language: str | None) -> None:
    """Ours: Convocore's `language` is free text."""
    assert language_of(name) == language
