"""IDs as answers show them, and what an ID that a client sends back means.

An ID may hold what no answer shows: an outer blank, a hidden character, markup. Without it, the ID
would be that of another conversation. So such an ID is shown percent-encoded, and nothing else is.
"""

from collections.abc import Callable
from urllib.parse import quote, unquote

_SAFE = "@:+,;=!$*()"
"""Signs that stay as they are, with letters, digits and `_.-~`."""


def shown_id(id_: str, harmless: Callable[[str], str]) -> str:
    """`id_` as answers show it: itself, if `harmless` does not change it, else percent-encoded.

    What is shown once is shown unchanged again.
    """
    return id_ if harmless(id_) == id_ else quote(id_, safe=_SAFE, errors="replace")


def ids_shown_as(text: str) -> list[str]:
    """The IDs that `text` may be: itself, else the one that is shown like this."""
    return list(dict.fromkeys((text, unquote(text))))
