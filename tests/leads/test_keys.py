# ruff: noqa: RUF001  what people type looks like something else
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from convocore_mcp.leads.keys import derive_keys, email_key, phone_key
from convocore_mcp.words.folding import blank_before_words, digits, fold, words
from convocore_mcp.words.splitting import index_words
from tests.conversations import conversation

anything = st.text(st.characters(), max_size=60)
"""With lone surrogates, because JSON may hold them."""
PHONES = [
    *[
        (written, country, "4915129260773")
        for written, country in [
            ("+49 151 29260773", None), ("+49-151/292.607-73", None), ("0049 151 29260773", None),
            ("+49 (0) 151 29260773", None), ("\u200e+49 151 29260773", None),
            ("＋４９ 151 29260773", None), ("tel:+4915129260773", None),
            ("0151 29260773", "DE"), ("(0151) 292 607 73", "de"), ("4915129260773", None),
            ("4915129260773", "DE"), ("4915129260773", "US"), ("+4915129260773", "US"),
            ("+49 151 29260773 ext. 5", None),
        ]
    ],
    ("(415) 555-2671", "US", "14155552671"),
    ("1-415-555-2671", "US", "14155552671"),
    ("0100 123 4567", "EG", "201001234567"),
    ("٠١٠٠١٢٣٤٥٦٧", "EG", "201001234567"),
    ("9198634526", "IN", "919198634526"),
    ("393 123 4567", "IT", "393931234567"),
    ("5129473", "XX", "5129473"),
    ("5129473", None, "5129473"),
    ("015129260773", None, "015129260773"),
    # Numbers that nobody has been given are possible all the same.
    ("+1 555 0100", None, "15550100"),
    ("+1 (555) 010-0199", None, "15550100199"),
    ("(212) 010-0199", "US", "12120100199"),
    ("0151 11260773", "DE", "4915111260773"),
    *[
        (written, country, key)
        for key, ways in {
            "5511987654321": [
                ("+55 11 98765-4321", None), ("+55 11 8765-4321", None), ("551187654321", None),
                ("5511987654321", "BR"), ("551187654321", "US"), ("(11) 8765-4321", "BR"),
                ("011 98765-4321", "BR"),
            ],
            "551137654321": [("+55 11 3765-4321", None), ("(11) 3765-4321", "BR")],
            "525512345678": [
                ("+52 55 1234 5678", None), ("+52 1 55 1234 5678", None), ("5215512345678", None),
                ("525512345678", "US"), ("55 1234 5678", "MX"), ("5215512345678", "MX"),
            ],
            "541123456789": [
                ("+54 11 2345-6789", None), ("+54 9 11 2345-6789", None), ("5491123456789", None),
                ("+54 11 15 2345-6789", None), ("011 15 2345-6789", "AR"), ("11 2345-6789", "AR"),
                ("5491123456789", "US"),
            ],
            "543411234567": [("+54 9 341 123 4567", None), ("0341 15 123-4567", "AR")],
        }.items()
        for written, country in ways
    ],
]  # fmt: skip


@pytest.mark.parametrize(("written", "country", "key"), PHONES)
def test_a_phone_number_has_one_key_in_every_notation(
    written: str, country: str | None, key: str
) -> None:
    """Promised by docs/contract.md, "Tools": a phone number in any notation."""
    assert phone_key(written, country) == key


@pytest.mark.parametrize("text", ["", "-", "n/a", "123456", "call me", "1" * 19, "+"])
def test_a_text_without_enough_digits_is_no_phone_number(text: str) -> None:
    """Ours: otherwise everybody whose phone is `-` would be one lead."""
    assert phone_key(text, "DE") is None


@pytest.mark.parametrize(
    "written",
    [
        "+266696687", "266696687", "+7378742833", "+2562533", "+8656696", "+86282452253",
        "000-000-0000", "(000) 000-0000", "+1 000 000 0000", "+1 (111) 111-1111", "5555555555",
        "1234567890", "0123456789", "+1 123 456 7890", "+12345678901", "9876543210", "1234567",
        "+49 123456789", "+1 123 123 1234", "+999 555 0100", "+0 555 0100 0100", "+1 415 555 26",
        "+1 415 555 26711", "+44 20 7946 0958 1234 5678", "1" * 16, "anonymous", "n/a", "none",
    ],
)  # fmt: skip
@pytest.mark.parametrize("country", [None, "US", "DE"])
def test_a_placeholder_or_a_number_that_cannot_exist_is_no_key(
    written: str, country: str | None
) -> None:
    """Promised by docs/contract.md, "A lead": a placeholder joins nobody.

    Holds docs/contract.md #placeholders.
    """
    assert phone_key(written, country) is None


@given(anything, st.none() | st.text(max_size=3))
@example("+" + "9" * 300, "DE")
@example("0" * 15, "US")
def test_any_text_gives_a_valid_phone_key_or_none(text: str, country: str | None) -> None:
    """Ours: visitors type any text; a key has digits only."""
    key = phone_key(text, country)
    assert key is None or (key.isascii() and key.isdecimal() and 7 <= len(key) <= 18)


@given(st.from_regex(r"\+[1-9][0-9 ()-]{8,18}", fullmatch=True))
@example("+31000001")  # loses a zero each time that it is read
@example("+49--00001")  # has too few digits without the 0 that is dialled before it
@example("+86 0 282452253")  # is a withheld number without that 0
def test_the_key_of_a_key_is_itself(text: str) -> None:
    """Ours: looking up a key finds it."""
    key = phone_key(text)
    assert key is None or phone_key(f"+{key}") == key


@pytest.mark.parametrize(
    ("written", "key"),
    [
        (" Ann@X.Example\n", "ann@x.example"),
        ("JOSÉ@x.example", "josé@x.example"),
        ("a@b@x.example", "a@b@x.example"),
        ("n/a", None), ("-", None), ("@", None), ("ann@", None), ("@x.example", None),
        ("test@test.com", None), ("Test@Acme.example", None), ("no-reply@acme.example", None),
        ("noreply@x.example", None), ("not-provided@x.example", None),
        ("do.not_reply@x.example", None), ("a@a.com", None),
        ("n/a@n/a", None), ("none@none.com", None), ("anonymous@anonymous.invalid", None),
        ("foo@bar.com", None), ("a@x.example", "a@x.example"), ("x@a.com", "x@a.com"),
        ("smith@smith.com", "smith@smith.com"), ("testa@x.example", "testa@x.example"),
        ("info@info.de", "info@info.de"),
        ("Ann <ann@x.example>", "ann@x.example"), ("mailto:ann@x.example", "ann@x.example"),
        ("\u200bann@x.example\u202c", "ann@x.example"), ("<ann@x.example>;", "ann@x.example"),
        ("ann@x.example, bob@x.example", None), ("Test <test@test.com>", None),
        ("", None), (None, None), ("a" * 255 + "@x.example", None),
    ],
)  # fmt: skip
def test_an_email_is_compared_without_case_and_what_is_pasted_around_it(
    written: str | None, key: str | None
) -> None:
    """Promised by docs/contract.md, "A lead": the same email; ours: `n/a` is no email."""
    assert email_key(written) == key


@given(anything.map(lambda text: f"{text}@x.example") | anything)
def test_an_email_key_is_its_own_key_however_it_was_composed(text: str) -> None:
    """Ours: case and Unicode composition do not distinguish people."""
    key = email_key(text)
    assert key == email_key(unicodedata.normalize("NFD", text))
    if key is not None:
        assert email_key(key) == key
        assert "@" in key


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("GONZÁLEZ", "gonzalez"), ("Straße", "strasse"), ("Łukasz Øre", "lukasz ore"),
        ("𝐉𝐨𝐡𝐧", "john"), ("Ｊｏｈｎ", "john"), ("ﬁne", "fine"), ("İstanbul", "istanbul"),
        ("Ёлка", "елка"), ("Σίσυφος", "σισυφοσ"), ("हिन्दी", "हनद"), ("한국", "한국"),
    ],
)  # fmt: skip
def test_folding_keeps_the_letters(text: str, folded: str) -> None:
    """Ours: `gonzalez` finds González, in any script."""
    assert fold(text) == folded


@given(anything)
def test_folding_twice_is_folding_once(text: str) -> None:
    """Ours: a query is folded just as the text was."""
    folded = fold(text)
    assert fold(folded) == folded
    assert not any(unicodedata.combining(char) for char in folded)
    assert fold(unicodedata.normalize("NFD", text)) == folded


@given(anything)
def test_words_are_folded_and_whole(text: str) -> None:
    """Ours: search patterns are made of words."""
    found = words(text)
    assert all(word.isalnum() for word in found)
    assert words(" ".join(found)) == found
    assert blank_before_words(text) == "".join(f" {w}" for w in dict.fromkeys(found))


def test_a_word_of_hindi_is_one_word_and_each_ideograph_is_one() -> None:
    """Ours: Python counts no vowel sign as a letter, and Chinese has no blanks."""
    assert words("राहुल पटेल") == ["रहल", "पटल"]
    assert words("客户 ok") == ["客", "户", "ok"]


@given(anything)
def test_digits_are_ascii(text: str) -> None:
    """Ours: digits of every script are read."""
    assert digits(text).isdecimal() or not digits(text)
    assert digits(text).isascii()


@given(anything, anything, anything)
def test_any_conversation_has_keys(one: str, two: str, three: str) -> None:
    """Ours: one odd row must not stop a page."""
    c = conversation("c", name=one, email=two, phone=three, value=one, currency=two, tags=(three,))
    found = derive_keys(c)
    assert found.unparsed is (found.amount is None)
    assert all(f" {word}" in found.text for word in index_words(one))
