"""The command `purge`: deletes the mirror, or every mirror of this program."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.filesize import decimal

from convocore_mcp.cli.error_reports import FAILED, with_error_reports
from convocore_mcp.cli.mirror.mirror_commands import (
    ConfiguredMirror,
    count_text,
)
from convocore_mcp.cli.mirror.mirror_status import location_text
from convocore_mcp.cli.terminal import ask, write_lines
from convocore_mcp.configuration import read_settings
from convocore_mcp.settings import default_folder, store_location
from convocore_mcp.store.database.purge import (
    default_mirrors,
    delete_files,
    mirror_files,
    mirror_tables,
)

RESTART = "Restart the servers that are running."


@with_error_reports
def purge(
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Delete without asking.")] = False,
    everything: Annotated[
        bool,
        typer.Option("--all", help="Also the mirrors of other keys, in your data folder."),
    ] = False,
) -> None:
    """Delete the mirror. Convocore keeps all data: the next question reads it again."""
    if everything:
        _purge_everything(yes=yes)
        return
    mirror = ConfiguredMirror.from_environment()
    if mirror.location == "memory":
        write_lines("Nothing to delete: each server keeps its mirror in memory.")
    elif isinstance(mirror.location, Path):
        _purge_files([mirror.location], mirror.location, yes=yes)
    else:
        _purge_tables(mirror.location, mirror.owner, yes=yes)


def _purge_everything(*, yes: bool) -> None:
    """Delete every mirror in the data folder, and the one that CONVOCORE_STORE names.

    Needs no key: the mirrors of keys that are no longer valid are to go as well.
    """
    folder, store = default_folder(), read_settings({}).store
    paths = default_mirrors(folder)
    location = store_location(store, fingerprint="") if store else None
    if isinstance(location, Path):
        paths.append(location)
    _purge_files(paths, folder, yes=yes)
    if isinstance(location, str) and location != "memory":
        _purge_tables(location, None, yes=yes)


def _purge_files(paths: Sequence[Path], location: Path, *, yes: bool) -> None:
    files: list[Path] = []
    for path in paths:
        ours, foreign_files = mirror_files(path)
        files += ours
        for file in foreign_files:
            write_lines(f"Not deleted, because it is no mirror of this program: {file}", err=True)
    if not files:
        write_lines(f"Nothing to delete at {location}.")
        return
    size = decimal(sum(file.stat().st_size for file in files))
    write_lines("\n".join(map(str, files)))
    _confirm(f"Delete the mirror ({count_text(len(files), 'file')}, {size})?", yes=yes)
    delete_files(files)
    write_lines(f"Deleted {count_text(len(files), 'file')}, {size}. {RESTART}")


def _purge_tables(url: str, owner: str | None, *, yes: bool) -> None:
    location = location_text(url)
    with mirror_tables(url, owner=owner) as own_tables:
        if not (names := own_tables.names()):
            write_lines(f"Nothing to delete at {location}.")
            return
        size = decimal(own_tables.size())
        _confirm(f"Delete the mirror ({len(names)} tables, {size}) at {location}?", yes=yes)
        write_lines(f"Deleted {own_tables.drop()} tables. {RESTART}")


def _confirm(question: str, *, yes: bool) -> None:
    if not (yes or ask(question)):
        write_lines("Nothing was deleted.", err=True)
        raise typer.Exit(FAILED)
