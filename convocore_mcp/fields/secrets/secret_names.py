"""What is secret: credentials, IP addresses, recordings. Decided by name and shape.

A name is split into words: `userIp` is `user` and `ip`, and `secretary` is one word. A short name
that reveals little (`key`, `url`) is read together with the name of the object that it stands in. A
value is secret by its shape too, whatever its name says: a token, a JWT, an address, a recording.

Source: docs/security.md, "What never leaves".
"""

import re
from collections.abc import Mapping
from functools import lru_cache

from convocore_mcp.fields.secrets.secret_shapes import is_secret_text


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_A-Za-z]+|\d+")
_WITHIN_WORDS = _words(
    "password token secret session address bearer private refresh cookie header access record "
    "recording recordings remote visitor customer client caller server source public audio "
    "listen call link user auth addr host peer pass word file api key url uri src id ip set "
    "voiceflow vapi twilio stereo mono"
)
"""Words that are written together: `sessionkey`, `userip`."""
_JOINED = re.compile(f"(?:{'|'.join(_WITHIN_WORDS)})+")
_PART = re.compile("|".join(sorted(_WITHIN_WORDS, key=len, reverse=True)))

_CREDENTIALS = _words(
    "password passwords passwd passwort passphrase passcode passkey pwd pswd secret secrets "
    "credential credentials creds cookie cookies jwt bearer otp totp cvv cvc csrf xsrf oauth "
    "auth authorization authorisation authentication htpasswd phpsessid jsessionid presigned"
)
"""Words that make any name a secret."""
_COUNTED = _words(
    "usage count counts limit cost price num number total budget max min input output rate used "
    "remaining per estimate"
)
"""Beside `token`, they mean the tokens that an AI reads and writes."""
_KEYS = _words(
    "api access private secret session encryption signing signature auth master shared client "
    "deploy ssh pgp gpg ssl tls hmac aes rsa admin license licence webhook storage"
)
_TOKENS = _words("access refresh auth session id api bearer device push")
_SESSION_PARTS = _words("id key token hash")
_LOCATIONS = _words("url urls uri uris link links href src file files path download")
_RECORDINGS = _words("recording recordings voicemail voicemails")
_AUDIO = _words("audio listen monitor control pcap wiretap")
_NOT_AN_ADDRESS = _words("rating phone camera cameras telephony pbx tv law lawyer protection")
"""Beside `ip`, they mean something else than an address."""
_REMOTE = _words("remote peer")
_DATABASES = _words("database db mongo mongodb redis postgres postgresql mysql amqp")
_AMBIGUOUS = _words("key keys id token value url uri link href src hash code ip data")
"""Names that say too little without the name of the object around them."""
_NAME_KEYS = ("name", "key", "field", "label", "variable", "title", "id")
_VALUE_KEYS = frozenset(("value", "val", "content", "text", "data"))


def without_secrets(record: Mapping[str, object], *, inside: str = "") -> dict[str, object]:
    """`record` without what is secret, at any depth; `inside` is the name of what it stands in."""
    return {
        name: _without_inner(value, name) if isinstance(value, dict | list) else value
        for name, value in record.items()
        if not is_secret(name, value, inside)
    }


def is_secret(name: str, value: object, inside: str = "") -> bool:
    """Whether the value of the field `name` must not leave."""
    if kind := _kind_of_secret(name, inside):
        return kind is _CREDENTIAL or not isinstance(value, bool)  # `recording: true` is no secret
    return isinstance(value, str) and is_secret_text(value, is_version=_is_version(name))


_CREDENTIAL, _RECORDING_OR_ADDRESS = "credential", "recording or address"


@lru_cache(maxsize=4096)  # the same few names come with every conversation
def _kind_of_secret(name: str, inside: str) -> str | None:
    """What a name stands for: a credential, a recording or an address, or neither."""
    words = name_words(name)
    if words and inside and _AMBIGUOUS.issuperset(words):
        words = (*name_words(inside), *words)
    known = frozenset(words)
    if _is_credential(known):
        return _CREDENTIAL
    return _RECORDING_OR_ADDRESS if _is_recording(known) or _is_address(known) else None


@lru_cache(maxsize=4096)
def name_words(name: str) -> tuple[str, ...]:
    """The words of a field's name, in lower case."""
    found: list[str] = []
    for word in _WORD.findall(name):
        lower = word.lower()
        found += _PART.findall(lower) if _JOINED.fullmatch(lower) else [lower]
    return tuple(found)


def _is_credential(words: frozenset[str]) -> bool:
    return bool(
        words & _CREDENTIALS
        or _is_token(words)
        or (words & {"key", "keys"} and words & _KEYS)
        or ("session" in words and words & _SESSION_PARTS)
        or {"connection", "string"} <= words
        or (words & _DATABASES and words & _LOCATIONS)
    )


def _is_token(words: frozenset[str]) -> bool:
    return ("token" in words and not words & _COUNTED) or bool(
        "tokens" in words and words & _TOKENS
    )


def _is_recording(words: frozenset[str]) -> bool:
    located = bool(words & _LOCATIONS)
    alone = words & _RECORDINGS and words <= _RECORDINGS | {"call", "voice", "data", "id"}
    audio = words & _AUDIO or ("record" in words and words & {"call", "voice"})
    return bool(alone or (located and (audio or words & _RECORDINGS)))


def _is_address(words: frozenset[str]) -> bool:
    if words & {"ip", "ips", "ipv", "inet"}:
        return not words & _NOT_AN_ADDRESS
    remote = words & _REMOTE and words & {"addr", "address"}
    return bool(remote or {"client", "addr"} <= words or {"forwarded", "for"} <= words)


@lru_cache(maxsize=4096)
def _is_version(name: str) -> bool:
    """Whether a value of four numbers under this name is a version and not an address."""
    return not {"version", "release", "build", "firmware", "ver"}.isdisjoint(name_words(name))


def _without_inner(value: object, name: str) -> object:
    if isinstance(value, dict):
        return without_secrets(value, inside=name)
    if isinstance(value, list):
        return [_without_inner(item, name) for item in value if not _is_secret_item(item, name)]
    return value


def _is_secret_item(item: object, inside: str) -> bool:
    """Whether an item of a list is a secret: a value, or an object that names one."""
    if isinstance(item, str):
        return is_secret_text(item, is_version=_is_version(inside))
    if not isinstance(item, dict) or _VALUE_KEYS.isdisjoint(item):
        return False
    names = (item.get(key) for key in _NAME_KEYS)
    return any(isinstance(name, str) and _kind_of_secret(name, "") for name in names)
