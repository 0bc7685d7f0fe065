"""Checks of this machine: the mirror, the disk, the configurations of MCP clients."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from rich.filesize import decimal

from convocore_mcp.checked_settings import variables_of, what_is_wrong_with
from convocore_mcp.cli.doctor.finding import Finding
from convocore_mcp.cli.install.client_file import ClientFile
from convocore_mcp.cli.install.clients import TITLES, ClientName, Machine
from convocore_mcp.cli.install.server_entry import is_ours
from convocore_mcp.cli.mirror.mirror_commands import ConfiguredMirror, count_text, open_backend
from convocore_mcp.cli.mirror.mirror_status import age_text, location_text
from convocore_mcp.configuration import add_stored_key, read_settings
from convocore_mcp.errors import ConvocoreError, NotConfiguredError
from convocore_mcp.settings import Settings
from convocore_mcp.store.database.engine import MEMORY
from convocore_mcp.store.database.purge import size_of

MIN_FREE_BYTES = 500_000_000
"""A mirror of 100,000 conversations takes about as much, with its temporary files."""


async def check_mirror(mirror: ConfiguredMirror) -> AsyncIterator[Finding]:
    """Whether the mirror can be used, and what it holds. Creates none, and sends no request."""
    location = mirror.location
    if location == MEMORY:
        yield Finding("mirror", "in memory: every start reads everything again")
        return
    if isinstance(location, Path):
        folder = _existing(location.parent)
        if wrong := _unwritable(folder):
            hint = "Change its owner or mode, or set CONVOCORE_STORE to another file."
            yield Finding("mirror", f"nothing can be written into {folder} ({wrong}).", hint)
            return
        yield _disk(folder, size_of(location))
    try:
        shown = location_text(location)
        if not mirror.size():
            yield Finding("mirror", f"none yet; the first question makes it: {shown}")
            return
        async with open_backend(may_replace_mirror=False) as backend:
            for agent_id in backend.agents:
                coverage = await backend.read(backend.coverage, agent_id)
                read = age_text(coverage.as_of, datetime.now(UTC)) if coverage.as_of else "never"
                whole = "complete" if coverage.complete else "not read to its end yet"
                count = count_text(coverage.conversations, "conversation")
                yield Finding("mirror", f"{shown}: {count}, {whole}, read {read}")
    except ConvocoreError as error:
        yield Finding.of_error("mirror", error)


def _unwritable(folder: Path) -> str:
    """Why no file can be made in `folder`; empty if one can. Its mode alone does not say so."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return ""
    except OSError as error:
        return error.strerror or type(error).__name__


def _disk(folder: Path, size: int) -> Finding:
    free = shutil.disk_usage(folder).free
    if free >= max(MIN_FREE_BYTES, 2 * size):
        return Finding("disk", f"{decimal(free)} free")
    return Finding("disk", f"{decimal(free)} free", f"Make room for the mirror in {folder}.")


def _existing(folder: Path) -> Path:
    """`folder`, or the nearest folder above it that exists."""
    return next(f for f in (folder, *folder.parents) if f.exists())


def check_clients(machine: Machine) -> Iterator[Finding]:
    """The MCP clients on this machine that have an entry for this server, and whether it works."""
    if machine.home is None:
        yield Finding("clients", "none: this user has no home folder, where they keep settings")
        return
    found = False
    for client in ClientName:
        try:
            file = ClientFile.of(client, machine)
            entries = {name: e for name, e in file.entries().items() if is_ours(e)}
        except ConvocoreError as error:
            yield Finding.of_error(TITLES[client], error)
            continue
        for name, entry in entries.items():
            found = True
            assert isinstance(entry, dict)  # noqa: S101  `is_ours` takes nothing else
            found_at = f"{name!r} in {file.path}"
            if wrong := _wrong_entry(entry):
                hint = f"Correct it, or run convocore-mcp install {client}."
                yield Finding(TITLES[client], f"{found_at}: {wrong}", hint)
            else:
                yield Finding(TITLES[client], found_at)
    if not found:
        yield Finding("clients", "none has an entry yet: convocore-mcp install CLIENT makes one")


def _wrong_entry(entry: dict[str, object]) -> str:
    """What is wrong with an entry of ours; empty if nothing is. Never a value of it."""
    command = entry.get("command")
    if not isinstance(command, str) or shutil.which(command) is None:
        return f"its command does not exist: {command}"
    environment = entry.get("env")
    environment = environment if isinstance(environment, dict) else {}
    values = ((name, value) for name, value in environment.items() if isinstance(value, str))
    wrong = next((f"{name} {w}" for name, value in values if (w := what_is_wrong_with(value))), "")
    arguments = entry.get("args")
    if wrong or (isinstance(arguments, list) and "--demo" in arguments):
        return wrong
    try:
        settings = _settings_of(environment)
    except NotConfiguredError as error:
        return error.message
    if not settings.agent_id:
        return "it has no CONVOCORE_AGENT_ID"
    # A client that was started here would hand the key on.
    if settings.api_key is None and not any(map(os.environ.get, variables_of(Settings, "api_key"))):
        return "it has no CONVOCORE_API_KEY, and the keyring holds none for its agents"
    return ""


def _settings_of(environment: Mapping[str, object]) -> Settings:
    """The settings of a server that an entry with this environment starts.

    Raises:
        NotConfiguredError: one of them is wrong, or the keyring fails.
    """
    values = {}
    for attribute, field in Settings.model_fields.items():
        named = map(environment.get, variables_of(Settings, attribute))
        values[attribute] = next(filter(None, named), field.default)
    return add_stored_key(read_settings(values))
