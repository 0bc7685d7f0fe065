# ruff: noqa: RUF001  Cyrillic legal forms look like Latin letters
"""Words around a name that are no part of it: titles, legal forms, and words of a sentence.

Titles never decide who is meant: they are left out of typed texts and of stored names alike. All
other fillers are left out only where the whole text fits nobody, as each may be part of a name.
"""

import re
from collections.abc import Sequence

from convocore_mcp.words.folding import fold


def _folded(words: str) -> frozenset[str]:
    return frozenset(fold(words).split())


TITLES = _folded("""
    mr mrs ms miss mx dr prof professor doctor sir madam madame mme mlle monsieur mademoiselle
    herr frau fräulein señor señora señorita srta sra senhor senhora signor signora signorina
    mevrouw meneer phd esq
""")
"""Forms of address in several languages; none of them is a usual name."""
LEGAL_FORMS = _folded("""
    ltd limited inc incorporated llc llp plc corp corporation co company pty pte sdn bhd pvt private
    gmbh ag kg ohg ug mbh ev se sarl sas sasu eurl sa spa srl srls snc sl slu slp sapi ltda
    eireli bv nv vof bvba sprl aps oyj oy asa kft zrt nyrt sro doo dooel jsc pjsc ooo oao zao
    ооо оао зао ип пао fze fzco dmcc wll group holding holdings gruppe grupo groupe
""")
"""Legal forms and what else follows a company's name.

Forms that are first names or surnames too (Sal, AJ, Ky) are not in the list.
"""
_IN_SENTENCES = _folded("""
    a about and are at by call called caller calls chat company contact customer client did does
    find for from get
    give him his how i in is it lead live lives looking look me named not of on one or our please
    prospect she show tell that the their them they this to two up user visitor want wanted wants
    was we were what when where who whom whose with work working works your whatsapp phone number
    ending ends email mail tel mobile cell ext extn extension ceo cto cfo founder owner manager
    director chez bei aus für por avec
    dear hi hello hey hallo liebe lieber geehrte geehrter estimado estimada querido querida olá hola
    bonjour chère gentile egregio beste regards
""")
"""Words that people put around a name; none of them is a usual name."""
_BETWEEN_WORDS = _folded("""
    von van vom de del della di da do dos das du des der die den dem la le las los el lo il het een
    und y e et con com met mit per bij as an
""")
"""Small words that are fillers only between other words: Van, Do, Le and Das are names, too."""
_PERSONS = "guy man lady woman girl boy gentleman dude person chap one colleague employee boss"
_PERSON_PHRASE = re.compile(
    rf"(?<!\w)(?:(?:the|that|this|a|our|some)\s+(?:{'|'.join(_PERSONS.split())})(?!\w)"
    rf"|(?:{'|'.join(_PERSONS.split())})\s+(?=(?:from|at|of|who|with|named|called)\b))",
    re.IGNORECASE,
)
"""`the guy`, `lady from`: alone, Guy and Man are names."""
_DOTTED = re.compile(r"(?<!\w)(?:[^\W\d_]\.\s?){1,5}[^\W\d_](?:\.|(?!\w))")
_EXTENSION = re.compile(r"(?<!\w)(?:ext|extn|extension)\b[\s.:]*\d{1,7}(?!\w)", re.IGNORECASE)


def join_dotted_legal_forms(text: str) -> str:
    """`text` with `S.A.` and `d.o.o.` in one piece: their letters would be taken for initials."""

    def joined(match: re.Match[str]) -> str:
        letters = "".join(filter(str.isalpha, match.group()))
        return f"{letters} " if fold(letters) in LEGAL_FORMS else match.group()

    return _DOTTED.sub(joined, text) if "." in text else text


def without_phrases(text: str) -> tuple[str, list[str]]:
    """`text` without `the guy` and `ext. 12`, and what was taken out."""
    left_out = []
    for pattern in (_EXTENSION, _PERSON_PHRASE):
        left_out += [found.strip() for found in pattern.findall(text)]
        text = pattern.sub(" ", text)
    return text, left_out


def without_titles(words: Sequence[str]) -> list[str]:
    """Folded words of a name without forms of address, unless it has no other words."""
    return [word for word in words if word not in TITLES] or list(words)


def is_filler(word: str, *, between: bool) -> bool:
    """Whether a folded word may be left out if nobody fits with it.

    `between` tells whether it stands between other words.
    """
    is_small = between and word in _BETWEEN_WORDS
    return is_small or word in TITLES or word in LEGAL_FORMS or word in _IN_SENTENCES
