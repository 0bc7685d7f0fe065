"""What is secret by its shape: tokens, IP addresses and recordings, whatever the field is called.

A whole value of such a shape is secret, and within a text such a part is.
"""

import ipaddress
import re
from urllib.parse import urlsplit

REMOVED = "[removed]"
"""Stands for a secret within a text."""
# Patterns are texts here: they are compiled at the first use, which most starts never come to.
_PREFIXED = (
    r"sk-[\w-]{16,}|[spr]k_(?:live|test)_\w{10,}|whsec_\w{16,}"  # OpenAI and others, Stripe
    r"|gh[opsur]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}"  # GitHub, GitLab
    r"|xox[abeoprs]-[\w-]{10,}|A[KS]IA[0-9A-Z]{16}|AIza[\w-]{30,}|ya29\.[\w-]{20,}"  # Slack, clouds
    r"|VF\.[A-Z]{2,}\.[\w.-]{16,}|EAA[0-9A-Za-z]{30,}|SG\.[\w-]{16,}\.[\w-]{16,}"  # Voiceflow, …
    r"|npm_\w{30,}|hf_\w{30,}|shp(?:at|ss|ca|pa)_\w{20,}|dop_v1_\w{30,}"
)
"""Tokens with a prefix that names their issuer; each issuer documents its own."""
_TOKEN = (
    rf"\b(?:eyJ[\w-]{{8,}}\.[\w-]{{8,}}(?:\.[\w-]*)?|{_PREFIXED})"  # a JWT, or a prefixed token
    r"|\b(?i:bearer|basic)\s+[\w.~+/-]{16,}=*"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
)
_URL = (
    r"(?i)\b(?:https?|wss?|ftp|s3|rtsp|sip|[a-z]+(?:\+[a-z]+)?)://"
    r"(?:[^\s/?#@]*@)?(?:\[[^\s\]]*\])?"  # a user and password, an address in brackets
    r"[^\s<>\"'\])}]*"
)
_RECORDING_HOSTS = (
    r"(?i)(?:^|\.)(?:vapi\.ai|recordings?\.[\w.-]+|api\.twilio\.com|media\.twiliocdn\.com"
    r"|recording[\w-]*\.[\w.-]+)$"
)
"""Where calls are recorded or can be listened to."""
_RECORDING_PATH = r"(?i)/(?:recordings?|listen|voicemails?)(?:/|$)"
_AUDIO = r"(?i)\.(?:mp3|wav|ogg|oga|opus|m4a|aac|flac|amr|webm|pcap)$"
_SIGNED = r"(?i)[?&](?:x-amz-signature|x-goog-signature|sig|signature|token)="
_OCTETS = r"(?:\d{1,3}\.){3}\d{1,3}"
_IPV4 = rf"(?<![\w./-])(?:::ffff:)?({_OCTETS})(?::\d{{1,5}})?(?:/\d{{1,2}})?(?![\w.]*\w)"
_IPV6 = r"(?i)(?<![\w:.])\[?([0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7})\]?(?![\w:.]*\w)"
_VERSION_BEFORE = r"(?i)\b(?:v|ver(?:sion)?|release|build|firmware)[\s.:]*$"
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
_MIN_ADDRESS_LENGTH = 7
"""Characters of the shortest address."""
_LONG = re.compile(r"[!-~]{16}")
_LONG_AFTER_BLANK = re.compile(r" [!-~]{16}")
"""A token has at least 16 characters. The blank makes the search four times as fast."""


def is_secret_text(text: str, *, is_version: bool = False) -> bool:
    """Whether a whole value is a secret; `is_version` if its name says that it is a version."""
    if not _may_hold_secret(text):
        return False
    text = text.strip()
    if re.match(_TOKEN, text) or ("://" in text and _is_secret_url(text)):
        return True
    return not is_version and _is_address(text)


def without_secret_parts(text: str) -> str:
    """`text` with `[removed]` in place of each secret in it."""
    if not _may_hold_secret(text):
        return text
    text = re.sub(_TOKEN, REMOVED, text)
    if "://" in text:
        text = re.sub(_URL, lambda m: REMOVED if _is_secret_url(m.group()) else m.group(), text)
    text = re.sub(_IPV4, _without_public_address, text)
    return re.sub(_IPV6, _without_public_address, text) if ":" in text else text


def _may_hold_secret(text: str) -> bool:
    """Whether a closer check is needed; fast, because each text of each answer passes here."""
    if len(text) < _MIN_ADDRESS_LENGTH:
        return False
    if "://" in text or text.count(":") > 1 or text.count(".") > 2:
        return True
    if _LONG_AFTER_BLANK.search(text) or _LONG.match(text):
        return True
    return "\n" in text and _LONG.search(text) is not None


def _is_secret_url(text: str) -> bool:
    """Whether a URL holds a password, a signature or an IP address, or is one of a recording.

    One that cannot be parsed is a secret; a text that begins with one is judged by its parts.
    """
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
    except ValueError:  # brackets that hold no address, signs that stand for `/` or `@`
        return re.search(r"\s", text) is None
    if parts.password or host == "hooks.slack.com" or re.search(_SIGNED, text) or _parsed(host):
        return True
    recording = re.search(_AUDIO, parts.path) or re.search(_RECORDING_PATH, parts.path)
    return bool(re.search(_RECORDING_HOSTS, host) or recording)


def _is_address(text: str) -> bool:
    """Whether a whole value is an IP address: a field that holds one says where somebody is, also
    in a private network."""
    found = re.fullmatch(_IPV4, text) or re.fullmatch(_IPV6, text)
    return found is not None and _parsed(found[1]) is not None


def _without_public_address(match: re.Match[str]) -> str:
    """`[removed]` in place of a public address; one of a private network identifies nobody."""
    address = _parsed(match[1])
    before = match.string[max(0, match.start() - 12) : match.start()]
    if address is None or not address.is_global or re.search(_VERSION_BEFORE, before):
        return match.group()
    if address.version == 6 and address not in _GLOBAL_UNICAST:
        return match.group()  # such as `std::fs`, which is no address
    return REMOVED


def _parsed(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
