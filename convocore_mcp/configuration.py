"""The settings as the program uses them: read once, checked, with what follows from them."""

import logging
from collections.abc import Mapping
from datetime import UTC, tzinfo
from hashlib import blake2b
from importlib import import_module
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import tzlocal
from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings

from convocore_mcp.checked_settings import variable_of
from convocore_mcp.errors import NotConfiguredError
from convocore_mcp.settings import Settings, store_location


def read_settings(overrides: Mapping[str, Any]) -> Settings:
    """The settings: `overrides` first, then the environment. Sets the log level.

    Raises:
        NotConfiguredError: one of them is wrong; the message never contains a value.
    """
    try:
        settings = Settings(**overrides)
    except ValidationError as error:
        raise settings_error(error) from None
    logging.getLogger("convocore_mcp").setLevel(settings.log_level.upper())
    return settings


def add_stored_key(settings: Settings) -> Settings:
    """The settings with the key that `convocore-mcp install` has put into the keyring, if needed.

    The keyring may ask somebody.

    Raises:
        NotConfiguredError: the keyring fails.
    """
    if settings.api_key is not None or not settings.agent_id:
        return settings
    # By name, so that the keyring's library is loaded only where no variable holds a key.
    stored_key = import_module("convocore_mcp.stored_key")
    key = stored_key.read_key(stored_key.account_of(settings))
    return settings.model_copy(update={"api_key": SecretStr(key)}) if key else settings


def settings_error(
    error: ValidationError, settings: type[BaseSettings] = Settings
) -> NotConfiguredError:
    """What pydantic found wrong, with the variables that hold it and without their values."""
    problems = [
        f"{variable_of(settings, problem['loc'])} {in_words(problem['msg'])}"
        for problem in error.errors(include_url=False, include_input=False)
    ]
    return NotConfiguredError(
        f"A setting is wrong: {'; '.join(problems)}.",
        hint="Correct it and restart the server.",
        in_shell="Correct it, and run the command again.",
    )


def in_words(message: str) -> str:
    """What pydantic says of a value, as it reads behind the name of the value."""
    return message.removeprefix("Value error, ").replace("Input should ", "must ", 1)


def require_key(settings: Settings) -> str:
    """The workspace secret.

    Raises:
        NotConfiguredError: there is none.
    """
    if settings.api_key is None:
        raise NotConfiguredError(
            "No Convocore key is configured.",
            hint="Set CONVOCORE_API_KEY to your workspace secret and CONVOCORE_AGENT_ID to your "
            "agent's ID in the MCP client's entry for this server, and restart it. "
            "To try without an account: convocore-mcp serve --demo.",
            in_shell="Set CONVOCORE_API_KEY to your workspace secret and CONVOCORE_AGENT_ID to "
            "your agent's ID, or store the key with convocore-mcp install. "
            "To try without an account: convocore-mcp demo.",
        )
    return settings.api_key.get_secret_value()


def mirror_location(settings: Settings) -> tuple[str | Path, str]:
    """Where the mirror is, and the fingerprint of the key and region that own it.

    The mirror holds days of the time zone as moments, so each zone has a mirror of its own. So has
    a server that stores sensitive fields, because all its records differ.

    Raises:
        NotConfiguredError: there is no key.
    """
    zone = str(time_zone(settings))
    differing = [*([zone] if zone != "UTC" else []), *["sensitive"] * settings.store_sensitive]
    text = "\n".join((settings.server, require_key(settings), *differing))
    owner = blake2b(text.encode(), digest_size=16).hexdigest()
    return store_location(settings.store, fingerprint=owner[:8]), owner


def time_zone(settings: Settings) -> tzinfo:
    """The time zone in which days begin: the configured one, else the machine's, else UTC."""
    if settings.timezone:
        return ZoneInfo(settings.timezone)
    try:
        return tzlocal.get_localzone()
    except (KeyError, ValueError, OSError):  # the machine's configuration names no zone
        return UTC
