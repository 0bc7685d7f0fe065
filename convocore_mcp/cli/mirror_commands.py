"""The commands that look after the mirror: `sync`, `status` and `purge`.

Results go to stdout; the progress bar and errors to stderr. They end with 1 where something
failed, and with 2 where a setting is missing or wrong.
"""

import functools
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ParamSpec

import anyio
import anyio.to_thread
import typer
from rich.filesize import decimal

from convocore_mcp.assembly import Assembly, mirror_location, read_settings
from convocore_mcp.cli import mirror_status
from convocore_mcp.cli.progress_bar import progress_bar
from convocore_mcp.errors import ConvocoreError, InvalidArgumentError, NotConfiguredError
from convocore_mcp.logs import log_to_stderr
from convocore_mcp.server.backend import Backend
from convocore_mcp.server.protocols import SyncResult

if TYPE_CHECKING:
    from convocore_mcp.settings import Settings

P = ParamSpec("P")

FAILED, NOT_CONFIGURED = 1, 2
RESTART = "Servers that are running should be restarted."
Agents = Annotated[
    list[str] | None,
    typer.Option("--agent", help="Only this agent; may be given several times. [all configured]"),
]


@dataclass(frozen=True, slots=True)
class ConfiguredMirror:
    """What the settings say of the mirror."""

    settings: "Settings"
    place: str | Path
    """`memory`, a file or a URL."""
    owner: str

    @classmethod
    def configured(cls) -> "ConfiguredMirror":
        """Read the settings."""
        settings = read_settings({})
        return cls(settings, *mirror_location(settings))

    def agents(self, chosen: Sequence[str] | None) -> Sequence[str]:
        """The agents that are meant.

        Raises:
            NotConfiguredError: there is none.
            InvalidArgumentError: one of them is not configured.
        """
        known = self.settings.agent_id
        if not known:
            raise NotConfiguredError(
                "No agent is configured.",
                hint="Set CONVOCORE_AGENT_ID to your agent's ID, or to several with commas.",
            )
        for agent in chosen or ():
            if agent not in known:
                raise InvalidArgumentError(
                    f"--agent: {agent!r} is not configured.",
                    hint=f"CONVOCORE_AGENT_ID names: {', '.join(known)}.",
                )
        return tuple(dict.fromkeys(chosen or known))


def _told(command: Callable[P, None]) -> Callable[P, None]:
    """Errors of ours as a line or two on stderr, and as an exit code."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        log_to_stderr()
        try:
            command(*args, **kwargs)
        except ConvocoreError as error:
            _complain(error)
            raise typer.Exit(_code(error)) from None

    return run


def _complain(error: ConvocoreError, *, about: str = "") -> None:
    typer.echo(f"{about}{error.message}", err=True)
    if error.hint:
        typer.echo(error.hint, err=True)


def _code(error: ConvocoreError) -> int:
    return NOT_CONFIGURED if isinstance(error, NotConfiguredError) else FAILED


@_told
def sync(
    *,
    full: Annotated[
        bool, typer.Option("--full", help="Read everything, even if that has been done.")
    ] = False,
    agent: Agents = None,
) -> None:
    """Bring the mirror up to date: what is new, or everything where that was never read."""
    mirror = ConfiguredMirror.configured()
    agents = mirror.agents(agent)
    if mirror.place == "memory":
        raise NotConfiguredError(
            "The mirror is kept in memory, so nothing would stay.",
            hint="Set CONVOCORE_STORE to a file or to a PostgreSQL URL, or leave it away.",
        )
    for name in ("convocore_mcp.sync", "stamina"):
        # What these would warn of is what the command itself tells in the end.
        logging.getLogger(name).setLevel(logging.ERROR)
    if failed := anyio.run(_sync, agents, full):
        raise typer.Exit(max(map(_code, failed)))


async def _sync(agents: Sequence[str], full: bool) -> list[ConvocoreError]:
    """Sync one agent after the other; one that fails does not keep the others from it."""
    failed: list[ConvocoreError] = []
    async with _backend() as backend:
        for agent in agents:
            try:
                await _sync_agent(backend, agent, full=full)
            except ConvocoreError as error:
                _complain(error, about=f"{agent}: " if len(agents) > 1 else "")
                failed.append(error)
    return failed


async def _sync_agent(backend: Backend, agent: str, *, full: bool) -> None:
    before = await backend.read(backend.coverage, agent)
    sequence_number = await backend.read(backend.completion_reader.sequence_number)
    whole = full or before.full_sync_at is None
    total = before.conversations if whole and before.full_sync_at else None
    began = time.monotonic()
    with progress_bar(known=total is not None) as bar:
        task = bar.add_task(agent, total=total)

        async def report(rows: int) -> None:
            bar.update(task, completed=rows, total=total and max(total, rows))

        def on_lock_wait() -> None:
            bar.console.print(
                f"{agent}: another process is reading it; waiting for what it brings.",
                markup=False, highlight=False, soft_wrap=True,
            )  # fmt: skip

        read = await backend.syncs.sync(
            agent, full=full, report_progress=report, on_lock_wait=on_lock_wait
        )
    took = time.monotonic() - began
    after = await backend.read(backend.coverage, agent)
    counted = await backend.read(backend.completion_reader.counted, agent, after=sequence_number)
    typer.echo(
        f"{agent}: {_done(read, 'everything' if whole else 'what is new')}, {took:.1f} s.\n"
        f"  {counted.created:,} created, {counted.updated:,} updated, {counted.removed:,} removed;"
        f" {after.conversations:,} conversations are in the mirror now."
    )
    if after.quarantined:
        typer.echo(
            f"  {after.quarantined:,} could not be read and are set aside (quarantined); "
            "convocore-mcp status tells why."
        )
    if after.gap:
        typer.echo(f"  {after.gap}")


def _done(read: SyncResult, what: str) -> str:
    if read.elsewhere:
        return f"another process has read {what} meanwhile"
    return f"read {what}: {_many(read.rows, 'row')} in {_many(read.pages, 'page')}"


@asynccontextmanager
async def _backend() -> AsyncIterator[Backend]:
    backend = await Assembly({}).build_backend()
    try:
        yield backend
    finally:
        await backend.close()


@_told
def status(*, agent: Agents = None) -> None:
    """Tell what is in the mirror, how fresh and complete it is, and what could not be read.

    Asks nothing of Convocore, and makes no mirror where there is none. A file of another
    key, of an older version or a damaged one is set aside, as by everything that opens it.
    """
    mirror = ConfiguredMirror.configured()
    agents = mirror.agents(agent)
    if mirror.place == "memory":
        typer.echo("The mirror is kept in the memory of each server; there is none on disk.")
        return
    size = _size(mirror)
    place = mirror_status.shown(mirror.place)
    if not size:
        typer.echo(f"No mirror yet at {place}; convocore-mcp sync fills it.")
        return
    typer.echo(f"Mirror: {place}, {decimal(size)}")
    anyio.run(_status, agents)


async def _status(agents: Sequence[str]) -> None:
    async with _backend() as backend:
        for agent in agents:
            coverage = await backend.read(backend.coverage, agent)
            reasons = await backend.read(backend.completion_reader.quarantined, agent)
            for line in mirror_status.lines(agent, coverage, reasons, now=backend.now()):
                typer.echo(line)


def _size(mirror: ConfiguredMirror) -> int:
    """Bytes of the mirror; none where there is none."""
    from convocore_mcp.store.database import purge as store  # noqa: PLC0415  SQLAlchemy takes its time

    if isinstance(mirror.place, Path):
        return store.size_of(mirror.place)
    with store.tables(mirror.place, owner=mirror.owner) as tables:
        return tables.size()


@_told
def purge(
    *, yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask first.")] = False
) -> None:
    """Delete the mirror. Convocore keeps everything: the next question reads it again."""
    mirror = ConfiguredMirror.configured()
    if mirror.place == "memory":
        typer.echo("Nothing to delete: the mirror is kept in the memory of each server.")
    elif isinstance(mirror.place, Path):
        _purge_files(mirror.place, yes=yes)
    else:
        _purge_tables(mirror, yes=yes)


def _purge_files(path: Path, *, yes: bool) -> None:
    from convocore_mcp.store.database.purge import delete_files, mirror_files  # noqa: PLC0415

    ours, others = mirror_files(path)
    for other in others:
        typer.echo(f"Left alone, as it is no mirror of this program: {other}", err=True)
    if not ours:
        typer.echo(f"Nothing to delete at {path}.")
        return
    size = decimal(sum(file.stat().st_size for file in ours))
    typer.echo("\n".join(map(str, ours)))
    _ask(f"Delete the mirror ({_many(len(ours), 'file')}, {size})?", yes=yes)
    delete_files(ours)
    typer.echo(f"Deleted {_many(len(ours), 'file')}, {size}. {RESTART}")


def _purge_tables(mirror: ConfiguredMirror, *, yes: bool) -> None:
    from convocore_mcp.store.database.purge import tables  # noqa: PLC0415

    place = mirror_status.shown(mirror.place)
    with tables(str(mirror.place), owner=mirror.owner) as ours:
        if not (names := ours.names()):
            typer.echo(f"Nothing to delete at {place}.")
            return
        _ask(
            f"Delete the mirror ({len(names)} tables, {decimal(ours.size())}) at {place}?", yes=yes
        )
        typer.echo(f"Deleted {ours.drop()} tables. {RESTART}")


def _many(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"


def _ask(question: str, *, yes: bool) -> None:
    if not (yes or typer.confirm(question)):
        typer.echo("Nothing was deleted.", err=True)
        raise typer.Exit(FAILED)
