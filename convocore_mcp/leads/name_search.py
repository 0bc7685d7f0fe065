"""The strategies that find a lead by a name, or by a part of a name, phone number, email or link.

Each strategy asks the people index for leads with certain index terms. `resolve` tries them in the
order of `STRATEGIES`, surest first.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Protocol

from convocore_mcp.leads import index_terms, matching
from convocore_mcp.leads.keys import MAX_EMAIL_LENGTH
from convocore_mcp.leads.names.latin_spelling import consonants
from convocore_mcp.leads.names.nicknames import with_nicknames
from convocore_mcp.leads.names.typed_words import TypedWord, rejoined, split_words
from convocore_mcp.models import NAME_WORD, TermAlternatives
from convocore_mcp.words.folding import digits, words

MAX_RANKED_HITS = 200
"""Hits that are searched for an exact name; more share only a common word."""
CONSONANTS = "consonants"
"""The `matched_on` of a name without vowels; other names may have the same consonants."""
MAX_COMBINED_WORDS = 6
"""Words of a text that are combined to look for near names; of more, only the first."""


class Hit(matching.IndexedPerson, Protocol):
    """A lead that the people index found, with what it takes to rank it."""

    @property
    def lead_id(self) -> str:
        """The lead's id."""
        ...


class PeopleIndex(Protocol):
    """Finds leads by their index terms. The mirror implements it (`store.read.people_index`)."""

    def hits(self, agent_id: str, criteria: Sequence[TermAlternatives], /) -> Sequence[Hit]:
        """The leads that meet every criterion, most recently active first."""
        ...

    def knows(self, agent_id: str, criterion: TermAlternatives, /) -> bool:
        """Whether any lead meets the criterion."""
        ...

    def similar_words(self, agent_id: str, word: str, /) -> Sequence[str]:
        """Words of names that share letters with `word`, most of them first."""
        ...


@dataclass(frozen=True, slots=True)
class NameSearch:
    """One typed text and the index that it is looked up in."""

    index: PeopleIndex
    agent_id: str
    text: str
    words: Sequence[TypedWord]
    fillers: frozenset[int] = frozenset()
    """The indices of words that may be no part of a name: only a whole word fits them."""

    def hits(self, *criteria: TermAlternatives) -> Sequence[Hit]:
        """The leads that meet every criterion."""
        return self.index.hits(self.agent_id, criteria)

    def similar_words(self, word: str, min_similarity: float) -> dict[str, float]:
        """The words of names that `word` may be a misspelling of, and their similarity."""
        vocabulary = self.index.similar_words(self.agent_id, word)
        return matching.possible_words(word, vocabulary, min_similarity=min_similarity)

    def knows_word(self, word: str) -> bool:
        """Whether a word is in anybody's name or company."""
        return self.index.knows(self.agent_id, exact(NAME_WORD, [word]))

    @property
    def tokens(self) -> list[Sequence[str]]:
        """The tokens of all words, each in every spelling."""
        return [spellings for word in self.words for spellings in word.tokens]

    def keeping(self, indices: Sequence[int]) -> "NameSearch":
        """The same search with only some of its words."""
        kept = [self.words[i] for i in indices]
        text = " ".join(word.written for word in kept)
        return NameSearch(self.index, self.agent_id, text, kept)

    def each_token(
        self, criterion: "Callable[[Sequence[str]], TermAlternatives]", *, filler_kind: str
    ) -> list[TermAlternatives]:
        """A criterion for each token; a filler must be a whole term of its kind."""
        return [
            exact(filler_kind, spellings) if i in self.fillers else criterion(spellings)
            for i, word in enumerate(self.words)
            for spellings in word.tokens
        ]


def exact(kind: str, values: Sequence[str]) -> TermAlternatives:
    """Any of these values as a term of that kind."""
    return TermAlternatives(exact=tuple(f"{kind}{value}" for value in values))


def prefix(kind: str, values: Sequence[str]) -> TermAlternatives:
    """Any term of that kind that begins with one of these values."""
    return TermAlternatives(prefixes=tuple(f"{kind}{value}" for value in values))


def by_phone_ending(search: NameSearch, ending: str) -> Sequence[Hit]:
    """Leads with a phone number that ends in these digits."""
    return search.hits(prefix(index_terms.PHONE, [ending[::-1]]))


def _by_last_digits(search: NameSearch) -> Sequence[Hit]:
    if not matching.looks_like_phone_ending(search.text):
        return []
    return by_phone_ending(search, digits(search.text))


def by_link(search: NameSearch) -> Sequence[Hit]:
    """By a handle, a profile or a website."""
    hits = search.hits(exact(index_terms.LINK, index_terms.link_forms(search.text)))
    return matching.with_profile(hits, search.text)


def _by_link(search: NameSearch) -> Sequence[Hit]:
    return by_link(search) if matching.looks_like_contact(search.text) else []


def _by_beginning_of_link(search: NameSearch) -> Sequence[Hit]:
    if not matching.looks_like_contact(search.text):
        return []
    return search.hits(prefix(index_terms.LINK, index_terms.link_forms(search.text)[:1]))


def _by_part_of_email(search: NameSearch) -> Sequence[Hit]:
    """By the beginning of an email, else by words of it: its domain, a name in it."""
    if not matching.looks_like_contact(search.text):
        return []
    typed = search.text.strip().casefold()[:MAX_EMAIL_LENGTH]
    whole_words = [exact(index_terms.EMAIL_WORD, spellings) for spellings in search.tokens]
    last_word_begun = [
        *whole_words[:-1],
        *(prefix(index_terms.EMAIL_WORD, spellings) for spellings in search.tokens[-1:]),
    ]
    hits = (
        search.hits(prefix(index_terms.EMAIL, [typed]))
        or search.hits(*whole_words)
        or search.hits(*last_word_begun)
    )
    return matching.with_email_containing(hits, search.text) or hits


def by_whole_name(search: NameSearch) -> Sequence[Hit]:
    """By a whole name, as it is written."""
    return search.hits(exact(index_terms.WHOLE_NAME, index_terms.whole_name_spellings(search.text)))


def _by_words(search: NameSearch) -> Sequence[Hit]:
    """By whole words; a single letter among several words is an initial."""

    def alternatives(spellings: Sequence[str]) -> TermAlternatives:
        is_initial = len(search.tokens) > 1 and len(spellings[0]) == 1 and spellings[0].isascii()
        return (prefix if is_initial else exact)(NAME_WORD, spellings)

    hits = search.hits(*search.each_token(alternatives, filler_kind=NAME_WORD))
    return matching.with_exact_name(hits[:MAX_RANKED_HITS], search.text) or hits


def _by_words_joined_or_split(search: NameSearch) -> Sequence[Hit]:
    """By words that are written together or apart: `Maryann` for `Mary Ann`, `OBrien`."""
    for joined in rejoined(search.words, search.fillers):
        criteria = [exact(NAME_WORD, s) for word in joined for s in word.tokens]
        if hits := search.hits(*criteria):
            return hits
    # A word that is somebody's name as it stands is not two words.
    unknown = [
        i
        for i, word in enumerate(search.words)
        if i not in search.fillers and not search.knows_word(word.folded)
    ]
    for i, pieces in split_words(search.words, unknown):
        if not all(map(search.knows_word, pieces)):
            continue
        letters = search.words[i].folded
        split = [exact(NAME_WORD, [piece]) for piece in pieces]
        others = [w for j, w in enumerate(search.words) if j != i]
        criteria = [*split, *(exact(NAME_WORD, s) for word in others for s in word.tokens)]
        together = [hit for hit in search.hits(*criteria) if letters in _all_letters(hit)]
        if together:
            return together
    return []


def _all_letters(hit: Hit) -> str:
    return "".join([*words(hit.name or ""), " ", *words(hit.company or "")])


def _by_initials(search: NameSearch) -> Sequence[Hit]:
    letters = index_terms.typed_initials(search.text)
    return search.hits(exact(index_terms.INITIALS, [letters])) if letters else []


def _by_beginnings(search: NameSearch) -> Sequence[Hit]:
    """By words, each of which may be only begun."""
    return search.hits(*search.each_token(lambda s: prefix(NAME_WORD, s), filler_kind=NAME_WORD))


def _by_nicknames(search: NameSearch) -> Sequence[Hit]:
    """By words, each of which may be a nickname or the full form of one.

    Names that begin with a nickname (Bobby) fit as well as those that it stands for (Robert).
    """
    if not any(with_nicknames(spellings)[len(spellings) :] for spellings in search.tokens):
        return []
    kept_whole = search.each_token(
        lambda s: exact(NAME_WORD, with_nicknames(s)), filler_kind=NAME_WORD
    )
    hits = search.hits(*kept_whole)
    begun = _by_beginnings(search) if len(search.tokens) == 1 else ()
    known = {hit.lead_id for hit in hits}
    return [*hits, *(hit for hit in begun if hit.lead_id not in known)]


def _by_name_and_contact(search: NameSearch) -> Sequence[Hit]:
    """By words of which some are in the name or company, and some in an email or link."""
    if search.fillers:
        return []
    kinds = (NAME_WORD, index_terms.EMAIL_WORD, index_terms.LINK)

    def alternatives(spellings: Sequence[str]) -> TermAlternatives:
        return TermAlternatives(
            exact=tuple(f"{NAME_WORD}{word}" for word in with_nicknames(spellings)),
            prefixes=tuple(f"{kind}{word}" for word in spellings for kind in kinds),
        )

    return search.hits(*map(alternatives, search.tokens))


def _by_consonants(search: NameSearch) -> Sequence[Hit]:
    """By Latin words for names in a script that writes no short vowels: `Muhammad` for محمد."""
    written = [[*spellings, *consonants(spellings[0])] for spellings in search.tokens]
    hits = search.hits(*(exact(NAME_WORD, words) for words in written))
    return matching.with_consonants(hits[:MAX_RANKED_HITS], written)


def _by_similar_words(search: NameSearch) -> Sequence[Hit]:
    """By words that may be misspelt; the most similar names only."""
    similar = [
        search.similar_words(spellings[0], matching.MIN_SAME_WORD_SIMILARITY)
        for spellings in search.tokens
    ]
    hits = search.hits(*(exact(NAME_WORD, list(words)) for words in similar))
    return matching.most_similar(hits, similar)


Strategy = Callable[[NameSearch], Sequence[Hit]]
STRATEGIES: tuple[tuple[str | None, Strategy], ...] = (
    ("phone", _by_last_digits),
    ("link", _by_link),
    ("email", _by_part_of_email),
    ("link", _by_beginning_of_link),
    ("name", by_whole_name),
    (None, _by_words),
    ("name", _by_words_joined_or_split),
    ("initials", _by_initials),
    ("nickname", _by_nicknames),
    (None, _by_beginnings),
    ("name and email", _by_name_and_contact),
    (CONSONANTS, _by_consonants),
)
"""Surest first, each with the field that it matches; `None`: name or company, per lead."""
LAST_RESORT: tuple[str, Strategy] = ("similar name", _by_similar_words)
"""Tried when nobody fits by any of `STRATEGIES`."""


def nearest_names(search: NameSearch, *, limit: int) -> list[str]:
    """Names with words that are related to typed words, for a hint when nobody was found.

    Those who share most words come first.
    """
    related = [
        [*spellings, *search.similar_words(spellings[0], matching.MIN_RELATED_SIMILARITY)]
        for spellings in search.tokens[:MAX_COMBINED_WORDS]
    ]
    found: dict[str, None] = {}
    for some in _largest_combinations(related):
        hits = search.hits(*(exact(NAME_WORD, names) for names in some))
        found |= dict.fromkeys(hit.name for hit in hits if hit.name)
        if len(found) >= limit:
            break
    return list(found)[:limit]


def _largest_combinations(
    related: Sequence[Sequence[str]],
) -> Iterator[Sequence[Sequence[str]]]:
    for count in range(len(related), 0, -1):
        yield from combinations(related, count)
