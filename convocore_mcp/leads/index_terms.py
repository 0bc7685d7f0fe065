# ruff: noqa: RUF001  letters are written as people write them
"""Index terms: what leads are found by, and what somebody typed, in the same form.

A term is a letter for its kind and a folded text: `=jane miller` (the whole current name),
`wjane` (a word of any name or company), `ijm` (initials), `p5551415…` (a phone number, backwards,
so that an ending becomes a beginning), `mjane@x.example` (an email), `ejane` (a word of an email),
`llinkedin.com/in/jane` (a link or handle), `an/a` and `n266696687` (an email and a number that are
placeholders: they join nobody, but answers show them). The mirror keeps them in its people index.

Terms cost time and space at every sync. So nicknames, and names that are written together or apart,
are found by what is looked up (`leads.names`), and only other scripts' Latin spellings have terms.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from urllib.parse import unquote

from convocore_mcp.leads.keys import MAX_CACHED_KEYS, email_key, phone_key
from convocore_mcp.leads.names.filler_words import without_titles
from convocore_mcp.leads.names.latin_spelling import latin_name_words, latin_word
from convocore_mcp.leads.names.pasted_contacts import email_addresses, phone_numbers
from convocore_mcp.models import MAX_WORD_LENGTH, NAME_WORD, Conversation, DerivedKeys
from convocore_mcp.words.folding import IDEOGRAPHS, digits, fold, words

WHOLE_NAME, INITIALS, PHONE, EMAIL, EMAIL_WORD, LINK = "=", "i", "p", "m", "e", "l"
"""The first letters of terms, with `NAME_WORD`, which the mirror needs too."""
PLACEHOLDER_EMAIL, PLACEHOLDER_PHONE = "a", "n"
"""The same of contact values without a key (`leads.keys`)."""
MAX_TERM_LENGTH = 160
"""Characters of a whole name or link that a term keeps."""
MAX_TEXT_LENGTH = 600
"""Characters of a name or company that are searched for words."""
MAX_SINGLE_NUMBER_LENGTH = 20
"""Characters of a phone field that holds one number; a longer one may hold two."""
MAX_TERMS = 1_000
"""Terms of one lead. A shared inbox may have thousands of names; the newest count."""
_LETTER_VARIANTS = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa", "Ä": "ae", "Ö": "oe", "Ü": "ue",
     "Ø": "oe", "Å": "aa", "ة": "ه", "ى": "ي", "ـ": None}
)  # fmt: skip
"""How people write a letter that their keyboard lacks, or write it carelessly: Mueller, فاطمه."""
_TOKEN = re.compile(rf"[{IDEOGRAPHS}]+|(?:(?![{IDEOGRAPHS}_])\w)+")
_IDEOGRAPH = re.compile(f"[{IDEOGRAPHS}]")
_PROFILE_PAGE, _PROFILE_NUMBER = "/profile.php", re.compile(r"(?:^|&)id=(\d+)", re.I)
"""Facebook's address of somebody without a handle; without the number it is everybody's."""
_BETWEEN_LINKS, _LINK_SIGN = re.compile(r"[\s,;|]+"), re.compile(r"\w[./]\w|@\w")
"""What stands between several links in one field, and what a link or a handle has."""
_MANY_DIGITS = re.compile(r"(?:\d[\s().\-/]*){7}")
_LINK_PREFIX = re.compile(r"^(?:[a-z][a-z0-9+.-]*:)?/*(?:www\.|m\.)?", re.IGNORECASE)


def index_terms(rows: Sequence[tuple[Conversation, DerivedKeys]], name: str | None) -> str:
    """The terms of a lead, each after a line break.

    `rows` are the lead's conversations, newest first; `name` is its current name.
    """
    terms = {f"{WHOLE_NAME}{spelling}": None for spelling in whole_name_spellings(name)}
    for c, keys in rows:
        terms |= dict.fromkeys(_terms_of_text(c.name, with_initials=True))
        terms |= dict.fromkeys(_terms_of_text(c.company))
        emails = _emails(c, keys)
        for email in emails:
            terms[f"{EMAIL}{email}"] = None
            terms |= dict.fromkeys(f"{EMAIL_WORD}{word}" for word in _clip(words(email)))
        if c.email is not None and not emails:
            terms[f"{PLACEHOLDER_EMAIL}{placeholder_form(c.email)}"] = None
        phones = _phones(c, keys)
        terms |= dict.fromkeys(f"{PHONE}{phone[::-1]}" for phone in phones)
        if c.phone is not None and not phones:
            terms[f"{PLACEHOLDER_PHONE}{placeholder_form(c.phone)}"] = None
        if c.name is not None and _MANY_DIGITS.search(c.name):  # the only name of many in a chat
            numbers = _numbers_in(c.name, c.country)
            terms |= dict.fromkeys(f"{PHONE}{number[::-1]}" for number in numbers)
        links = (part for link in c.links for part in (link, *_single_links(link)))
        terms |= dict.fromkeys(f"{LINK}{form}" for link in links for form in link_forms(link))
        if len(terms) > MAX_TERMS:
            break
    return "".join(f"\n{term}" for term in list(terms)[:MAX_TERMS])


def _emails(c: Conversation, keys: DerivedKeys) -> list[str]:
    """The key of each address in a conversation's email field."""
    found = [] if keys.email is None else [keys.email]
    if c.email is not None and c.email.count("@") > 1:
        addresses = email_addresses(c.email[:MAX_TEXT_LENGTH])
        found += (key for address in addresses if (key := email_key(address)) is not None)
    return found


def _phones(c: Conversation, keys: DerivedKeys) -> list[str]:
    """The digits of each number in a conversation's phone field."""
    found = [] if keys.phone is None else [keys.phone]
    if c.phone is not None and (keys.phone is None or len(c.phone) > MAX_SINGLE_NUMBER_LENGTH):
        found += _numbers_in(c.phone, c.country)
    return found


def _numbers_in(text: str, country: str | None) -> list[str]:
    numbers = phone_numbers(text[:MAX_TEXT_LENGTH])
    return [key for number in numbers if (key := phone_key(number, country)) is not None]


def _single_links(text: str) -> list[str]:
    """Each link or handle in a field that holds several."""
    parts = [part for part in _BETWEEN_LINKS.split(text) if _LINK_SIGN.search(part)]
    return parts if len(parts) > 1 else []


@lru_cache(maxsize=MAX_CACHED_KEYS)
def _terms_of_text(text: str | None, *, with_initials: bool = False) -> tuple[str, ...]:
    """The words of a name or company in every spelling, and perhaps the initials."""
    if text is None:
        return ()
    found: dict[str, None] = {}
    for spellings in word_spellings(text[:MAX_TEXT_LENGTH]):
        for spelling in spellings:
            found[spelling] = None
    # People ask for a single ideograph too, not only for pairs of neighbours.
    found |= dict.fromkeys(char for char in fold(text) if _IDEOGRAPH.fullmatch(char))
    if not text.isascii():
        found |= dict.fromkeys(_clip(latin_name_words(fold(text))))
    terms = [f"{NAME_WORD}{word}" for word in found]
    initials = initials_of(text) if with_initials else None
    return (*terms, f"{INITIALS}{initials}") if initials else tuple(terms)


def word_spellings(text: str) -> list[list[str]]:
    """The words of `text`, each in its possible spellings. Of Chinese, each pair of characters."""
    folded = _tokens(text)
    # Only letters outside ASCII have another spelling.
    respelled = folded if text.isascii() else _tokens(_compose(text).translate(_LETTER_VARIANTS))
    if len(folded) != len(respelled):
        respelled = folded
    parts = text.split()
    if len(parts) != len(folded):
        parts = folded  # without vowel signs, which folding takes for accents
    return [
        list(dict.fromkeys(_clip((*spellings, *latin_word(part)))))
        for *spellings, part in zip(folded, respelled, parts, strict=True)
    ]


def _tokens(text: str) -> list[str]:
    tokens: list[str] = []
    for token in _TOKEN.findall(fold(text)):
        if _IDEOGRAPH.match(token) and len(token) > 1:
            tokens += (token[i : i + 2] for i in range(len(token) - 1))
        else:
            tokens.append(token)
    return tokens


def whole_name_spellings(name: str | None) -> list[str]:
    """A name as a whole without forms of address, in its possible spellings."""
    if not name:
        return []
    if not words(name):
        return [fold(" ".join(name.split()))[:MAX_TERM_LENGTH]]  # `🚀` is a name as well
    spellings = [without_titles(words(name))]
    if not name.isascii():
        spellings.append(without_titles(words(_compose(name).translate(_LETTER_VARIANTS))))
    return list(dict.fromkeys(" ".join(s)[:MAX_TERM_LENGTH] for s in spellings if s))


def initials_of(name: str) -> str | None:
    """The first letters of a name of two to four words, if its script has initials."""
    tokens = without_titles(_TOKEN.findall(fold(name[:MAX_TEXT_LENGTH])))
    letters = "".join(token[0] for token in tokens)
    return letters if 2 <= len(tokens) <= 4 and letters.isalpha() else None


def typed_initials(text: str) -> str | None:
    """The letters of `text` if it can be initials: `JS`, `J.S.`, `j s`."""
    tokens = _TOKEN.findall(fold(text))
    letters = "".join(tokens)
    is_one_capital_word = len(tokens) == 1 and text.strip().isupper()
    can_be_initials = all(len(token) == 1 for token in tokens) or is_one_capital_word
    return letters if can_be_initials and 2 <= len(letters) <= 4 and letters.isalpha() else None


def placeholder_form(text: str) -> str:
    """A placeholder as it is looked up: its digits, if there are any."""
    without_letters = text.isascii() and not any(char.isalpha() for char in text)
    plain = digits(text) if without_letters else ""
    return plain or fold(" ".join(text.split()))[:MAX_TERM_LENGTH]


def link_forms(link: str) -> list[str]:
    """A link without scheme and query, and the handle at its end: `linkedin.com/in/ann`, `ann`."""
    line = " ".join(unquote(link).split())  # a term must not hold a line break
    address, _, query = _LINK_PREFIX.sub("", line).partition("?")
    is_numbered = address.lower().endswith(_PROFILE_PAGE)
    if is_numbered and (number := _PROFILE_NUMBER.search(query)):
        address = f"{address[: -len(_PROFILE_PAGE)]}/{number[1]}"
    address = address.split("#")[0].rstrip("/")
    whole = fold(address).removeprefix("@")[:MAX_TERM_LENGTH]
    handle = whole.rpartition("/")[2].removeprefix("@")
    return [form for form in dict.fromkeys((whole, handle)) if form.strip()]


def _clip(tokens: Iterable[str]) -> list[str]:
    return [token[:MAX_WORD_LENGTH] for token in tokens]


def _compose(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFC", text)
