"""Finding conversations by words: the terms of a search as a condition in SQL.

The full-text index knows which words a conversation has, and not in which order. So where a search
has a phrase, or a part of a run of three characters and more, the conversations that the index
finds are read, and `words.row_words` decides which of them stay.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    column,
    false,
    func,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY

from convocore_mcp.models import Filter, NumberTerm, PhraseTerm, RunTerm, Term, Terms, WordTerm
from convocore_mcp.store.database.columns import Text
from convocore_mcp.store.database.parsed_records import stored_list, stored_object
from convocore_mcp.store.database.schema import conversations, meta, records
from convocore_mcp.store.database.search_tokens import (
    AllOf,
    AnyOf,
    TokenQuery,
    agent_tag,
    has_tokens,
    language_token,
    number_token,
    value_token,
    word_token,
)
from convocore_mcp.store.read.inflected_words import known_inflections
from convocore_mcp.words.inflections import LANGUAGES
from convocore_mcp.words.row_words import row_matches
from convocore_mcp.words.splitting import pairs

KeyT = TypeVar("KeyT")
_c = conversations.c
_TEXTS = (
    _c.name, _c.email, _c.phone, _c.company, _c.title, _c.summary, _c.last_message, _c.notes,
    _c.phone_key,
)  # fmt: skip
"""The texts of `words.searched`, but for the tags and what only the record holds."""
_FUNNEL = '"funnel_summary":"'
_ROW_LANGUAGES = (*LANGUAGES, None)
_MAX_KNOWN_SEARCHES = 8
"""Searches whose verified versions a connection remembers: one question searches several times."""


@dataclass(frozen=True, slots=True)
class WordSearch:
    """What a search requires of a version: tokens, or to be one of the verified versions."""

    tokens: TokenQuery | None
    """Tokens that must occur; `None` if none must."""
    versions: tuple[int, ...] | None = None
    """Where tokens could not tell: the `valid_from` of each version that has the words."""

    @property
    def is_empty(self) -> bool:
        """Whether every version meets it."""
        return self.tokens is None and self.versions is None

    def condition(self, connection: Connection, *, by_index: bool = True) -> ColumnElement[bool]:
        """The condition on `conversations`; `by_index` as in `has_tokens`."""
        conditions: list[ColumnElement[bool]] = [true()]
        if self.tokens is not None:
            conditions.append(has_tokens(connection, self.tokens, by_index=by_index))
        if self.versions is not None:
            version = _c.valid_from if by_index else _c.valid_from + 0
            conditions.append(version.in_(_numbers(connection, self.versions)))
        return and_(*conditions)


def filter_search(connection: Connection, agent_id: str, criteria: Filter) -> WordSearch | None:
    """The words and values of `criteria`; `None` if no conversation can have them."""
    tag = agent_tag(agent_id)
    values = [
        AnyOf(tuple(value_token(tag, kind, value) for value in chosen))
        for kind, chosen in (
            ("stage", criteria.stages), ("state", criteria.states), ("label", criteria.labels),
            ("channel", criteria.channels), ("tag", criteria.tags),
            ("assignee", criteria.assignees), ("attention", criteria.attention),
        )
        if chosen
    ]  # fmt: skip
    if criteria.terms is None:
        return WordSearch(_all_of(values))
    words = _word_tokens(connection, agent_id, criteria.terms)
    if words is None:
        return None
    if not any(_needs_order(term) for group in criteria.terms for term in group):
        return WordSearch(_all_of([words, *values]))
    return WordSearch(_all_of(values), _verified(connection, agent_id, criteria.terms, words))


def terms_condition(
    connection: Connection, agent_id: str, terms: Terms, *, by_index: bool = True
) -> ColumnElement[bool]:
    """The versions (rows of `conversations`) of an agent that have a term of every group.

    Whether they are valid is another condition. A lead has all groups if for each `group` one of
    its conversations meets `terms_condition(connection, agent_id, (group,))`.
    """
    search = filter_search(connection, agent_id, Filter(terms=terms))
    return false() if search is None else search.condition(connection, by_index=by_index)


def field_condition(
    connection: Connection,
    agent_id: str,
    column: ColumnElement[str],
    terms: Terms,
    *,
    texts: Callable[[str], Iterable[str]] = lambda text: (text,),
    searched: bool = False,
) -> ColumnElement[bool]:
    """The versions of an agent that have a term of every group in one column of `conversations`.

    `texts` reads a column that holds a list; `searched` says that `terms_condition` covers the
    column, so that few rows are read. Its negation also holds where the column is empty.
    """
    query = select(_c.valid_from, column, _c.language).where(
        _c.agent_id == agent_id, column.is_not(None)
    )
    if searched:
        query = query.where(terms_condition(connection, agent_id, terms))
    versions = matching_keys(connection, query, terms, texts=texts)
    return _c.valid_from.in_(_numbers(connection, tuple(versions)))


def matching_keys(
    connection: Connection,
    query: Select[KeyT, str | None, str | None],
    terms: Terms,
    *,
    texts: Callable[[str], Iterable[str]] = lambda text: (text,),
) -> list[KeyT]:
    """The keys of the rows whose text has a term of every group.

    `query` selects a key, a text and a language; `texts` reads the text if it holds a list. For a
    field that the search covers, `terms_condition` leaves few rows to be read.
    """
    known: dict[tuple[str, str | None], bool] = {}
    found = []
    for key, text, language in connection.execute(query):
        if text is not None:
            fits = known.get((text, language))
            if fits is None:
                fits = row_matches(texts(text), terms, language=language)
                known[text, language] = fits
            if fits:
                found.append(key)
    return found


def _all_of(items: list[TokenQuery] | list[AnyOf]) -> TokenQuery | None:
    return AllOf(tuple(items)) if items else None


def _word_tokens(connection: Connection, agent_id: str, terms: Terms) -> TokenQuery | None:
    """The tokens of every version that has the terms, if not only of these."""
    if not terms:
        return None
    tag = agent_tag(agent_id)
    return AllOf(
        tuple(AnyOf(tuple(_tokens(connection, tag, term) for term in group)) for group in terms)
    )


def _tokens(connection: Connection, tag: str, term: Term) -> TokenQuery:
    match term:
        case WordTerm():
            return _with_inflections(connection, tag, term.text)
        case NumberTerm():
            return f"{number_token(tag, term.digits)}*"
        case RunTerm():
            if len(term.text) == 1:
                return f"{word_token(tag, term.text)}*"
            return AllOf(tuple(word_token(tag, pair) for pair in pairs(term.text)[:-1]))
        case PhraseTerm():
            parts = (
                AnyOf(tuple(_tokens(connection, tag, word) for word in part)) for part in term.parts
            )
            return AllOf(tuple(parts))


def _with_inflections(connection: Connection, tag: str, word: str) -> TokenQuery:
    """A beginning of words, or a known inflection in a row of a language that has it."""
    known = known_inflections(connection, tag, word)
    languages: dict[tuple[str, ...], list[str | None]] = {}
    for language in _ROW_LANGUAGES:
        counting = {
            inflected
            for forms, of_language in known.items()
            for inflected in of_language
            if forms.counts_in(inflected, language)
        }
        languages.setdefault(tuple(sorted(counting)), []).append(language)
    options: list[TokenQuery] = [f"{word_token(tag, word)}*"]
    for words, of_rows in languages.items():
        if words:
            in_language = AnyOf(tuple(language_token(tag, language) for language in of_rows))
            one_of = AnyOf(tuple(word_token(tag, inflected) for inflected in words))
            options.append(AllOf((in_language, one_of)))
    return AnyOf(tuple(options))


def _needs_order(term: Term) -> bool:
    return isinstance(term, PhraseTerm) or (isinstance(term, RunTerm) and len(term.text) > 2)


def _verified(
    connection: Connection, agent_id: str, terms: Terms, tokens: TokenQuery
) -> tuple[int, ...]:
    """The versions, valid or not, that have the terms: read, because tokens have no order."""
    generation = select(meta.c.value).where(meta.c.key == "generation").scalar_subquery()
    state = connection.execute(select(generation, func.max(_c.valid_from))).one()
    known = connection.info.setdefault("convocore_verified", {})
    key = (agent_id, terms, *state)
    if key not in known:
        if len(known) >= _MAX_KNOWN_SEARCHES:
            known.clear()
        known[key] = tuple(_verify(connection, terms, tokens))
    versions: tuple[int, ...] = known[key]
    return versions


def _verify(connection: Connection, terms: Terms, tokens: TokenQuery) -> Iterator[int]:
    # The tokens have decided about all other groups.
    undecided = tuple(group for group in terms if any(map(_needs_order, group)))
    query = (
        select(_c.valid_from, _c.language, _c.tags, records.c.record, *_TEXTS)
        .join(records, records.c.valid_from == _c.valid_from)
        .where(has_tokens(connection, tokens))
    )
    for version, language, tags, record, *texts in connection.execute(query):
        # Most records have none, and parsing a record takes longer than all the rest.
        funnel_summary = stored_object(record).get("funnel_summary") if _FUNNEL in record else None
        searched = [*filter(None, (*texts, funnel_summary)), *stored_list(tags)]
        if row_matches(searched, undecided, language=language):
            yield version


def _numbers(connection: Connection, numbers: tuple[int, ...]) -> Select[int]:
    """A table of numbers as one parameter, so that the statement is the same for all."""
    number = column("value", _c.valid_from.type)
    if connection.dialect.name == "postgresql":
        given = func.unnest(bindparam(None, list(numbers), type_=ARRAY(_c.valid_from.type)))
        table = given.table_valued(number, name="found_versions").render_derived()
    else:
        given = func.json_each(bindparam(None, json.dumps(numbers), type_=Text))
        table = given.table_valued(number, name="found_versions")
    return select(table.c.value)
