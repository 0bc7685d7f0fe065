"""The settings of the account that `install` has connected, for whoever types a command."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from convocore_mcp.checked_settings import variables_of
from convocore_mcp.cli.install.client_file import ClientFile
from convocore_mcp.cli.install.clients import ClientName, Machine
from convocore_mcp.cli.install.receipts import Receipts
from convocore_mcp.cli.install.server_entry import NAME
from convocore_mcp.errors import ConvocoreError
from convocore_mcp.settings import Settings

ACCOUNT = ("api_key", "agent_id")
"""A variable that holds one of these means that somebody has chosen an account."""


@contextmanager
def installed_settings(machine: Machine, receipts: Callable[[], Receipts]) -> Iterator[None]:
    """Where no variable names an account, have the block find those of the installed entry.

    Only if all entries that `install` has written say the same: nobody should get the answers of
    another account than they think. A variable that is set stays.
    """
    chosen = any(os.environ.get(v) for name in ACCOUNT for v in variables_of(Settings, name))
    added = {} if chosen else _common_environment(machine, receipts)
    added = {name: value for name, value in added.items() if not os.environ.get(name)}
    before = {name: os.environ.get(name) for name in added}
    os.environ.update(added)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _common_environment(machine: Machine, receipts: Callable[[], Receipts]) -> dict[str, str]:
    """The settings of all installed entries; none if they differ, or if one can't be read."""
    try:
        written = receipts()
        clients = [client for client in ClientName if written.find(client, NAME) is not None]
        entries = [ClientFile.of(client, machine).entries().get(NAME) for client in clients]
    except ConvocoreError:  # no home folder, or a broken file, which `doctor` reports
        return {}
    found = [_settings_in(entry) for entry in entries if entry is not None]
    return found[0] if found and all(one == found[0] for one in found) else {}


def _settings_in(entry: object) -> dict[str, str]:
    """The variables of an entry that hold a setting: nothing else in a file is for commands."""
    environment = entry.get("env") if isinstance(entry, Mapping) else None
    if not isinstance(environment, Mapping):
        return {}
    known = {name for field in Settings.model_fields for name in variables_of(Settings, field)}
    return {name: str(environment[name]) for name in known & environment.keys()}
