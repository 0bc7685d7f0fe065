"""The whole record of one conversation, without what must not leave."""

import json
import re
from typing import Any

from convocore_mcp.errors import MissingError
from convocore_mcp.server.answers import view_builders
from convocore_mcp.server.backend import Backend
from convocore_mcp.server.rendering import LONGEST, compact
from convocore_mcp.server.sanitize import sanitize

_SECRET = re.compile(
    r"""session_?key|secret|passw|api_?key|private_?key|credential|authoriz|cookie|bearer|jwt
      | (?:access|refresh|auth|id|session)_?token|token$
      | recording|listen_?url|^ip$|ip_?addr""",
    re.VERBOSE | re.IGNORECASE,
)
"""Names of fields that never leave, at any depth: keys, tokens, addresses, ways to listen in."""
_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_FREE_FORM = frozenset(
    {"captured_variables", "extracted_data", "funnel_extracted_data", "metadata", "usage_per_model"}
)
"""Fields whose inner names are data, not Convocore's vocabulary."""
RECORD_LENGTH = 4_000
"""Characters of one field of a record."""


async def record_answer(backend: Backend, agent: str, conversation_id: str) -> dict[str, Any]:
    """The record as Convocore gave it, normalised, with `freshness`; large fields are left out.

    Raises:
        MissingError: there is no such conversation.
    """
    fresh = await backend.syncs.ensure_fresh(agent)
    found = await backend.read(backend.mirror_reader.conversation, agent, conversation_id)
    if found is None:
        raise MissingError(
            f"There is no conversation {conversation_id[:80]!r}.",
            hint="list_conversations shows the ids.",
        )
    record = snake_case(without_secrets(json.loads(found.record)))
    cleaned: dict[str, Any] = sanitize(record, length=RECORD_LENGTH)
    notes, room = [], LONGEST - 1_500
    sizes = {name: len(compact(value)) for name, value in cleaned.items()}
    for name in sorted(sizes, key=lambda name: -sizes[name]):
        if len(compact(cleaned)) <= room:
            break
        del cleaned[name]
        notes.append(f"{name} is left out: it has {sizes[name]} characters.")
    return cleaned | {"freshness": sanitize(view_builders.freshness(fresh, *notes))}


def without_secrets(value: Any) -> Any:
    """`value` without fields that hold secrets or ways to spy on the visitor."""
    if isinstance(value, dict):
        return {
            name: without_secrets(inner)
            for name, inner in value.items()
            if not _SECRET.search(name)
        }
    return [without_secrets(item) for item in value] if isinstance(value, list) else value


def snake_case(value: Any) -> Any:
    """`value` with every field's name in snake_case: those that Convocore added lately are not."""
    if isinstance(value, list):
        return [snake_case(item) for item in value]
    if not isinstance(value, dict):
        return value
    found: dict[str, Any] = {}
    for given, inner in value.items():
        name = _CAPITAL.sub("_", given).lower()
        found.setdefault(name, inner if name in _FREE_FORM else snake_case(inner))
    return found
