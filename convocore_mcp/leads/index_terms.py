# ruff: noqa: RUF001  letters are written as people write them
"""What a lead is found by, and what somebody types, both as terms of one kind.

A term is a letter for its kind and a folded text: `=jane miller` (the whole name it goes by now),
`wjane` (a word of any name or company), `ijm` (initials), `p5551415…` (a phone number, backwards,
so that an ending is a beginning), `mjane@x.example` (an email), `ejane` (a word of one),
`llinkedin.com/in/jane` (a link or handle). The mirror keeps them (`store.lookup`).
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache

from convocore_mcp.leads.keys import IDEOGRAPHS, fold, words
from convocore_mcp.models import LONGEST_WORD, WORD, Conversation, Keys

NAME, INITIALS, PHONE, EMAIL, EMAIL_WORD, LINK = "=", "i", "p", "m", "e", "l"
LONGEST_NAME = 160
"""Characters of a whole name that count."""
LONGEST_TEXT = 600
"""Characters of a name or company in which words are looked for."""
MOST = 1_000
"""Terms of one lead; a shared inbox may go by thousands of names, and the newest count."""
_VARIANTS = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa", "Ä": "ae", "Ö": "oe", "Ü": "ue",
     "Ø": "oe", "Å": "aa", "ة": "ه", "ى": "ي", "ـ": None}
)  # fmt: skip
"""How a letter is written where it is missing, or sloppily: Mueller, فاطمه."""
_TOKEN = re.compile(rf"[{IDEOGRAPHS}]+|(?:(?![{IDEOGRAPHS}_])\w)+")
_IDEOGRAPH = re.compile(f"[{IDEOGRAPHS}]")
_SCHEME = re.compile(r"^(?:[a-z][a-z0-9+.-]*:)?/*(?:www\.|m\.)?", re.IGNORECASE)


def terms(rows: Sequence[tuple[Conversation, Keys]], name: str | None) -> str:
    """The terms of a lead, each on a line: of its conversations, newest first, and its name."""
    found = {f"{NAME}{whole}": None for whole in whole_names(name)}
    for c, keys in rows:
        found |= dict.fromkeys(_of_text(c.name, initials=True))
        found |= dict.fromkeys(_of_text(c.company))
        if keys.email is not None:
            found[f"{EMAIL}{keys.email}"] = None
            found |= dict.fromkeys(f"{EMAIL_WORD}{word}" for word in _clipped(words(keys.email)))
        if keys.phone is not None:
            found[f"{PHONE}{keys.phone[::-1]}"] = None
        found |= dict.fromkeys(f"{LINK}{form}" for link in c.links for form in link_forms(link))
        if len(found) > MOST:
            break
    return "".join(f"\n{term}" for term in list(found)[:MOST])


@lru_cache(maxsize=16384)
def _of_text(text: str | None, *, initials: bool = False) -> tuple[str, ...]:
    """The words of a name or company, in every spelling, and perhaps the initials."""
    if text is None:
        return ()
    found: dict[str, None] = {}
    for spelt in pieces(text[:LONGEST_TEXT]):
        for word in spelt:
            found[word] = None
    # A single ideograph is asked for too, and so is every pair of neighbours.
    found |= dict.fromkeys(char for char in fold(text) if _IDEOGRAPH.fullmatch(char))
    made = [f"{WORD}{word}" for word in found]
    letters = initials_of(text) if initials else None
    return (*made, f"{INITIALS}{letters}") if letters else tuple(made)


def pieces(text: str) -> list[list[str]]:
    """The words of `text`, each in the ways in which it may be spelt; of Chinese, the pairs."""
    folded = _tokens(text)
    # Only other letters than ASCII have another spelling.
    other = folded if text.isascii() else _tokens(_composed(text).translate(_VARIANTS))
    if len(folded) != len(other):
        other = folded
    return [list(dict.fromkeys(_clipped(both))) for both in zip(folded, other, strict=True)]


def _tokens(text: str) -> list[str]:
    found: list[str] = []
    for token in _TOKEN.findall(fold(text)):
        if _IDEOGRAPH.match(token) and len(token) > 1:
            found += (token[i : i + 2] for i in range(len(token) - 1))
        else:
            found.append(token)
    return found


def whole_names(name: str | None) -> list[str]:
    """A name as a whole, in the ways in which it may be spelt."""
    if not name:
        return []
    spelt = [words(name)]
    if not name.isascii():
        spelt.append(words(_composed(name).translate(_VARIANTS)))
    return list(dict.fromkeys(" ".join(own)[:LONGEST_NAME] for own in spelt if own))


def initials_of(name: str) -> str | None:
    """The first letters of a name of two to four words, in a script that has some."""
    own = _TOKEN.findall(fold(name[:LONGEST_TEXT]))
    letters = "".join(word[0] for word in own)
    return letters if 2 <= len(own) <= 4 and letters.isalpha() else None


def typed_initials(text: str) -> str | None:
    """`text` as initials, if it can be that: `JS`, `J.S.`, `j s`."""
    own = _TOKEN.findall(fold(text))
    letters = "".join(own)
    single = all(len(word) == 1 for word in own) or (len(own) == 1 and text.strip().isupper())
    return letters if single and 2 <= len(letters) <= 4 and letters.isalpha() else None


def link_forms(link: str) -> list[str]:
    """A link without what says nothing, and the name at its end: `linkedin.com/in/ann`, `ann`."""
    line = " ".join(link.split())  # each term is a line
    bare = _SCHEME.sub("", line).split("?")[0].split("#")[0].rstrip("/")
    whole = fold(bare).removeprefix("@")[:LONGEST_NAME]
    handle = whole.rpartition("/")[2].removeprefix("@")
    return [form for form in dict.fromkeys((whole, handle)) if form.strip()]


def _clipped(found: Iterable[str]) -> list[str]:
    return [word[:LONGEST_WORD] for word in found]


def _composed(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFC", text)
