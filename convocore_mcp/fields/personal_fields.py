"""Which fields hold personal data, by the words in their names.

Source: docs/security.md, "Personal data".
"""

import re
from collections.abc import Callable, Iterator
from enum import StrEnum
from functools import lru_cache

from convocore_mcp.fields.secrets.secret_names import name_words
from convocore_mcp.words.folding import fold


class Personal(StrEnum):
    """A kind of personal data; a pseudonym begins with it."""

    PERSON = "person"
    EMAIL = "email"
    PHONE = "phone"
    LINK = "link"
    ADDRESS = "address"
    ID = "id"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_IDS = _words("id lead_id hot_lead_ids conversation_id user_id contact_identity_id")
"""IDs, which on some channels are somebody's phone number or account."""
_EMAILS = _words("email emails mail mails correo courriel")
_PHONES = _words(
    "phone phones mobile cell cellphone telephone tel whatsapp fax msisdn telefon telefono "
    "telefone telefoon celular handy movil телефон"
)
_NAMES = _words(
    "name names firstname lastname surname fullname forename nickname username vorname nachname "
    "nombre nombres apellido apellidos prenom nom nome cognome sobrenome naam navn namn imie "
    "nazwisko isim soyad имя фамилия 姓名 名前 氏名 이름 assignee contactperson ansprechpartner"
)
_OF_THINGS = _words(
    "company product plan step file field model stage campaign event team project page brand "
    "business organization organisation org node tool domain host city country state app channel"
)
"""Beside `name`, they speak of something that is no person."""
_JOINED = re.compile(
    r"([^\W\d_]+?)?(e?mails?|phones?|mobile|names?|address|street|birth(?:day|date)?|person)(?:number|address)?"
)
"""Words written together, of which the second one tells: `birthname`, `customeremail`."""
_WRITTEN_BY = frozenset({"accepted_by", "by", "assignees", "delegated_by", "chat_assigned_to"})
_LINKS = _words(
    "link links linkedin facebook instagram twitter handle website avatar pic photo image picture"
)
_ADDRESSES = _words(
    "address street postcode birth birthday birthdate dob ssn iban passport geburtsdatum "
    "geburtstag strasse plz zip adresse adres direccion indirizzo endereco адрес"
)


@lru_cache(maxsize=4096)
def personal_kind(name: str) -> Personal | None:
    """The kind of personal data that a field of this name holds, if any."""
    name = name.removeprefix("data.")
    if name in _IDS | _WRITTEN_BY:
        return Personal.ID if name in _IDS else Personal.PERSON
    words = frozenset(_parts_of_names(name))
    return next((kind for kind, is_of in _KINDS if is_of(words)), None)


def _parts_of_names(name: str) -> Iterator[str]:
    for word in name_words(fold(name) if not name.isascii() else name):
        joined = _JOINED.fullmatch(word)
        yield from (word, *filter(None, joined.groups())) if joined else (word,)


_KINDS: tuple[tuple[Personal, Callable[[frozenset[str]], object]], ...] = (
    (Personal.EMAIL, lambda words: words & _EMAILS),
    (Personal.PHONE, lambda words: words & _PHONES),
    (Personal.PERSON, lambda words: words & _NAMES and not words & _OF_THINGS),
    (Personal.PERSON, lambda words: {"contact", "person"} <= words),
    (Personal.LINK, lambda words: words & _LINKS or {"linked", "in"} <= words),
    (Personal.ADDRESS, lambda words: words & _ADDRESSES and "ip" not in words),
)
"""The first kind that fits is taken."""
