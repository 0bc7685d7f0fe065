"""The command `forget`: erases one person from the mirror, for good."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import anyio
import typer

from convocore_mcp.assembly import RULES
from convocore_mcp.cli.error_reports import FAILED, with_error_reports
from convocore_mcp.cli.mirror.mirror_commands import (
    Agents,
    ConfiguredMirror,
    count_text,
    open_backend,
)
from convocore_mcp.cli.terminal import ask, write_lines
from convocore_mcp.errors import InvalidArgumentError, MissingError, NotConfiguredError
from convocore_mcp.server.backend import Backend
from convocore_mcp.store.database.engine import open_database
from convocore_mcp.store.database.purge import delete_files
from convocore_mcp.store.files.set_aside import SUFFIXES, copies
from convocore_mcp.store.write.erasing import Eraser
from convocore_mcp.store.write.traces import Traces

RESTART = "Restart the servers that are running: they may still have answers in memory."


@dataclass(frozen=True, slots=True)
class _Person:
    """One person of one agent, by their conversations."""

    agent_id: str
    shown: str
    conversation_ids: tuple[str, ...]


@with_error_reports
def forget(
    lead: Annotated[
        str, typer.Argument(help="Lead ID, conversation ID, email, phone number or full name.")
    ],
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Erase without asking.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be erased, and erase nothing.")
    ] = False,
    agent: Agents = None,
) -> None:
    """Erase a person from the mirror, and keep the next sync from bringing them back.

    Convocore's own copy stays as it is: erase it there, too. Without --agent, the person is erased
    from every agent that is configured, and comes back in none.
    """
    mirror = ConfiguredMirror.from_environment()
    if mirror.location == "memory":
        raise NotConfiguredError(
            "The mirror is kept in memory, so there is nothing to erase on disk.",
            hint="Restart the server: the mirror is then empty.",
        )
    agents = mirror.agents(agent)
    people = anyio.run(_find, agents, lead)
    if not people:
        raise _nobody(mirror.location)
    database = open_database(mirror.location, owner=mirror.owner)
    try:
        eraser = Eraser(database, RULES.merge_affected)
        for person in people:
            traces = eraser.traces(person.agent_id, person.conversation_ids)
            write_lines(f"{person.agent_id}: {person.shown}: {_counts_text(traces)}.")
        if dry_run:
            write_lines("Nothing was erased (--dry-run).")
            return
        if not (yes or ask("Erase all of this? It can't be undone.")):
            write_lines("Nothing was erased.", err=True)
            raise typer.Exit(FAILED)
        for person in people:
            erased = eraser.forget(person.agent_id, person.conversation_ids, agents=agents)
            write_lines(f"{person.agent_id}: erased {_counts_text(erased)}.")
        _delete_copies(mirror.location)
        kept = eraser.tombstones.file or "a table of the database"
        write_lines(
            f"Salted hashes in {kept} keep the next sync from bringing them back. {RESTART}"
        )
    finally:
        database.close()


async def _find(agents: Sequence[str], lead: str) -> list[_Person]:
    """The person in each agent that has them; nobody, if the mirror has everything.

    Raises:
        MissingError: no agent has them, but one has not been read to its end.
        InvalidArgumentError: several people fit.
    """
    found, unread = [], []
    async with open_backend(may_replace_mirror=False) as backend:
        given = await backend.privacy.value_of(lead) if backend.privacy else lead
        for agent in agents:
            person = await backend.read(_find_in, backend, agent, given)
            found += [person] if person else []
            if not (await backend.read(backend.coverage, agent)).complete:
                unread.append(agent)
    if unread and not found:
        raise MissingError(
            f"Nobody in the mirror fits, but it does not have everything of {', '.join(unread)}: a "
            "sync may bring them.",
            hint="Run convocore-mcp sync, and then this again.",
        )
    return found


def _nobody(location: str | Path) -> MissingError:
    hint = "Give the lead_id or a conversation's ID, as the tools show it."
    if isinstance(location, Path) and (old := copies(location)):
        hint += (
            f" Nobody has looked into {count_text(len(old), 'set-aside mirror')} beside it: "
            "convocore-mcp purge deletes what was set aside, with the mirror."
        )
    return MissingError("Nobody in the mirror fits, so there is nothing to erase.", hint=hint)


def _find_in(backend: Backend, agent: str, lead: str) -> _Person | None:
    try:
        match = backend.find_person(agent, lead)
    except MissingError:
        if backend.mirror_reader.conversation(agent, lead) is None:
            return None
        return _Person(agent, "a conversation of no lead", (lead,))
    if match.lead is None:
        ids = ", ".join(candidate.lead_id for candidate in match.leads)
        raise InvalidArgumentError(
            f"{agent}: {match.total} people may be meant.", hint=f"Give one lead_id: {ids}."
        )
    shown = f"lead {match.lead.lead_id}" if backend.privacy is None else "one lead"
    return _Person(agent, shown, match.lead.conversation_ids)


def _counts_text(traces: Traces) -> str:
    return ", ".join(
        count_text(number, what.removesuffix("s"))
        for what, number in traces.counts.items()
        if number
    )


def _delete_copies(location: str | Path) -> None:
    """Delete set-aside copies of the mirror: they hold the person, too, and nobody reads them."""
    if isinstance(location, Path) and (old := copies(location)):
        delete_files([copy.with_name(copy.name + end) for copy in old for end in SUFFIXES])
        write_lines(f"Deleted {count_text(len(old), 'set-aside copy').replace('copys', 'copies')}.")
