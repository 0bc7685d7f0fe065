"""What a query means (`convocore_mcp.words.queries`)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convocore_mcp.errors import InvalidArgumentError
from convocore_mcp.models import NumberTerm, PhraseTerm, RunTerm, Terms, WordTerm
from convocore_mcp.words.queries import search_terms


def word(text: str) -> WordTerm:
    return WordTerm(text)


def phrase(*words: str) -> PhraseTerm:
    return PhraseTerm(tuple((WordTerm(text),) for text in words))


@pytest.mark.parametrize(
    ("query", "terms"),
    [
        ("Jane DOE", ((word("jane"),), (word("doe"),))),
        ("jane jane", ((word("jane"),),)),
        ("+49 151 292", ((NumberTerm("49151292"),),)),
        ("order 4711", ((word("order"),), (word("4711"),))),
        ("call 0151-29260", ((word("call"),), (NumberTerm("15129260"),))),
        ("call 04298", ((word("call"),), (NumberTerm("04298"),))),
        ("0 4298", ((NumberTerm("04298"),),)),
        ("00000", ((word("00000"),),)),
        ("!!!", ()),
        ("", ()),
    ],
)
def test_a_query_becomes_words_and_parts_of_numbers(query: str, terms: Terms) -> None:
    """Promised by docs/contract.md, "Tools": every word must occur; numbers by any five digits."""
    assert search_terms(query) == terms


@pytest.mark.parametrize(
    "query", ["refund|cancel", "refund | cancel", "|refund||cancel", "(refund|cancel)"]
)
def test_a_bar_between_words_means_either(query: str) -> None:
    """Ours: `a|b` means either, with and without blanks around it."""
    assert search_terms(query) == ((word("refund"), word("cancel")),)
    assert search_terms(f"{query} ann") == ((word("refund"), word("cancel")), (word("ann"),))


def test_an_alternative_of_several_words_has_them_next_to_each_other() -> None:
    """Ours: `follow-up|call` means the one or the other, not `up|call`."""
    assert search_terms("follow-up|call") == ((phrase("follow", "up"), word("call")),)
    assert search_terms('"two words"|+49 151 29260') == (
        (phrase("two", "words"), NumberTerm("4915129260")),
    )


@pytest.mark.parametrize("query", ['"two words"', "\u201ctwo words\u201d", "\u00abtwo words\u00bb"])
def test_quotes_hold_words_next_to_each_other(query: str) -> None:
    """Ours: quotes of any kind make a phrase."""
    assert search_terms(query) == ((phrase("two", "words"),),)


def test_one_word_or_number_in_quotes_is_no_phrase_and_a_lone_quote_is_a_sign() -> None:
    """Ours: people quote single words, and leave quotes open."""
    assert search_terms('"refund"') == ((word("refund"),),)
    assert search_terms('"0151 29260"') == ((NumberTerm("15129260"),),)
    assert search_terms('"two words') == ((word("two"),), (word("words"),))
    assert search_terms('""') == ()


def test_letters_with_two_spellings_are_searched_for_in_both() -> None:
    """Ours: `Müller` finds Mueller."""
    assert search_terms("Müller") == ((word("muller"), word("mueller")),)
    assert search_terms("O\u2019Brien") == ((word("obrien"),),)


def test_a_run_is_distinguished_from_words() -> None:
    """Ours: Chinese, Thai, Korean and emoji are found inside of what has no blanks."""
    assert search_terms("iPhone手机 👍🏽") == (
        (word("iphone"),),
        (RunTerm("手机"),),
        (RunTerm("👍"),),
    )


def test_a_query_has_bounds_that_its_error_names() -> None:
    """Ours: the work of a query is bounded."""
    assert len(search_terms("|".join(f"w{i}" for i in range(20)))[0]) == 20
    with pytest.raises(InvalidArgumentError, match="where has 21 alternatives") as refused:
        search_terms("|".join(f"w{i}" for i in range(21)), argument="where")
    assert "At most 20" in str(refused.value.hint)
    assert search_terms("a" * 500)
    with pytest.raises(InvalidArgumentError, match="query has 501 characters"):
        search_terms("a" * 501)


@given(st.text(st.characters(), max_size=60) | st.text('ab "|-+\u20190123456789(', max_size=40))
def test_any_text_can_be_searched_for(text: str) -> None:
    """Ours: no text makes a search fail; every term has letters or digits, or is a run."""
    try:
        groups = search_terms(text)
    except InvalidArgumentError:
        assert text.count("|") >= 20
        return
    for term in (term for group in groups for term in group):
        match term:
            case PhraseTerm(parts):
                assert len(parts) > 1
            case NumberTerm(digits):
                assert digits.isascii()
                assert len(digits) >= 5
            case WordTerm(text=found):
                assert found.isalnum()
            case RunTerm(text=found):
                assert found
