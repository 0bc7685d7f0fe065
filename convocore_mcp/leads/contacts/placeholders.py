"""Contact values that belong to nobody, each with the reason: they join no conversations.

Without this table, strangers who typed the same filler would become one person, and a hot lead
among them would disappear in another. A value that stands in a table
is still shown where it was typed.

Values that are no address or number at all (`n/a`, `none`, `anonymous`, fewer than seven digits)
need no entry: `leads.keys` gives them no key.

Source: docs/contract.md, "A lead".
"""

_WITHHELD = "a phone network puts the letters of this word in place of a withheld number"
PLACEHOLDER_NUMBERS = {
    "266696687": f"{_WITHHELD}: ANONYMOUS",
    "7378742833": f"{_WITHHELD}: RESTRICTED",
    "2562533": f"{_WITHHELD}: BLOCKED",
    "8656696": f"{_WITHHELD}: UNKNOWN",
    "86282452253": f"{_WITHHELD}: UNAVAILABLE",
    "7748283": f"{_WITHHELD}: PRIVATE",
    "1231231234": "typed to get past a form: no area code is 123",
    "1112223333": "typed to get past a form: no area code is 111",
}
"""Numbers by their digits, with or without a country code in front."""
_NO_REPLY = "nobody reads what is sent to it"
_TEST = "an address for trying things out"
_FILLER = "typed to get past a form"
PLACEHOLDER_MAILBOXES = {
    "noreply": _NO_REPLY, "donotreply": _NO_REPLY, "dontreply": _NO_REPLY, "noresponse": _NO_REPLY,
    "mailerdaemon": _NO_REPLY, "bounce": _NO_REPLY, "bounces": _NO_REPLY,
    "test": _TEST, "tests": _TEST, "testing": _TEST, "tester": _TEST, "testtest": _TEST,
    "testuser": _TEST, "testemail": _TEST, "testmail": _TEST, "dummy": _TEST, "fake": _TEST,
    "na": _FILLER, "n/a": _FILLER, "none": _FILLER, "null": _FILLER, "undefined": _FILLER,
    "nil": _FILLER, "nobody": _FILLER, "noone": _FILLER, "noemail": _FILLER, "nomail": _FILLER,
    "noname": _FILLER, "unknown": _FILLER, "anonymous": _FILLER, "anon": _FILLER,
    "private": _FILLER, "asdf": _FILLER, "asd": _FILLER, "asdasd": _FILLER, "asdfasdf": _FILLER,
    "qwerty": _FILLER, "qwe": _FILLER, "abcd": _FILLER, "xxxx": _FILLER, "blah": _FILLER,
    "youremail": _FILLER, "yourname": _FILLER,
}  # fmt: skip
"""What stands before the `@`, without dots, hyphens and underscores, at whatever domain."""
PLACEHOLDER_WORDS = frozenset(
    {
        "a", "aa", "aaa", "aaaa", "b", "x", "xx", "xxx", "abc", "foo", "bar", "no", "email", "mail",
        "user", "name", "example", "sample", "demo", "admin", "me", "you", "123", "1234", "12345",
    }
)  # fmt: skip
"""Filler when the same word is the mailbox and the domain, as nobody's is: `a@a.com`."""
_DOCUMENTATION = "example"
"""The top-level domain of documentation (RFC 2606): its addresses stand for real ones."""
PLACEHOLDER_ADDRESSES = {
    "foo@bar.com": _FILLER, "a@b.com": _FILLER, "a@b.c": _FILLER, "no@email.com": _FILLER,
    "no@mail.com": _FILLER, "name@domain.com": _FILLER, "name@email.com": _FILLER,
    "user@domain.com": _FILLER, "user@email.com": _FILLER, "you@domain.com": _FILLER,
    "your@email.com": _FILLER, "email@domain.com": _FILLER, "name@example.com": _FILLER,
    "user@example.com": _FILLER, "email@example.com": _FILLER, "you@example.com": _FILLER,
}  # fmt: skip
"""Whole addresses."""
_SEPARATORS = str.maketrans("", "", ".-_")
_COUNTED_UP = "0123456789" * 3
_COUNTED_DOWN = _COUNTED_UP[::-1]


def is_placeholder_number(digits: str) -> bool:
    """Whether a number belongs to nobody: it is in the table, or one digit repeated or counted.

    `digits` are the whole number, or what follows its country code.
    """
    if digits in PLACEHOLDER_NUMBERS or digits == digits[:1] * len(digits):
        return True
    return digits in _COUNTED_UP or digits in _COUNTED_DOWN


def is_placeholder_email(email: str) -> bool:
    """Whether an address belongs to nobody; `email` is in lower case."""
    if email in PLACEHOLDER_ADDRESSES:
        return True
    mailbox, _, domain = email.rpartition("@")
    if mailbox.translate(_SEPARATORS) in PLACEHOLDER_MAILBOXES:
        return True
    name, _, top = domain.rpartition(".")
    return mailbox in PLACEHOLDER_WORDS and name == mailbox and top != _DOCUMENTATION
