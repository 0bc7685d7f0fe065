"""Masks an answer: fields by their names, texts by what is known of the people in the answer."""

import json
import math
import re
from collections.abc import Collection, Iterator, Mapping

from convocore_mcp.fields.personal_fields import Personal, personal_kind
from convocore_mcp.fields.table import BY_NAME, Kind
from convocore_mcp.models.personal import NOBODY, PersonalValues
from convocore_mcp.server.privacy.pseudonyms import PSEUDONYM, Pseudonyms
from convocore_mcp.server.privacy.text_masks import CERTAIN_DIGITS, known_phone, mask_text
from convocore_mcp.server.rendering import compact
from convocore_mcp.server.sanitize import JsonObject
from convocore_mcp.words.folding import fold
from convocore_mcp.words.shown_ids import ids_shown_as

ID_FIELDS = ("id", "lead_id", "conversation_id")
WITHOUT_IDS = frozenset({"groups", "valid"})
"""Parts of an answer in which values stand without anybody's ID."""
OWN_WORDS = frozenset({"none", "(other)", "unknown"})
"""Words that answers show in place of a value that is missing."""
_WITHOUT_PERSONAL_DATA = frozenset({
    "as_of", "oldest", "at", "seen", "since", "until", "definition", "timezone", "sort", "currency",
    "kind", "matched_on", "code", "from", "event_id", "agent_id", "region", "type", "due", "asked",
    "accepted", "done", "next_cursor", "by_time", "of",
})  # fmt: skip
"""Fields that hold nothing that a visitor wrote."""
_NO_NAMES = _WITHOUT_PERSONAL_DATA | {
    name for name, field in BY_NAME.items() if field.kind is Kind.CHOICE
}
"""Fields with a vocabulary: a stage `new` is not somebody called New."""
_SENTENCES = frozenset({"kind", "type", "lost_reason", "end_reason", "call_error"})
"""Fields of which some values are a word of a vocabulary, and others a sentence."""
_PERSONAL_ID = re.compile(r"@|\d{7}")
"""Found in an ID that is a phone number, an email address or an account."""
_MIN_PHONE_NUMBER = 10**6
"""A smaller number is a count."""
_MIN_CERTAIN_NUMBER = 10 ** (CERTAIN_DIGITS - 1)
"""A smaller number is a count also where its digits are the end of a phone number."""
_WORD = re.compile(r"[^\W\d_]{2,}")
ANYBODY = PersonalValues(names=("",))
"""Marks where any name in the mirror may stand."""
_TEXT_FIELD = re.compile(r'("((?:[^"\\]|\\.)*)"\s*:\s*["\[])((?:(?<=\[)[^\]{]+|(?:[^"\\]|\\.)+))')
"""A text in a JSON object, or a list of texts, with its name."""
_MARKED = re.compile(rf"({PSEUDONYM.pattern}|\[(?:{'|'.join(Personal)})\])")
_CONDITION = re.compile(r"\s*([\w.]+)\s*(!?[=~])\s*(.*)", re.DOTALL)


class Masking:
    """Masks one answer."""

    def __init__(
        self,
        pseudonyms: Pseudonyms,
        people: Mapping[str, PersonalValues],
        *,
        left_out: bool,
        given: Mapping[str, str],
        name_words: Collection[str] = (),
    ) -> None:
        """`people` are those in the answer, by each of their IDs.

        `given` maps the pseudonyms in the arguments to what they stand for. With `left_out`, fields
        are left out instead of masked. `name_words` are those of everybody.
        """
        self._pseudonyms = pseudonyms
        self._people = people
        self._left_out = left_out
        self._given = {value: pseudonym for pseudonym, value in given.items() if value}
        self._name_words = name_words
        self._all = NOBODY
        for known in dict.fromkeys(people.values()):
            self._all = self._all.joined(known)

    def answer(self, answer: JsonObject) -> JsonObject:
        """The answer without personal data."""
        return self._object(answer, self._all)

    def text(self, text: str, names: Collection[str] = ()) -> str:
        """A text without personal data, which may hold these names."""
        return self._text(text, self._all.joined(PersonalValues(names=tuple(names))), names=True)

    def value(self, kind: Personal, value: str) -> str | None:
        """A value of a personal field: its pseudonym, or nothing where it is to be left out."""
        if value in OWN_WORDS or PSEUDONYM.fullmatch(value):
            return value
        if kind is Personal.ID:
            return self._id(value)
        return None if self._left_out else self._pseudonyms.of(_kind_of(kind, value), value)

    def _object(self, found: Mapping[str, object], known: PersonalValues) -> JsonObject:
        if known is not ANYBODY:
            known = self._scope(found, known)
        masked = {}
        for name, value in found.items():
            inner = ANYBODY if name in WITHOUT_IDS else known
            shown = self._value(name, value, inner)
            if shown is not None:
                masked[self._key(name)] = shown
        return masked

    def _scope(self, found: Mapping[str, object], known: PersonalValues) -> PersonalValues:
        """The known values of the person that an object is about."""
        ids = (id_ for n in ID_FIELDS if n in found for id_ in ids_shown_as(str(found[n])))
        return next((person for id_ in ids if (person := self._people.get(id_))), known)

    def _key(self, name: str) -> str:
        return name if name.isidentifier() else self._condition(name)

    def _value(self, name: str, value: object, known: PersonalValues) -> object:
        if isinstance(value, dict):
            return self._object(value, known)
        if isinstance(value, list):
            items = (self._value(name, item, known) for item in value)
            kept = [item for item in items if item is not None]
            return kept if kept or not value else None
        kind = None if _CONDITION.fullmatch(name) else personal_kind(name)
        if kind is not None and isinstance(value, int) and value >= _MIN_PHONE_NUMBER:
            return self.value(kind, str(value))
        if not isinstance(value, str):
            return self._number(value, known)
        if kind is None and value.startswith(("{", "[")):
            return self._object_in_text(name, value, known)
        return self.value(kind, value) if kind else self._text_field(name, value, known)

    def _number(self, value: object, known: PersonalValues) -> object:
        """A number that is none of the person's phone numbers."""
        if isinstance(value, int | float) and _MIN_CERTAIN_NUMBER <= value < math.inf:
            phone = known_phone(f"{value:.0f}", known, least=CERTAIN_DIGITS)
            return value if phone is None else self.value(Personal.PHONE, phone)
        return value

    def _object_in_text(self, name: str, text: str, known: PersonalValues) -> str | None:
        """A text that is an object or a list, as a captured variable may be; it may be cut off."""
        try:
            found = json.loads(text)
        except ValueError:
            text = _TEXT_FIELD.sub(self._masked_text_field, text)
        else:
            masked = self._value(name, found, known)
            if masked != found:
                return compact(masked)
        return self._text_field(name, text, known)

    def _masked_text_field(self, match: re.Match[str]) -> str:
        kind = personal_kind(match[2])
        return match[1] + (self._replacement(kind, match[3]) if kind else match[3])

    def _text_field(self, name: str, value: str, known: PersonalValues) -> str | None:
        is_sentence = name in _SENTENCES and " " in value
        if name in _WITHOUT_PERSONAL_DATA and not is_sentence:
            return value
        if name == "contact":
            parts = [self.value(Personal.PHONE, part) for part in value.split(", ")]
            return ", ".join(filter(None, parts)) or None
        if name == "where":
            return self._condition(value)
        return self._text(value, known, names=is_sentence or name not in _NO_NAMES)

    def _condition(self, text: str) -> str:
        """A condition of `where`, with the value of a personal field masked."""
        match = _CONDITION.fullmatch(text)
        kind = personal_kind(match[1]) if match else None
        if match is None or kind is None:
            return self._text(text, self._all, names=True)
        shown = [self.value(kind, part) or "…" for part in match[3].split("|")]
        return f"{match[1]}{match[2]}{'|'.join(shown)}"

    def _text(self, text: str, known: PersonalValues, *, names: bool) -> str:
        for value, pseudonym in self._given.items():
            text = text.replace(value, pseudonym)
        text = mask_text(text, known, self._replacement, names=names)
        if known is not ANYBODY or not names:
            return text
        # Not before: a name in an email address must not keep the rest of it from being found.
        return "".join(
            part if _MARKED.fullmatch(part) else _WORD.sub(self._masked_word, part)
            for part in _MARKED.split(text)
        )

    def _masked_word(self, match: re.Match[str]) -> str:
        word = match.group()
        return self._replacement(Personal.PERSON, word) if fold(word) in self._name_words else word

    def _replacement(self, kind: Personal, value: str) -> str:
        return f"[{kind}]" if self._left_out else self._pseudonyms.of(kind, value)

    def _id(self, value: str) -> str:
        id_ = next((id_ for id_ in ids_shown_as(value) if id_ in self._people), value)
        personal = _PERSONAL_ID.search(id_) is not None
        return self._pseudonyms.of(Personal.ID, id_) if personal else value


def _kind_of(kind: Personal, value: str) -> Personal:
    """The kind of a value by its form: names and contacts may hold an email address."""
    return Personal.EMAIL if "@" in value and kind is not Personal.LINK else kind


def ids_in(value: object) -> Iterator[str]:
    """The IDs of people and conversations anywhere in an answer."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in ID_FIELDS and isinstance(inner, str):
                yield from ids_shown_as(inner)
            else:
                yield from ids_in(inner)
    elif isinstance(value, list):
        for item in value:
            yield from ids_in(item)
