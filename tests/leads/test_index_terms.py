import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from convocore_mcp.leads import index_terms
from convocore_mcp.leads.keys import derive_keys
from tests.conversations import conversation

anything = st.text(st.characters(), max_size=40)


def terms_of(**fields: object) -> set[str]:
    c = conversation("c", **fields)
    return set(index_terms.index_terms([(c, derive_keys(c))], c.name).split("\n")[1:])


def test_a_lead_is_found_by_every_name_and_contact() -> None:
    """Promised by docs/contract.md, "Tools": by name, company, email, phone or handle."""
    assert terms_of(
        name="Jane Doe",
        company="Acme",
        email="J.Doe@x.example",
        phone="+1 415 555 2671",
        links=("https://www.LinkedIn.com/in/jane-doe/?x=1", "@jane_d"),
    ) == {
        "=jane doe", "wjane", "wdoe", "ijd", "wacme", "mj.doe@x.example", "ej", "edoe", "ex",
        "eexample", "p17625555141", "llinkedin.com/in/jane-doe", "ljane-doe", "ljane_d",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("Jürgen Müller", "Juergen Mueller"), ("Jürgen Müller", "jurgen muller"),
        ("Søren Ågård", "Soeren Aagaard"), ("فاطمة", "فاطمه"), ("فاطمـة", "فاطمة"),
        ("MUELLER", "Müller"), ("González", "GONZALEZ"), ("Straße", "strasse"),
        ("Mu\u0308ller", "Mueller"),
    ],
)  # fmt: skip
def test_a_name_in_another_spelling_has_a_word_in_common(name: str, typed: str) -> None:
    """Promised by docs/contract.md, "Tools": with or without accents, `Mueller` for `Müller`."""
    terms = terms_of(name=name)
    for spellings in index_terms.word_spellings(typed):
        assert any(f"w{word}" in terms for word in spellings)


def test_a_part_of_a_chinese_name_is_found_but_not_its_characters_in_another_order() -> None:
    """Promised by docs/contract.md, "Tools": words of a name, in any script."""
    terms = terms_of(name="欧阳小龙")
    for part in ("欧阳", "小龙", "阳小", "龙"):
        assert {f"w{spellings[0]}" for spellings in index_terms.word_spellings(part)} <= terms
    assert "w龙小" not in terms
    assert index_terms.word_spellings("龙小") == [["龙小"]]


@pytest.mark.parametrize(
    ("typed", "letters"),
    [("JS", "js"), ("J.S.", "js"), ("j s", "js"), ("js", None), ("Jo", None), ("J", None),
     ("J. Smith", None), ("12", None), ("ABCDE", None)],
)  # fmt: skip
def test_initials_are_capitals_or_stand_apart(typed: str, letters: str | None) -> None:
    """Promised by docs/contract.md, "Tools": initials in capitals; ours: `js` begins a word."""
    assert index_terms.typed_initials(typed) == letters


@given(anything, anything, anything)
@example("", "", "0\n0")
def test_any_text_gives_terms_that_find_it(name: str, company: str, link: str) -> None:
    """Promised by docs/contract.md, "Tools": a lead is found by its full name."""
    terms = terms_of(name=name, company=company, links=(link,))
    assert {f"={whole}" for whole in index_terms.whole_name_spellings(name)} <= terms
    for spellings in index_terms.word_spellings(name) + index_terms.word_spellings(company):
        assert {f"w{word}" for word in spellings} <= terms
    assert all(1 < len(term) <= 1 + index_terms.MAX_TERM_LENGTH for term in terms)


def test_a_lead_with_thousands_of_names_is_found_by_the_newest() -> None:
    """Ours: the number of terms of a shared inbox is bounded."""
    rows = [
        (c, derive_keys(c))
        for c in (conversation(f"c{i}", name=f"Nr{i} Name{i}") for i in range(2_000))
    ]
    terms = index_terms.index_terms(rows, "Nr0 Name0").split("\n")[1:]
    assert len(terms) == index_terms.MAX_TERMS
    assert "wnr0" in terms
