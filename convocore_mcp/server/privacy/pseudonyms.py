"""Pseudonyms: the same for the same value of one mirror; nobody computes them without its key.

A pseudonym is the kind of the value and ten letters of a keyed hash of its canonical form, so two
spellings of one phone number have one pseudonym. It leads back to the value by comparing it with
those of all values of its kind: nothing is stored.
"""

import base64
import re
from collections.abc import Callable, Iterable
from hashlib import blake2b

from convocore_mcp.fields.personal_fields import Personal
from convocore_mcp.leads.keys import email_key, phone_key
from convocore_mcp.words.folding import digits, fold

HASH_LETTERS = 10
"""Of 32 each: among a million people, two share a pseudonym in one of two thousand mirrors."""
PSEUDONYM = re.compile(
    rf"(?<![\w-])(?:{'|'.join(Personal)})-[a-z2-7]{{{HASH_LETTERS}}}(?![\w-])", re.IGNORECASE
)
MAX_KEPT_PSEUDONYMS = 200_000

ValuesOf = Callable[[Personal], Iterable[str]]
"""Every value of one kind in the mirror, as it was written."""


class Pseudonyms:
    """Makes pseudonyms, and remembers what they stand for."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._values: dict[str, str] = {}

    def of(self, kind: Personal, value: str) -> str:
        """The pseudonym of a value."""
        text = f"{kind}\0{_canonical(kind, value)}"
        hashed = blake2b(text.encode("utf-8", "replace"), key=self._key, digest_size=10).digest()
        pseudonym = f"{kind}-{base64.b32encode(hashed).decode().lower()[:HASH_LETTERS]}"
        if len(self._values) > MAX_KEPT_PSEUDONYMS:
            self._values.clear()
        self._values.setdefault(pseudonym, value)
        return pseudonym

    def values_in(self, text: str, values_of: ValuesOf) -> dict[str, str]:
        """The pseudonyms in a text that somebody has, with what each stands for."""
        found = {}
        for written in dict.fromkeys(PSEUDONYM.findall(text)):
            pseudonym = written.lower()
            if pseudonym not in self._values:
                kind = Personal(pseudonym.partition("-")[0])
                for value in values_of(kind):
                    if self.of(kind, value) == pseudonym:
                        break
            if pseudonym in self._values:
                found[written] = self._values[pseudonym]
        return found


def _canonical(kind: Personal, value: str) -> str:
    match kind:
        case Personal.EMAIL:
            return email_key(value) or value.strip().lower()
        case Personal.PHONE:
            return phone_key(value, None) or digits(value) or value
        case Personal.ID:
            return value
        case _:
            return " ".join(fold(value).split())
