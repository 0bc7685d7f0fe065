"""The entry that starts this server: the command, and the settings that it gets."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from convocore_mcp.checked_settings import variables_of
from convocore_mcp.cli.install.clients import ClientName, entry_for
from convocore_mcp.errors import NotConfiguredError
from convocore_mcp.settings import Settings, store_location
from convocore_mcp.store.database.engine import MEMORY
from convocore_mcp.store.engines.postgresql_connection import database_url

NAME, DEMO_NAME = "convocore", "convocore-sandbox"
KEY = "CONVOCORE_API_KEY"
MODULE, PROGRAM = "convocore_mcp", "convocore-mcp"


@dataclass(frozen=True, slots=True)
class ServerEntry:
    """The entry for this server in a client's file."""

    name: str
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] | None = None

    def for_client(self, client: ClientName) -> dict[str, object]:
        """The entry as a client's file has it."""
        return entry_for(client, [*this_program(), *self.arguments], self.environment or {})


DEMO = ServerEntry(DEMO_NAME, ("serve", "--demo"))


def _has_password(store: str | None) -> bool:
    location = store_location(store, fingerprint="")
    if isinstance(location, Path) or location == MEMORY:
        return False
    url = database_url(location)
    return bool(url.password or url.query.get("password"))


def entry_of(settings: Settings, *, key_in_file: bool) -> ServerEntry:
    """The entry for the account that is configured; the key is in it only with `key_in_file`.

    Every setting of this environment goes along: else a client's answers would differ from those
    that the commands give.

    Raises:
        NotConfiguredError: a setting holds a password, which would get into the file.
        MirrorError: the setting is not valid.
    """
    environment = {
        "CONVOCORE_AGENT_ID": ",".join(settings.agent_id),
        "CONVOCORE_REGION": settings.region,
    }
    for attribute in sorted(set(Settings.model_fields) - {"api_key", "agent_id", "region"}):
        names = variables_of(Settings, attribute)
        if value := next(filter(None, map(os.environ.get, names)), None):
            environment[names[0]] = value.strip()
    if _has_password(environment.get("CONVOCORE_STORE")) and not key_in_file:
        raise NotConfiguredError(
            "CONVOCORE_STORE holds a password, which would be written into the client's file.",
            hint="Use --key-in-file to have it there, or keep the password in ~/.pgpass.",
        )
    if key_in_file and settings.api_key is not None:
        environment = {KEY: settings.api_key.get_secret_value()} | environment
    return ServerEntry(NAME, environment=environment)


def this_program() -> list[str]:
    """The command that starts this installation, by absolute path: clients know no PATH of ours."""
    ending = ".exe" if sys.platform == "win32" else ""
    program = Path(sys.executable).with_name(f"{PROGRAM}{ending}")
    return [str(program)] if program.exists() else [sys.executable, "-m", MODULE]


def is_ours(entry: object) -> bool:
    """Whether an entry starts this program, however it was installed."""
    if not isinstance(entry, dict):
        return False
    words = [entry.get("command"), *(entry.get("args") or ())]
    return any(
        isinstance(word, str) and (Path(word).stem == PROGRAM or word == MODULE) for word in words
    )
