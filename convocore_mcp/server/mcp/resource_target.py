"""What a URI of this server names."""

import re
from dataclasses import dataclass
from urllib.parse import unquote

_URI = re.compile(
    r"convocore://agents(?:/(?P<agent>[^/?]+)/(?P<kind>[a-z-]+)(?:/(?P<id>[^/?]+))?)?(?:\?.*)?/?"
)


@dataclass(frozen=True, slots=True)
class ResourceTarget:
    """What a URI names: without an agent every agent, without an ID everything of its kind."""

    agent: str = ""
    kind: str = ""
    id: str = ""


def resource_target(uri: str) -> ResourceTarget | None:
    """What `uri` names in the mirror, or `None` if it is not one of this server's URIs."""
    match = _URI.fullmatch(uri)
    return ResourceTarget(*(unquote(part or "") for part in match.groups())) if match else None
