# ruff: noqa: RUF001  what people type looks like something else
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convocore_mcp.leads import matching
from convocore_mcp.leads.index_terms import pieces
from convocore_mcp.leads.keys import keys, phone_key
from convocore_mcp.leads.merge import merge
from convocore_mcp.models import Lead
from tests.conversations import conversation

anything = st.text(st.characters(), max_size=40)


def lead(name: str | None, company: str | None = None, email: str | None = None) -> Lead:
    c = conversation(name or "nobody", name=name, company=company, email=email)
    (made,) = merge([(c, keys(c))])
    return made


ANN, ANNA, HANNAH = lead("Ann Lee", "Acme"), lead("Anna Leery", "Ann & Co"), lead("Hannah Lee")


def test_whoever_has_just_these_words_is_called_so_in_whatever_order() -> None:
    """Ours: `Lee, Ann` is Ann Lee before it is Ann Lee-Jones."""
    jones = lead("Ann Lee-Jones")
    assert matching.called_just_so([jones, ANN], "Lee, Ann") == [ANN]
    assert matching.called_just_so([jones, ANN], "Ann") == []


def test_the_nearest_are_those_most_like_every_word() -> None:
    """Promised by contract.md: "a name, perhaps misspelt"; who has no more names comes first."""
    alike = [{"hannah": 91.0, "anna": 89.0}, {"lee": 100.0}]
    assert matching.nearest([ANN, ANNA, HANNAH], alike) == [HANNAH]
    longer = lead("Hannah van der Lee")
    assert matching.nearest([longer, HANNAH], alike) == [HANNAH]
    assert matching.nearest([], alike) == []


def test_it_says_which_field_fitted() -> None:
    """Promised by contract.md: `matched_on` says which field fitted."""
    assert matching.matched_field(ANN, pieces("lee")) == "name"
    assert matching.matched_field(ANN, pieces("acme")) == "company"
    assert matching.matched_field(ANN, pieces("ann acme")) == "name and company"
    assert matching.matched_field(ANN, pieces("smith")) == "earlier name"
    assert matching.matched_field(lead("Jörg Müller"), pieces("joerg mueller")) == "name"


def test_an_email_in_which_it_stands_goes_before_one_that_has_the_words() -> None:
    """Promised by issue 5: part of an email."""
    one, other = lead("A", email="ann.lee@x.example"), lead("B", email="lee.ann@x.example")
    assert matching.with_email_like([other, one], "ANN.lee@") == [one]


@pytest.mark.parametrize(("typed", "meant"), [("gonzales", "gonzalez"), ("micheal", "michael")])
def test_a_misspelt_word_is_recognised(typed: str, meant: str) -> None:
    """Promised by contract.md: "perhaps misspelt"."""
    assert list(matching.spellings(typed, ["smith", meant, "xu"])) == [meant]


def test_a_short_word_is_not_everybodys_misspelling() -> None:
    """Ours: better nobody, and the nearest names, than somebody else."""
    assert matching.spellings("ann", ["bob", "lee", "xi"]) == {}


@pytest.mark.parametrize(
    ("text", "contact", "ends"),
    [
        ("@ann_lee", True, False), ("ann.lee", True, False), ("acme.example", True, False),
        ("linkedin.com/in/ann", True, False), ("ann@", True, False), ("J. Smith", False, False),
        ("J.S.", False, False), ("Jane Doe", False, False), ("2020", False, True),
        ("-99 41", False, True), ("123", False, False),
    ],
)  # fmt: skip
def test_it_knows_part_of_an_address_and_an_ending_by_their_looks(
    text: str, contact: bool, ends: bool
) -> None:
    """Promised by issue 5: part of an email, a social handle, the last digits of a number."""
    assert matching.looks_like_contact(text) is contact
    assert matching.looks_like_digits(text) is ends


@pytest.mark.parametrize(
    ("text", "yes"),
    [
        ("+49 151 29260773", True), ("(415) 555-2671", True), ("0151/29260773", True),
        ("415‑555‑2671", True), ("1234567", True), ("123456", False), ("ann 1234567", False),
        ("", False), ("conv-1234567", False),
    ],
)  # fmt: skip
def test_it_knows_a_phone_number_by_its_looks(text: str, yes: bool) -> None:
    """Promised by contract.md: "phone in any notation"."""
    assert matching.looks_like_phone(text) is yes


@pytest.mark.parametrize(
    ("stored", "country", "asked"),
    [
        ("+49 151 29260773", None, "4915129260773"),
        ("0151 29260773", None, "+49 151 29260773"),
        ("15129260773", None, "+49 151 29260773"),
        ("415-555-2671", None, "+1 (415) 555-2671"),
        ("0151 29260773", "DE", "0049 151 29260773"),
    ],
)
def test_a_number_is_found_however_it_was_stored(
    stored: str, country: str | None, asked: str
) -> None:
    """Promised by contract.md: "phone in any notation"."""
    assert phone_key(stored, country) in matching.phone_keys(asked)


def test_a_number_without_country_code_is_found_by_its_ending() -> None:
    """Promised by contract.md: "phone in any notation"."""
    for typed, stored in (("0151 29260773", "+49 151 29260773"), ("8 916 6169097", "+79166169097")):
        key = str(phone_key(stored))
        assert any(key.endswith(ending) for ending in matching.phone_endings(typed))
    assert matching.phone_endings("0123") == []


@pytest.mark.parametrize(
    ("query", "terms"),
    [
        ("Jane DOE", (" jane", " doe")),
        ("+49 151 292", ("49151292",)),
        ("order 4711", (" order", " 4711")),
        ("call 0151-29260", (" call", "15129260")),
        ("!!!", ()),
    ],
)
def test_a_query_is_beginnings_of_words_and_digits_anywhere(
    query: str, terms: tuple[str, ...]
) -> None:
    """Ours: as one types, and however a number is spaced."""
    assert matching.search_terms(query) == terms


@given(anything)
def test_no_text_is_too_odd_to_ask_for(text: str) -> None:
    """Ours: a lead may be asked for by anything."""
    for term in matching.search_terms(text):
        assert term.strip().isalnum()
    assert matching.phone_keys(text) is not None
    assert matching.nearest([ANN], []) == [ANN]
    assert matching.matched_field(ANN, pieces(text))
    assert matching.looks_like_contact(text) in {True, False}
