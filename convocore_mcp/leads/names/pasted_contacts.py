"""Emails, phone numbers and links in a pasted text, in whatever form they were shown or stored."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote

import phonenumbers

from convocore_mcp.leads.keys import MAX_PHONE_DIGITS, MIN_PHONE_DIGITS
from convocore_mcp.words.folding import digits

_INVISIBLE = re.compile("[\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
"""Marks of direction and width that come with text copied from chats and web pages."""
_QUOTES = " \t\r\n\"'`“”„«»‘’<>[]()"  # noqa: RUF001
_EMAIL = re.compile(r"(?:mailto:)?([^\s<>()\[\]\"',;:|]+@[^\s<>()\[\]\"',;:|?]+)(?:\?\S*)?", re.I)
_BETWEEN_ADDRESSES = re.compile("[/&]|mailto:", re.IGNORECASE)
"""What people put between two addresses, beside what ends an address anyway."""
_MESSENGER = re.compile(
    r"\S*(?:wa\.me/|phone=|number=|signal\.me/#p/)\s*\+?(?P<link>\d{7,15})\S*"
    r"|(?<!\S)sips?:\+?(?P<call>\d{7,15})@\S+"
    r"|(?<!\S)\+?(?P<chat>\d{7,15})@(?:c\.us|s\.whatsapp\.net)(?!\S)",
    re.IGNORECASE,
)
"""A link or an address that is a phone number; its digits begin with the country code."""
_LINK = re.compile(r"(?<![\w@.])(?:https?://|www\.)\S+|(?<![\w@.])[\w-]+(?:\.[\w-]+)+/\S+", re.I)
_LETTERS = re.compile(
    r"(?<!\w)(?:\+?1[-.\s])?\(?\d{3}\)?[-.\s](?=[\w-]*[a-z])[a-z\d](?:-?[a-z\d]){6,9}(?!\w)", re.I
)
"""A number with letters for its last digits: `1-800-FLOWERS`."""
_NUMBER = re.compile(
    r"(?<![\w\-@.])(?:(?:tel|whatsapp|sms|callto|fax|phone|mobile)\s*:\s*)?"
    r"([+\uff0b]?\(?\d[\d\s().\-/\u2010-\u2015]{5,}\d)"
    r"(?:\s*(?:[,;#]|;?\s*ext(?:ension|n)?\b[\s.:=]*|x)\s*\d{1,6}(?![\s().\-/]*\d))?(?![\w@])",
    re.IGNORECASE,
)
"""A number, perhaps with an extension, which is no part of it: `ext. 12`, `x12`, `;ext=12`.

Where more digits follow (`0151 29260712, 0151 29260713`), they are another number.
"""
_BETWEEN_NUMBERS = re.compile(r"\s*[/|]\s*|\s{3,}")


@dataclass(frozen=True, slots=True)
class PastedContacts:
    """The contacts in a text; `rest` is the text without them."""

    emails: Sequence[str]
    phones: Sequence[str]
    links: Sequence[str]
    rest: str

    @property
    def all(self) -> list[str]:
        """Every contact as it was written."""
        return [*self.emails, *self.phones, *self.links]

    @property
    def whole_emails(self) -> list[str]:
        """The addresses that mail can be sent to, and not only the beginning of one."""
        return [email for email in self.emails if "." in email.rpartition("@")[2]]

    @classmethod
    def of(cls, text: str) -> "PastedContacts":
        """Those in `text`, which is without invisible marks (`visible`)."""
        emails, phones, links = list[str](), list[str](), list[str]()

        def take_messenger(match: re.Match[str]) -> str:
            phones.append(f"+{match.group(match.lastgroup or 0)}")
            return " "

        def take_email(match: re.Match[str]) -> str:
            emails.append(unquote(match.group(1)).rstrip(".!"))
            return " "

        def take_link(match: re.Match[str]) -> str:
            links.append(match.group().rstrip(".,;:!?)>\"'"))
            return " "

        rest = _MESSENGER.sub(take_messenger, unquote(text) if "%2B" in text else text)
        if "://" not in rest:
            rest = _EMAIL.sub(take_email, rest)
        rest = _LINK.sub(take_link, rest)
        found, rest = _numbers(rest)
        return cls(emails, [*phones, *found], links, " ".join(rest.split()))


def visible(text: str) -> str:
    """`text` without marks of direction and width, and with ordinary blanks."""
    return " ".join(_INVISIBLE.sub("", text).split())


def unquoted(text: str) -> str:
    """`text` without quotes and brackets around it."""
    return text.strip(_QUOTES).rstrip(".,;:!?…").strip(_QUOTES)


def email_addresses(text: str) -> list[str]:
    """The addresses in a field that holds several."""
    return _EMAIL.findall(_BETWEEN_ADDRESSES.sub(" ", visible(text)))


def phone_numbers(text: str) -> list[str]:
    """The phone numbers in a field, each without its extension and with digits for letters."""
    return _numbers(visible(text))[0]


def _numbers(text: str) -> tuple[list[str], str]:
    found: list[str] = []

    def take(match: re.Match[str]) -> str:
        parts = _split_numbers(match.group(1))
        found.extend(parts)
        return " " if parts else match.group()

    def take_letters(match: re.Match[str]) -> str:
        found.append(phonenumbers.convert_alpha_characters_in_number(match.group().upper()))
        return " "

    rest = _LETTERS.sub(take_letters, text)
    rest = _NUMBER.sub(take, unicodedata.normalize("NFKC", rest))
    return found, rest


def _split_numbers(text: str) -> list[str]:
    """One number, or several that stand in one field; none if the digits are too few or many."""
    parts = [part for part in _BETWEEN_NUMBERS.split(text) if part.strip()]
    if len(parts) > 1 and all(len(digits(part)) >= MIN_PHONE_DIGITS for part in parts):
        return [number for part in parts for number in _split_numbers(part)]
    return [text] if MIN_PHONE_DIGITS <= len(digits(text)) <= MAX_PHONE_DIGITS + 3 else []
