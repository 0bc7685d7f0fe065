"""The command `export`: writes every row of a list to a file, as CSV, JSON Lines or Parquet."""

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Protocol

import anyio
import typer

from convocore_mcp.assembly import Assembly
from convocore_mcp.cli.error_reports import silence_reported_loggers, with_error_reports
from convocore_mcp.cli.export.row_pages import ExportKind, RowList
from convocore_mcp.cli.export.text_files import CsvWriter, JsonLinesWriter
from convocore_mcp.cli.progress_bar import progress_bar
from convocore_mcp.cli.replaced_file import replaced_file
from convocore_mcp.cli.serve_web import serve_demo
from convocore_mcp.cli.terminal import output, write_wrapped
from convocore_mcp.cli.tool_arguments import Pairs
from convocore_mcp.errors import ApiError, ConvocoreError, InvalidArgumentError, no_agent
from convocore_mcp.server.answers.list_leads import LEADS_MOVED_NOTE
from convocore_mcp.server.backend import Backend
from convocore_mcp.server.sanitize import JsonObject

INCOMPLETE = 3
"""The exit code of an export that holds everything known, where not everything was read."""
STDOUT = "-"


class RowWriter(Protocol):
    """Writes rows to an open file."""

    def write(self, rows: Sequence[JsonObject], /) -> None:
        """Add rows."""
        ...

    def close(self) -> None:
        """Finish; the file stays open."""
        ...


class FileFormat(StrEnum):
    """How rows are written."""

    csv = "csv"
    jsonl = "jsonl"
    parquet = "parquet"


@with_error_reports
def export(
    kind: Annotated[ExportKind, typer.Argument(help="conversations or leads.")],
    arguments: Pairs = None,
    *,
    to: Annotated[str, typer.Option("--output", "-o", help="File to write; - is stdout.")] = STDOUT,
    file_format: Annotated[
        FileFormat | None,
        typer.Option(
            "--format", "-f", help="How rows are written, if the file's ending does not say it."
        ),
    ] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Export the sandbox's data.")] = False,
) -> None:
    """Write all rows of a list to a file. Exit code 3: what was written is incomplete."""
    row_list = RowList.of(kind, arguments or ())
    chosen = file_format or _format_of(to)
    if chosen is FileFormat.parquet and to == STDOUT and sys.stdout.isatty():
        raise InvalidArgumentError(
            "Parquet can't be written to a terminal.", hint="Name a file: --output rows.parquet."
        )
    make = _writer(chosen)

    silence_reported_loggers()

    def run(overrides: Mapping[str, Any]) -> None:
        # One sync before the first page is enough: leads that move meanwhile could be missed.
        settings = {**overrides, "incremental_sync_seconds": 86_400}
        notes = anyio.run(_export, settings, row_list, to, make)
        for note in notes:
            write_wrapped(f"Incomplete: {note}", err=True)
        if notes:
            raise typer.Exit(INCOMPLETE)

    serve_demo(run) if demo else run({})


async def _export(
    settings: Mapping[str, Any],
    row_list: RowList,
    to: str,
    make: Callable[[BinaryIO, Sequence[str]], RowWriter],
) -> list[str]:
    """Write the file; returns why it is incomplete."""
    backend = await Assembly(settings).build_backend()
    try:
        if not backend.agents:
            raise no_agent()
        agents = backend.chosen_agents(row_list.agent_id)
        columns = row_list.columns(agents)
        notes = [note for agent in agents if (note := await _bring_up_to_date(backend, agent))]
        with _target(to) as file:
            writer = make(file, columns)
            notes += await _write(backend, row_list, agents, writer)
            writer.close()
    finally:
        await backend.close()
    return list(dict.fromkeys(notes))


async def _bring_up_to_date(backend: Backend, agent: str) -> str:
    """Read what is new, or everything if it was never read; returns why that failed.

    Raises:
        ApiError: it failed, and the mirror is empty.
    """
    before = await backend.read(backend.coverage, agent)
    with progress_bar(total_known=False) as bar:
        task = bar.add_task(f"Reading {agent}", total=None)

        async def show_rows(rows: int) -> None:
            bar.update(task, completed=rows)

        try:
            await backend.syncs.sync(
                agent, full=before.full_sync_at is None, report_progress=show_rows
            )
        except ApiError as error:
            if not before.conversations:
                raise
            known = f"as of {before.as_of:%Y-%m-%d %H:%M} UTC" if before.as_of else "what was known"
            return f"{error.message} What follows is {known}."
    return ""


async def _write(
    backend: Backend, row_list: RowList, agents: Sequence[str], writer: RowWriter
) -> list[str]:
    """Write every page; returns why rows may be missing."""
    notes: list[str] = []
    with progress_bar(total_known=True) as bar:
        task = bar.add_task(f"Writing {row_list.kind}", total=0)
        done = 0
        async for answer in row_list.pages(backend, agents):
            rows, freshness = answer[row_list.kind], answer["freshness"]
            await anyio.to_thread.run_sync(writer.write, rows)
            done += len(rows)
            bar.update(task, completed=done, total=max(answer["total"], done))
            answer_notes = freshness.get("notes", [])
            if not freshness["complete"]:
                notes += answer_notes or ["not everything has been read yet."]
            elif LEADS_MOVED_NOTE in answer_notes:
                notes.append(LEADS_MOVED_NOTE)
    return notes


@contextmanager
def _target(to: str) -> Iterator[BinaryIO]:
    """The file to write, or stdout.

    Raises:
        InvalidArgumentError: the file can't be written.
    """
    if to == STDOUT:
        yield output()
        return
    try:
        with replaced_file(Path(to).expanduser()) as file:
            yield file
    except (OSError, RuntimeError) as error:  # the latter of pathlib: nobody's home folder
        why = error.strerror if isinstance(error, OSError) else error
        raise InvalidArgumentError(
            f"--output: {to} can't be written ({why}).", hint="Name another file."
        ) from error


def _format_of(to: str) -> FileFormat:
    """The format that a file's ending names; CSV for stdout.

    Raises:
        InvalidArgumentError: the ending names none.
    """
    if to == STDOUT:
        return FileFormat.csv
    ending = Path(to).suffix.lower().removeprefix(".")
    endings = {"ndjson": "jsonl"} | {name: name for name in FileFormat}
    if ending not in endings:
        raise InvalidArgumentError(
            f"--output: the ending of {to!r} names no format.",
            hint="End it in .csv, .jsonl or .parquet, or add --format.",
        )
    return FileFormat(endings[ending])


def _writer(file_format: FileFormat) -> Callable[[BinaryIO, Sequence[str]], RowWriter]:
    """What writes this format.

    Raises:
        ConvocoreError: Parquet needs pyarrow, which is not installed.
    """
    if file_format is FileFormat.csv:
        return CsvWriter
    if file_format is FileFormat.jsonl:
        return JsonLinesWriter
    try:
        # By name: pyarrow is an optional dependency, and slow to import.
        module = importlib.import_module("convocore_mcp.cli.export.parquet_file")
    except ImportError:
        raise ConvocoreError(
            "Parquet needs pyarrow, which is not installed.",
            hint="pip install 'convocore-mcp[parquet]', or choose csv or jsonl.",
        ) from None
    make: Callable[[BinaryIO, Sequence[str]], RowWriter] = module.ParquetWriter
    return make
