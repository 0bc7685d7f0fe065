# ruff: noqa: RUF001  what people type looks like something else
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convocore_mcp.leads import lookup
from convocore_mcp.leads.keys import blank_before_words, phone_key, words
from convocore_mcp.models import Lead
from tests.talks import AGENT

anything = st.text(st.characters(), max_size=40)


def lead(name: str | None, company: str | None = None) -> Lead:
    text = blank_before_words(f"{name or ''}\n{company or ''}")
    return Lead(AGENT, name or "nobody", ("c",), name=name, company=company, text=text)


ANN, ANNA, HANNAH = lead("Ann Lee", "Acme"), lead("Anna Leery", "Ann & Co"), lead("Hannah Lee")


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("ann lee", [ANN]),
        ("Lee, Ann", [ANN]),
        ("ann", [ANN, ANNA]),
        ("anna", [ANNA]),
        ("hann", [ANN, ANNA, HANNAH]),
    ],
)
def test_a_whole_name_goes_before_whole_words_before_beginnings(
    text: str, fits: list[Lead]
) -> None:
    """Ours: whoever types the whole name means that one, whatever else begins like it."""
    assert lookup.best([ANN, ANNA, HANNAH], text) == fits


def test_the_nearest_are_those_most_like_every_word() -> None:
    """Promised by contract.md: "a name, perhaps misspelt"."""
    assert lookup.nearest([ANN, ANNA, HANNAH], ["hanna", "lee"]) == [HANNAH]
    assert lookup.nearest([], ["ann"]) == []


def test_it_says_which_field_fitted() -> None:
    """Promised by contract.md: `matched_on` says which field fitted."""
    assert lookup.matched_field(ANN, "lee") == "name"
    assert lookup.matched_field(ANN, "acme") == "company"
    assert lookup.matched_field(ANN, "ann acme") == "name and company"


@pytest.mark.parametrize(("typed", "meant"), [("gonzales", "gonzalez"), ("micheal", "michael")])
def test_a_misspelt_word_is_recognised(typed: str, meant: str) -> None:
    """Promised by contract.md: "perhaps misspelt"."""
    assert lookup.spellings(typed, ["smith", meant, "xu"])[0] == meant


def test_a_short_word_is_not_everybodys_misspelling() -> None:
    """Ours: better nobody, and the nearest names, than somebody else."""
    assert lookup.spellings("ann", ["bob", "lee", "xi"]) == []


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
    assert lookup.looks_like_phone(text) is yes


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
    assert phone_key(stored, country) in lookup.phone_keys(asked)


def test_a_number_without_country_code_is_found_by_its_ending() -> None:
    """Promised by contract.md: "phone in any notation"."""
    for typed, stored in (("0151 29260773", "+49 151 29260773"), ("8 916 6169097", "+79166169097")):
        key = str(phone_key(stored))
        assert any(key.endswith(ending) for ending in lookup.phone_endings(typed))
    assert lookup.phone_endings("0123") == []


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
    assert lookup.search_terms(query) == terms


@given(anything)
def test_no_text_is_too_odd_to_ask_for(text: str) -> None:
    """Ours: a lead may be asked for by anything."""
    for term in lookup.search_terms(text):
        assert term.strip().isalnum()
    assert lookup.phone_keys(text) is not None
    assert lookup.best([ANN], text) == [ANN]
    assert lookup.nearest([ANN], words(text)) == [ANN]
    assert lookup.matched_field(ANN, text) in {"name", "company", "name and company"}


@given(st.lists(st.sampled_from([ANN, ANNA, HANNAH]), unique=True), anything)
def test_the_best_are_never_nobody(leads: list[Lead], text: str) -> None:
    """Ours: whoever was found stays found."""
    assert set(lookup.best(leads, text)) <= set(leads)
    assert bool(lookup.best(leads, text)) is bool(leads)
