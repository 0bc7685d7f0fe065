"""The commands `sync` and `status`; `forget` and `purge` have modules of their own.

Results go to stdout, progress and errors to stderr. The exit code is 1 after a failure, and 2 if a
setting is missing or wrong.
"""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self

import anyio
import anyio.to_thread
import typer
from rich.filesize import decimal

from convocore_mcp.assembly import Assembly
from convocore_mcp.cli.error_reports import (
    exit_code,
    report,
    silence_reported_loggers,
    with_error_reports,
)
from convocore_mcp.cli.mirror.mirror_status import (
    awaits_details,
    details_text,
    location_text,
    status_lines,
)
from convocore_mcp.cli.progress_bar import progress_bar
from convocore_mcp.cli.terminal import show, shown, write_lines
from convocore_mcp.configuration import add_stored_key, mirror_location, read_settings
from convocore_mcp.errors import (
    ConvocoreError,
    InvalidArgumentError,
    NotConfiguredError,
    no_agent,
)
from convocore_mcp.models import DetailsState
from convocore_mcp.server.backend import Backend
from convocore_mcp.server.protocols import SyncResult
from convocore_mcp.settings import Settings
from convocore_mcp.store.database.engine import MEMORY
from convocore_mcp.store.database.purge import mirror_tables, size_of
from convocore_mcp.store.files.opened_file import refuse_other_than_file
from convocore_mcp.words.counted import counted

Agents = Annotated[
    list[str] | None,
    typer.Option(
        "--agent", help="Only this agent, not all that are configured; may be given several times."
    ),
]


@dataclass(frozen=True, slots=True)
class ConfiguredMirror:
    """The mirror that the settings name."""

    settings: Settings
    location: str | Path
    """`memory`, a file or a URL."""
    owner: str
    """The fingerprint of the key and region that the mirror belongs to."""

    @classmethod
    def from_environment(cls) -> Self:
        """Read the settings.

        Raises:
            NotConfiguredError: a setting is wrong, or there is no key.
        """
        settings = add_stored_key(read_settings({}))
        return cls(settings, *mirror_location(settings))

    def size(self) -> int:
        """Its size in bytes; 0 if there is none, and of one in memory.

        Raises:
            MirrorError: it is another key's, or the database can't be read.
        """
        if isinstance(self.location, Path):
            refuse_other_than_file(self.location)
            return size_of(self.location)
        if self.location == MEMORY:
            return 0
        with mirror_tables(self.location, owner=self.owner) as own_tables:
            return own_tables.size()

    def agents(self, chosen: Sequence[str] | None) -> Sequence[str]:
        """The agents to work on: those that were chosen, else all that are configured.

        Raises:
            NotConfiguredError: no agent is configured.
            InvalidArgumentError: a chosen agent is not configured.
        """
        configured = self.settings.agent_id
        if not configured:
            raise no_agent()
        for agent in chosen or ():
            if agent not in configured:
                raise InvalidArgumentError(
                    f"--agent: {agent!r} is not configured.",
                    hint=f"CONVOCORE_AGENT_ID names: {', '.join(configured)}.",
                )
        return tuple(dict.fromkeys(chosen or configured))


@with_error_reports
def sync(
    *,
    full: Annotated[
        bool, typer.Option("--full", help="Read everything, even if it has been read before.")
    ] = False,
    agent: Agents = None,
) -> None:
    """Bring the mirror up to date: read what is new, or everything if it was never read."""
    mirror = ConfiguredMirror.from_environment()
    agents = mirror.agents(agent)
    if mirror.location == MEMORY:
        raise NotConfiguredError(
            "The mirror is kept in memory, so a sync would leave nothing behind.",
            hint="Set CONVOCORE_STORE to a file or to a PostgreSQL URL, or leave it out.",
        )
    silence_reported_loggers()
    if errors := anyio.run(_sync_agents, agents, full):
        raise typer.Exit(max(map(exit_code, errors)))


async def _sync_agents(agents: Sequence[str], full: bool) -> list[ConvocoreError]:
    """Sync the agents one after the other, even if one fails; returns the errors."""
    errors: list[ConvocoreError] = []
    async with open_backend() as backend:
        for agent in agents:
            try:
                await _sync_agent(backend, agent, full=full)
            except ConvocoreError as error:
                report(error, prefix=f"{agent}: " if len(agents) > 1 else "")
                errors.append(error)
    return errors


async def _sync_agent(backend: Backend, agent: str, *, full: bool) -> None:
    before = await backend.read(backend.coverage, agent)
    sequence_number = await backend.read(backend.mirror_reader.sequence_number)
    reads_everything = full or before.full_sync_at is None
    total = before.conversations if reads_everything and before.full_sync_at else None
    start = time.monotonic()
    with progress_bar(total_known=total is not None) as bar:
        task = bar.add_task(str(shown(agent)), total=total)

        async def show_rows(rows: int) -> None:
            bar.update(task, completed=rows, total=total and max(total, rows))

        def on_lock_wait() -> None:
            waiting = f"{agent}: another process is syncing this agent; waiting for it."
            show(bar.console, shown(waiting), wrap=False)

        progress = await backend.syncs.sync(
            agent, full=full, report_progress=show_rows, on_lock_wait=on_lock_wait
        )
    seconds = time.monotonic() - start
    after = await backend.read(backend.coverage, agent)
    changes = await backend.read(backend.change_log.count_changes, agent, after=sequence_number)
    in_mirror = counted(after.conversations, "conversation is", "conversations are")
    scope = "everything" if reads_everything else "what is new"
    write_lines(
        f"{agent}: {_progress_text(progress, scope)}, {seconds:.1f} s.\n"
        f"  {changes.created:,} created, {changes.updated:,} updated, {changes.removed:,} removed;"
        f" {in_mirror} in the mirror now."
    )
    if after.quarantined:
        write_lines(
            f"  {after.quarantined:,} could not be read and are quarantined; "
            "convocore-mcp status shows why."
        )
    for reason in filter(None, (after.gap, after.doubt)):
        write_lines(f"  {reason}")
    details = await _details_of(backend, agent)
    if awaits_details(details):
        write_lines(f"  details: {details_text(details)}, in the background of a running server.")


def _progress_text(progress: SyncResult, scope: str) -> str:
    if progress.by_other_process:
        return f"another process has read {scope} meanwhile"
    return (
        f"read {scope}: {count_text(progress.rows, 'row')} in {count_text(progress.pages, 'page')}"
    )


@asynccontextmanager
async def open_backend(*, may_replace_mirror: bool = True) -> AsyncIterator[Backend]:
    """The parts that a command works with, closed at the end."""
    backend = await Assembly({}, may_replace_mirror=may_replace_mirror).build_backend()
    try:
        yield backend
    finally:
        await backend.close()


@with_error_reports
def status(*, agent: Agents = None) -> None:
    """Show what the mirror holds, how fresh and complete it is, and what could not be read.

    Sends no request to Convocore, and creates no mirror. A mirror file of another version, or a
    damaged one, is moved aside, as by every command that opens it; one of another key stays.
    """
    mirror = ConfiguredMirror.from_environment()
    agents = mirror.agents(agent)
    if mirror.location == MEMORY:
        write_lines("Each server keeps its mirror in memory; there is none on disk.")
        return
    size = mirror.size()
    location = location_text(mirror.location)
    if not size:
        write_lines(f"No mirror yet at {location}; convocore-mcp sync creates it.")
        return
    write_lines(f"Mirror: {location}, {decimal(size)}")
    anyio.run(_print_status, agents)


async def _print_status(agents: Sequence[str]) -> None:
    async with open_backend(may_replace_mirror=False) as backend:
        for agent in agents:
            coverage = await backend.read(backend.coverage, agent)
            reasons = await backend.read(backend.mirror_reader.quarantine_reasons, agent)
            details = await _details_of(backend, agent)
            for line in status_lines(agent, coverage, details, reasons, now=backend.now()):
                write_lines(line)


async def _details_of(backend: Backend, agent: str) -> DetailsState | None:
    """How many details are still to be read; `None` if they are off."""
    state = backend.details_state
    return None if state is None else await backend.read(state, agent)


def count_text(number: int, noun: str) -> str:
    """`number` and `noun`, in the plural where it is one."""
    return f"{number:,} {noun}{'s' * (number != 1)}"
