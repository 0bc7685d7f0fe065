"""What a URI of this server names, and whether that has changed."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import unquote

from convocore_mcp.server.backend import Backend
from convocore_mcp.server.protocols import Privacy
from convocore_mcp.words.shown_ids import ids_shown_as

_URI = re.compile(
    r"convocore://agents(?:/(?P<agent>[^/?]+)/(?P<kind>[a-z-]+)(?:/(?P<id>[^/?]+))?)?(?:\?.*)?/?"
)


_NONE = frozenset[str]()
_SEPARATOR = "\0"
"""No ID of the mirror holds it."""


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


class ChangedTargets(NamedTuple):
    """What has changed of an agent, and how far changes are announced then."""

    up_to: tuple[str, int]
    any: bool
    targets: Collection[ResourceTarget]


async def settled(backend: Backend, agent: str) -> tuple[str, int]:
    """Up to where changes are known, as `ChangeNotifier` keeps it."""
    generation = backend.mirror_reader.generation
    return generation, await backend.read(backend.change_log.settled, agent)


async def changed_targets(
    backend: Backend, agent: str, announced: tuple[str, int], targets: Collection[ResourceTarget]
) -> ChangedTargets:
    """Which of `targets` have changed since `announced`: all, if the mirror is another one."""
    generation, after = announced
    if backend.mirror_reader.generation != generation:
        return ChangedTargets(await settled(backend, agent), any=True, targets=targets)
    ids = await _stored_ids(targets, backend.privacy)
    found = await backend.read(
        backend.change_log.changed_since,
        agent,
        after=after,
        ids=_of_kind(ids, "conversations"),
        lead_ids=_of_kind(ids, "leads"),
    )
    changed = {"conversations": found.conversations, "leads": found.leads}
    hit = [
        target
        for target in targets
        if not target.id or not ids.get(target, _NONE).isdisjoint(changed.get(target.kind, _NONE))
    ]
    return ChangedTargets((generation, found.sequence_number), found.any, hit)


def _of_kind(ids: Mapping[ResourceTarget, frozenset[str]], kind: str) -> frozenset[str]:
    return _NONE.union(*(found for target, found in ids.items() if target.kind == kind))


async def _stored_ids(
    targets: Iterable[ResourceTarget], privacy: Privacy | None
) -> dict[ResourceTarget, frozenset[str]]:
    """The IDs of the mirror that each target may mean: a URI has an ID as answers show it.

    Raises:
        MirrorError: what pseudonyms stand for can't be read.
    """
    named = [target for target in targets if target.id and _SEPARATOR not in target.id]
    ids = [target.id for target in named]
    if privacy is not None and ids:  # at once, because each call reads in a thread
        ids = (await privacy.value_of(_SEPARATOR.join(ids))).split(_SEPARATOR)
    return {target: frozenset(ids_shown_as(id_)) for target, id_ in zip(named, ids, strict=True)}
