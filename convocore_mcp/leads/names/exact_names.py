"""Ranks an exact name before leads that fit only with the words around the name."""

from collections.abc import Sequence

from convocore_mcp.leads import matching
from convocore_mcp.leads.name_search import (
    MAX_RANKED_HITS,
    Hit,
    NameSearch,
    by_whole_name,
    exact,
)
from convocore_mcp.models import NAME_WORD


def exact_names_first(
    search: NameSearch, hits: Sequence[Hit], without_fillers: NameSearch
) -> tuple[Sequence[Hit], NameSearch]:
    """Who is meant: `hits`, or leads with an exact name; also the search that found them.

    Where the words without fillers are somebody's whole name, hits with another name lose: what
    fits a filler (the `Ltd` of their company) is no evidence against an exact name. They stay
    candidates if that name is a single word, or if their company has all the words.
    """
    is_exact = matching.with_exact_name(hits[:MAX_RANKED_HITS], search.text)
    named = () if search is without_fillers or is_exact else _by_exact_name(without_fillers)
    if not named:
        return hits, search
    ids = {hit.lead_id for hit in named}
    if both := [hit for hit in hits if hit.lead_id in ids]:
        return both, search
    if len(without_fillers.tokens) > 1:
        hits = [hit for hit in hits if matching.matched_field(hit, search.tokens) == "company"]
    return [*named, *hits], without_fillers


def _by_exact_name(search: NameSearch) -> Sequence[Hit]:
    """By all words of a name, in whatever order."""
    if hits := by_whole_name(search):
        return hits
    criteria = [exact(NAME_WORD, spellings) for spellings in search.tokens]
    return matching.with_exact_name(search.hits(*criteria)[:MAX_RANKED_HITS], search.text)
