"""The key in this machine's keyring (Keychain, Credential Manager, Secret Service).

Loaded only where no variable holds the key: importing `keyring` takes time.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import keyring
from keyring.errors import KeyringError, NoKeyringError, PasswordDeleteError

from convocore_mcp.errors import NotConfiguredError
from convocore_mcp.settings import Settings

SERVICE = "convocore-mcp"
_BUS = "DBUS_SESSION_BUS_ADDRESS"


def account_of(settings: Settings) -> str:
    """What the key is stored under: the agents, and the server that they are on."""
    return f"{','.join(settings.agent_id)}@{urlsplit(settings.server).netloc}"


def read_key(account: str) -> str | None:
    """The stored key; `None` if there is none, or no keyring.

    Raises:
        NotConfiguredError: the keyring is locked, or fails.
    """
    with _opened():
        try:
            return keyring.get_password(SERVICE, account)
        except NoKeyringError:
            return None


def store_key(account: str, key: str) -> bool:
    """Store a key; returns whether there is a keyring that keeps it.

    Raises:
        NotConfiguredError: the keyring is locked, or fails.
    """
    with _opened():
        try:
            keyring.set_password(SERVICE, account, key)
        except NoKeyringError:
            return False
        return keyring.get_password(SERVICE, account) == key


def delete_key(account: str) -> bool:
    """Delete a stored key; returns whether there was one.

    Raises:
        NotConfiguredError: the keyring is locked, or fails.
    """
    with _opened():
        try:
            keyring.delete_password(SERVICE, account)
        except (NoKeyringError, PasswordDeleteError):
            return False
        return True


@contextmanager
def _opened() -> Iterator[None]:
    os.environ.update(session_bus(os.environ, platform=sys.platform))
    try:
        yield
    except KeyringError as error:
        raise NotConfiguredError(
            f"This machine's keyring could not be used ({type(error).__name__}).",
            hint="Unlock it, or set CONVOCORE_API_KEY.",
        ) from error


def session_bus(
    environment: Mapping[str, str], *, platform: str, runtime_folder: Path | None = None
) -> dict[str, str]:
    """The address of the user's bus where the environment lacks it, as under MCP clients.

    Clients start servers with few variables, and the Secret Service is found through this one.
    """
    if platform != "linux" or environment.get(_BUS):
        return {}
    bus = (runtime_folder or Path(f"/run/user/{os.getuid()}")) / "bus"
    return {_BUS: f"unix:path={bus}"} if bus.exists() else {}
