"""Contact values that belong to nobody, each with the reason: they join no conversations.

Without these tables, strangers who typed the same placeholder would become one person, and a hot
lead among them would disappear in another lead. Answers still show the value as it was typed.

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
_TYPED = "typed to get past a form"
PLACEHOLDER_MAILBOXES = {
    "noreply": _NO_REPLY, "donotreply": _NO_REPLY, "dontreply": _NO_REPLY, "noresponse": _NO_REPLY,
    "mailerdaemon": _NO_REPLY, "bounce": _NO_REPLY, "bounces": _NO_REPLY,
    "test": _TEST, "tests": _TEST, "testing": _TEST, "tester": _TEST, "testtest": _TEST,
    "testuser": _TEST, "testemail": _TEST, "testmail": _TEST, "dummy": _TEST, "fake": _TEST,
    "na": _TYPED, "n/a": _TYPED, "none": _TYPED, "null": _TYPED, "undefined": _TYPED,
    "nil": _TYPED, "nobody": _TYPED, "noone": _TYPED, "noemail": _TYPED, "nomail": _TYPED,
    "noname": _TYPED, "unknown": _TYPED, "anonymous": _TYPED, "anon": _TYPED,
    "private": _TYPED, "asdf": _TYPED, "asd": _TYPED, "asdasd": _TYPED, "asdfasdf": _TYPED,
    "qwerty": _TYPED, "qwe": _TYPED, "abcd": _TYPED, "xxxx": _TYPED, "blah": _TYPED,
    "youremail": _TYPED, "yourname": _TYPED, "notprovided": _TYPED, "notavailable": _TYPED,
    "notapplicable": _TYPED, "notgiven": _TYPED, "noemailprovided": _TYPED, "noaddress": _TYPED,
    "donthave": _TYPED, "idonthave": _TYPED, "refused": _TYPED, "declined": _TYPED,
}  # fmt: skip
"""What stands before the `@`, without dots, hyphens and underscores, at whatever domain."""
PLACEHOLDER_WORDS = frozenset(
    {
        "a", "aa", "aaa", "aaaa", "b", "x", "xx", "xxx", "abc", "foo", "bar", "no", "email", "mail",
        "user", "name", "example", "sample", "demo", "admin", "me", "you", "123", "1234", "12345",
    }
)  # fmt: skip
"""Placeholders when the same word is the mailbox and the domain: `a@a.com` is nobody's."""
_DOCUMENTATION = "example"
"""The top-level domain of documentation (RFC 2606): its addresses stand for real ones."""
PLACEHOLDER_ADDRESSES = {
    "foo@bar.com": _TYPED, "a@b.com": _TYPED, "a@b.c": _TYPED, "no@email.com": _TYPED,
    "no@mail.com": _TYPED, "name@domain.com": _TYPED, "name@email.com": _TYPED,
    "user@domain.com": _TYPED, "user@email.com": _TYPED, "you@domain.com": _TYPED,
    "your@email.com": _TYPED, "email@domain.com": _TYPED, "name@example.com": _TYPED,
    "user@example.com": _TYPED, "email@example.com": _TYPED, "you@example.com": _TYPED,
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
