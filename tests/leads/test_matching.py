# ruff: noqa: RUF001  what people type looks like something else
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convocore_mcp.leads import matching
from convocore_mcp.leads.index_terms import word_spellings
from convocore_mcp.leads.keys import derive_keys, phone_key
from convocore_mcp.leads.merge import merge
from convocore_mcp.models import Lead
from tests.conversations import conversation

anything = st.text(st.characters(), max_size=40)


def lead(name: str | None, company: str | None = None, email: str | None = None) -> Lead:
    c = conversation(name or "nobody", name=name, company=company, email=email)
    (made,) = merge([(c, derive_keys(c))])
    return made


ANN, ANNA, HANNAH = lead("Ann Lee", "Acme"), lead("Anna Leery", "Ann & Co"), lead("Hannah Lee")


def test_an_exact_name_has_the_typed_words_in_any_order_and_no_other() -> None:
    """Ours: `Lee, Ann` means Ann Lee rather than Ann Lee-Jones."""
    jones = lead("Ann Lee-Jones")
    assert matching.with_exact_name([jones, ANN], "Lee, Ann") == [ANN]
    assert matching.with_exact_name([jones, ANN], "Ann") == []


def test_the_most_similar_names_are_similar_in_every_word() -> None:
    """Promised by docs/contract.md, "Tools": misspelt names; ours: no further name comes first."""
    similar_words = [{"hannah": 91.0, "anna": 89.0}, {"lee": 100.0}]
    assert matching.most_similar([ANN, ANNA, HANNAH], similar_words) == [HANNAH]
    longer = lead("Hannah van der Lee")
    assert matching.most_similar([longer, HANNAH], similar_words) == [HANNAH]
    assert matching.most_similar([], similar_words) == []


def test_the_field_that_fitted_is_named() -> None:
    """Promised by docs/contract.md, "Tools": `matched_on` says which field fitted."""
    assert matching.matched_field(ANN, word_spellings("lee")) == "name"
    assert matching.matched_field(ANN, word_spellings("acme")) == "company"
    assert matching.matched_field(ANN, word_spellings("ann acme")) == "name and company"
    assert matching.matched_field(ANN, word_spellings("smith")) == "earlier name"
    assert matching.matched_field(lead("Jörg Müller"), word_spellings("joerg mueller")) == "name"


def test_an_email_that_contains_the_text_is_preferred_to_one_with_the_same_words() -> None:
    """Promised by docs/contract.md, "Tools": a part of an email."""
    one, other = lead("A", email="ann.lee@x.example"), lead("B", email="lee.ann@x.example")
    assert matching.with_email_containing([other, one], "ANN.lee@") == [one]


@pytest.mark.parametrize(("typed", "meant"), [("gonzales", "gonzalez"), ("micheal", "michael")])
def test_a_misspelt_word_is_recognised(typed: str, meant: str) -> None:
    """Promised by docs/contract.md, "Tools": a misspelt name is found."""
    assert list(matching.possible_words(typed, ["smith", meant, "xu"])) == [meant]


def test_a_short_word_is_not_taken_for_a_misspelling() -> None:
    """Ours: finding nobody, with the nearest names in the hint, is better than another person."""
    assert matching.possible_words("ann", ["bob", "lee", "xi"]) == {}


@pytest.mark.parametrize(
    ("text", "contact", "ends"),
    [
        ("@ann_lee", True, False), ("ann.lee", True, False), ("acme.example", True, False),
        ("linkedin.com/in/ann", True, False), ("ann@", True, False), ("J. Smith", False, False),
        ("J.S.", False, False), ("Jane Doe", False, False), ("2020", False, True),
        ("-99 41", False, True), ("123", False, False),
    ],
)  # fmt: skip
def test_parts_of_contacts_and_phone_endings_are_recognised(
    text: str, contact: bool, ends: bool
) -> None:
    """Promised by docs/contract.md, "Tools": part of an email, a handle, last digits."""
    assert matching.looks_like_contact(text) is contact
    assert matching.looks_like_phone_ending(text) is ends


@pytest.mark.parametrize(
    ("text", "yes"),
    [
        ("+49 151 29260773", True), ("(415) 555-2671", True), ("0151/29260773", True),
        ("415‑555‑2671", True), ("1234567", True), ("123456", False), ("ann 1234567", False),
        ("", False), ("conv-1234567", False),
    ],
)  # fmt: skip
def test_a_phone_number_is_recognised(text: str, yes: bool) -> None:
    """Promised by docs/contract.md, "Tools": a phone number in any notation."""
    assert matching.looks_like_phone(text) is yes


@pytest.mark.parametrize(
    ("stored", "country", "typed"),
    [
        ("+49 151 29260773", None, "4915129260773"),
        ("0151 29260773", None, "+49 151 29260773"),
        ("15129260773", None, "+49 151 29260773"),
        ("415-555-2671", None, "+1 (415) 555-2671"),
        ("0151 29260773", "DE", "0049 151 29260773"),
    ],
)
def test_a_number_is_found_however_it_was_stored(
    stored: str, country: str | None, typed: str
) -> None:
    """Promised by docs/contract.md, "Tools": a phone number in any notation."""
    assert phone_key(stored, country) in matching.possible_phone_keys(typed)


def test_a_number_without_country_code_is_found_by_its_ending() -> None:
    """Promised by docs/contract.md, "Tools": a phone number in any notation."""
    for typed, stored in (("0151 29260773", "+49 151 29260773"), ("8 916 6169097", "+79166169097")):
        key = str(phone_key(stored))
        assert any(key.endswith(ending) for ending in matching.phone_endings(typed))
    assert matching.phone_endings("0123") == []


@given(anything)
def test_any_text_can_be_asked_for(text: str) -> None:
    """Ours: no text makes a look-up fail."""
    assert matching.possible_phone_keys(text) is not None
    assert matching.most_similar([ANN], []) == [ANN]
    assert matching.matched_field(ANN, word_spellings(text))
    assert matching.looks_like_contact(text) in {True, False}
