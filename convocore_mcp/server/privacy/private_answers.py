"""Answers of a server that masks personal data or leaves it out: what goes in, what comes out."""

import base64
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from copy import copy
from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

from cryptography.fernet import Fernet, InvalidToken

from convocore_mcp.errors import ConvocoreError, InvalidArgumentError
from convocore_mcp.fields.personal_fields import Personal
from convocore_mcp.server.privacy.masking import WITHOUT_IDS, Masking, ids_in
from convocore_mcp.server.privacy.pseudonyms import Pseudonyms
from convocore_mcp.server.protocols import RunInThread
from convocore_mcp.server.rendering import compact
from convocore_mcp.server.sanitize import JsonObject
from convocore_mcp.server.size_limit import MAX_CHARACTERS, character_limit

if TYPE_CHECKING:
    from convocore_mcp.models.personal import PersonalValues

T = TypeVar("T")
MIN_CHARACTER_LIMIT = 5_000
"""Characters: with a lower limit, an answer does not get shorter."""


class PersonalQueries(Protocol):
    """Reads what is known of people (`store.read.personal_data.PersonalData`). Calls block."""

    @property
    def generation(self) -> str:
        """The generation of the mirror, to which the key belongs."""
        ...

    def key(self) -> bytes:
        """The secret of the mirror from which pseudonyms are made: 32 bytes."""
        ...

    def people(
        self, agent_ids: Sequence[str], ids: Iterable[str], /
    ) -> "dict[str, PersonalValues]":
        """What is known of the people with these conversation or lead IDs, by ID."""
        ...

    def values(self, agent_ids: Sequence[str], kind: Personal, /) -> Iterable[str]:
        """Every value of a kind."""
        ...

    def name_words(self, agent_ids: Sequence[str], /) -> Collection[str]:
        """The folded words of every name in the mirror."""
        ...


class Privacy:
    """Masks personal data in answers, or leaves it out."""

    def __init__(
        self, personal: PersonalQueries, read: RunInThread, agents: Sequence[str], *, left_out: bool
    ) -> None:
        self._personal = personal
        self._read = read
        self._agents = agents
        self._left_out = left_out
        self._generation = ""
        self._pseudonyms: Pseudonyms | None = None
        self._cursors: Fernet | None = None

    async def answer(self, make: Callable[[T], Awaitable[JsonObject]], request: T) -> JsonObject:
        """What `make` answers to `request`, masked; pseudonyms in the request are read.

        Masked values may be longer. So an answer near the limit is made again with a lower limit.

        Raises:
            ConvocoreError: from `make`, with its texts masked.
        """
        resolved, given = await self._read(self._resolved, request)
        limit = size = MAX_CHARACTERS
        try:
            while True:
                with character_limit(limit):
                    found = await make(resolved)
                masked = await self._read(self._masked, found, given)
                size = len(compact(masked))
                if size <= MAX_CHARACTERS or limit < MIN_CHARACTER_LIMIT:
                    return masked
                limit = int(limit * 0.9 * MAX_CHARACTERS / size)
        except ConvocoreError as error:
            raise await self._read(self._masked_error, error, given) from None

    async def values(self, found: list[str], *, names: bool) -> list[str]:
        """Completions, masked; `names` says that there are names among the IDs."""
        return await self._read(self._masked_values, found, names=names)

    async def value_of(self, text: str) -> str:
        """A text with what its pseudonyms stand for; only the operator may see it."""
        return (await self._read(self._resolved, text))[0]

    def _ready(self) -> Pseudonyms:
        generation = self._personal.generation
        if self._pseudonyms is None or generation != self._generation:
            key = self._personal.key()
            self._cursors = Fernet(base64.urlsafe_b64encode(key))
            self._pseudonyms, self._generation = Pseudonyms(key), generation
        return self._pseudonyms

    def _masking(self, found: object, given: dict[str, str]) -> Masking:
        people = self._personal.people(self._agents, ids_in(found))
        # Groups and lists of values have no lead's ID, so any name in the mirror may be in them.
        anybody = isinstance(found, dict) and not found.keys().isdisjoint(WITHOUT_IDS)
        return Masking(
            self._ready(),
            people,
            left_out=self._left_out,
            given=given,
            name_words=self._personal.name_words(self._agents) if anybody else (),
        )

    def _masked(self, found: JsonObject, given: dict[str, str]) -> JsonObject:
        masked = self._masking(found, given).answer(found)
        if cursor := masked.get("next_cursor"):
            masked["next_cursor"] = self._cipher().encrypt(cursor.encode()).decode()
        return masked

    def _masked_error(self, error: ConvocoreError, given: dict[str, str]) -> ConvocoreError:
        masking = self._masking({}, given)
        masked = copy(error)
        masked.message = masking.text(error.message, error.names)
        masked.hint = masking.text(error.hint, error.names)
        return masked

    def _masked_values(self, found: list[str], *, names: bool) -> list[str]:
        masking = self._masking({}, {})
        shown = [
            masking.value(Personal.PERSON if names and _is_name(value) else Personal.ID, value)
            for value in found
        ]
        return [value for value in shown if value]

    def _resolved(self, request: T) -> tuple[T, dict[str, str]]:
        """The request with what its pseudonyms stand for, and these pseudonyms.

        Raises:
            InvalidArgumentError: the cursor is none of ours.
        """
        pseudonyms, given = self._ready(), dict[str, str]()

        def resolved(value: object, name: str = "") -> object:
            if isinstance(value, str):
                if name == "cursor" and value:
                    return self._decrypted_cursor(value)
                found = pseudonyms.values_in(value, self._values_of)
                given.update(found)
                for pseudonym, original in found.items():
                    value = value.replace(pseudonym, original)
                return value
            if isinstance(value, tuple):
                return tuple(resolved(item) for item in value)
            if is_dataclass(value) and not isinstance(value, type):
                changed = {f.name: resolved(getattr(value, f.name), f.name) for f in fields(value)}
                return replace(value, **changed)
            return value

        return cast("T", resolved(request)), given

    def _decrypted_cursor(self, cursor: str) -> str:
        try:
            return self._cipher().decrypt(cursor.encode()).decode()
        except (InvalidToken, UnicodeError):
            raise InvalidArgumentError(
                "cursor: it was not made by this server, or it was cut or changed.",
                hint="Leave cursor out to start again.",
            ) from None

    def _cipher(self) -> Fernet:
        """Encrypts cursors: a cursor holds the values that a list is sorted by, maybe names."""
        self._ready()
        assert self._cursors is not None  # noqa: S101  made beside the pseudonyms
        return self._cursors

    def _values_of(self, kind: Personal) -> Iterable[str]:
        return self._personal.values(self._agents, kind)


def _is_name(value: str) -> bool:
    """Whether a completion is a name and not an ID."""
    return " " in value or not any(char.isdigit() for char in value)
