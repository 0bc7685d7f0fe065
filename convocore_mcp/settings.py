"""The program's settings. The CLI reads them once and hands them on as values."""

import ipaddress
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from platformdirs import user_data_path
from pydantic import (
    AliasChoices,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import NoDecode, SettingsConfigDict

from convocore_mcp.checked_settings import (
    HOST_AND_PORT,
    MAX_SECONDS,
    CheckedSettings,
    split_list,
    what_is_wrong_with,
)
from convocore_mcp.errors import MirrorError

SERVERS = {
    "eu": "https://eu-gcp-api.vg-stuff.com/v3",
    "na": "https://na-gcp-api.vg-stuff.com/v3",
}
_URL = re.compile(r"[a-z][a-z0-9+.-]*://|(?:[\w-]+\.)+[a-z]{2,}/", re.IGNORECASE)
"""The beginning of a URL, also of one that was pasted without its scheme."""
_LOG_LEVELS = {"warn": "warning", "critical": "error", "fatal": "error", "trace": "debug"}
"""Levels of other programs, and ours that come nearest."""
_IN_MEMORY = {"memory", ":memory:", "sqlite://", "sqlite:///:memory:"}


def _normalize_region(value: object) -> object:
    return value.strip().lower().removesuffix("-gcp") if isinstance(value, str) else value


def _lower_case(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _log_level(value: object) -> object:
    """A level under any name that programs give it."""
    name = _lower_case(value)
    return _LOG_LEVELS.get(name, name) if isinstance(name, str) else name


class Settings(CheckedSettings):
    """The environment variables `CONVOCORE_*`, with the vendor's own names as aliases."""

    model_config = SettingsConfigDict(
        env_prefix="CONVOCORE_",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,  # else a failed check prints the secret
        populate_by_name=True,
    )

    api_key: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("CONVOCORE_API_KEY", "WORKSPACE_SECRET"),
        description="Workspace secret, or the secret of one agent.",
    )
    agent_id: Annotated[tuple[str, ...], NoDecode, BeforeValidator(split_list)] = Field(
        (), description="Agent ID, or several separated by commas."
    )
    region: Annotated[Literal["eu", "na"], BeforeValidator(_normalize_region)] = Field(
        "eu",
        validation_alias=AliasChoices("CONVOCORE_REGION", "CONVOCORE_API_REGION"),
        description="`eu` or `na`. Each region holds its own data.",
    )
    base_url: str | None = Field(
        None,
        validation_alias=AliasChoices("CONVOCORE_BASE_URL", "CONVOCORE_API_BASE_URL"),
        description="Another server than the region's, up to and including `/v3`.",
    )
    store: str | None = Field(
        None,
        description="`memory`, a file, or a PostgreSQL URL. Default: a file in your data folder.",
    )
    incremental_sync_seconds: float = Field(
        30,
        validation_alias=AliasChoices(
            "CONVOCORE_INCREMENTAL_SYNC_SECONDS", "CONVOCORE_TAIL_SECONDS"
        ),
        ge=0,
        le=MAX_SECONDS,
        description="Age of the mirror at which an incremental sync is due.",
    )
    full_sync_seconds: float = Field(
        6 * 3600,
        validation_alias=AliasChoices("CONVOCORE_FULL_SYNC_SECONDS", "CONVOCORE_SWEEP_SECONDS"),
        ge=60,
        le=MAX_SECONDS,
        description="Age of the last full sync at which the next one is due.",
    )
    max_rows: int = Field(2_000_000, ge=1, description="Rows after which a sync stops.")
    max_sync_seconds: float = Field(
        12 * 3600,
        validation_alias=AliasChoices("CONVOCORE_MAX_SYNC_SECONDS", "CONVOCORE_MAX_WALK_SECONDS"),
        ge=1,
        le=MAX_SECONDS,
        description="Seconds after which a sync stops.",
    )
    wait_seconds: float = Field(
        4, gt=0, le=600, description="Seconds within which a call answers, with what is known."
    )
    timezone: str | None = Field(
        None,
        validation_alias=AliasChoices("CONVOCORE_TIMEZONE"),  # by which an error names it
        description="Time zone in which days begin, e.g. `Europe/Berlin`. Default: the machine's.",
    )
    details: Annotated[Literal["auto", "off", "all"], BeforeValidator(_lower_case)] = Field(
        "auto",
        description="Reading single conversations where the list says too little: `auto` (if a "
        "trial shows that they say more), `off`, or `all`.",
    )
    details_per_second: float = Field(
        2, gt=0, le=1000, description="Single conversations read per second in the background."
    )
    retention_days: float | None = Field(
        None,
        gt=0,
        le=36_500,
        description="Days after its last activity for which a conversation is kept. Default: all.",
    )
    pii: Annotated[Literal["full", "masked", "none"], BeforeValidator(_lower_case)] = Field(
        "full",
        description="Personal data in answers: `full`, `masked` by pseudonyms, or `none`.",
    )
    store_sensitive: bool = Field(
        False,
        description="Also store IP addresses, session keys and recordings; no answer shows them.",
    )
    audit_log: str | None = Field(
        None,
        description="A file, or `stderr`: who asked what, and whom the answers showed.",
    )
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], BeforeValidator(_log_level)
    ] = Field("warning", description="Lowest level of the log lines on stderr.")

    @field_validator("*", mode="before")
    @classmethod
    def _blank_is_not_set(cls, value: object, info: ValidationInfo) -> object:
        """A variable that holds nothing but blanks counts as one that is not set."""
        if isinstance(value, str) and not value.strip() and info.field_name:
            return cls.model_fields[info.field_name].get_default()
        return value

    @field_validator("agent_id")
    @classmethod
    def _check_agent_ids(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if wrong := next(filter(None, map(what_is_wrong_with, value)), None):
            raise ValueError(wrong)
        if any(_URL.match(agent) for agent in value):
            raise ValueError("holds a URL: take only the agent's ID out of it")
        return value

    @field_validator("api_key")
    @classmethod
    def _check_api_key(cls, value: SecretStr | None) -> SecretStr | None:
        """Remove what is often pasted along with a key, and refuse what no header can hold."""
        if value is None:
            return None
        key = re.sub(r"^Bearer(?:\s+|$)", "", value.get_secret_value().strip(), flags=re.IGNORECASE)
        if not key:
            return None
        if not (key.isascii() and key.isprintable()) or " " in key:
            raise ValueError("holds characters that no key has; copy it again")
        return SecretStr(key)

    @field_validator("audit_log")
    @classmethod
    def _check_audit_log(cls, value: str | None) -> str | None:
        """`stderr`, or a file's path, whose `~` is the home folder."""
        if value is None or value.lower() == "stderr":
            return value and value.lower()
        if value.lower() == "stdout" or value == "-":
            raise ValueError("should be a file or stderr: stdout belongs to the protocol")
        return os.path.expanduser(value)  # noqa: PTH111  leaves `~` where there is no home folder

    @field_validator("base_url")
    @classmethod
    def _check_base_url(cls, value: str | None) -> str | None:
        """Only a plain URL, with https outside of this machine: every request carries the key."""
        if value is None:
            return None
        parts = urlsplit(value.strip())
        plain = HOST_AND_PORT.fullmatch(parts.netloc) and not parts.query and not parts.fragment
        if parts.scheme not in {"http", "https"} or parts.hostname is None or not plain:
            raise ValueError("should be a plain URL like https://host/v3")
        if parts.scheme == "http" and not _is_this_machine(parts.hostname):
            raise ValueError("should begin with https: over http the key is not encrypted")
        path = parts.path.rstrip("/")
        path = path if path.endswith("/v3") else f"{path}/v3"
        return f"{parts.scheme}://{parts.netloc}{path}"

    @field_validator("timezone")
    @classmethod
    def _check_timezone(cls, value: str | None) -> str | None:
        name = (value or "").strip()
        if not name:
            return None
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            raise ValueError("should be an IANA time zone like Europe/Berlin or UTC") from None
        return name

    @property
    def incremental_after(self) -> timedelta:
        """Age of the mirror at which an incremental sync is due."""
        return timedelta(seconds=self.incremental_sync_seconds)

    @property
    def full_after(self) -> timedelta:
        """The age of the last full sync, and of details, at which they are read again."""
        return timedelta(seconds=self.full_sync_seconds)

    @property
    def kept(self) -> timedelta | None:
        """How long after its last activity a conversation is kept; `None` for ever."""
        return None if self.retention_days is None else timedelta(days=self.retention_days)

    @property
    def server(self) -> str:
        """The URL of the API, without a slash at the end."""
        return self.base_url or SERVERS[self.region]


def _is_this_machine(host: str) -> bool:
    """Wider than the HTTP server's `is_loopback`: names under `localhost` are fine as a target."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def default_folder() -> Path:
    """The user's data folder, where mirrors are kept that no setting places elsewhere.

    Raises:
        MirrorError: there is no home folder, as in a container whose user has no passwd entry.
    """
    with _home_folder():
        return user_data_path("convocore-mcp", appauthor=False)


@contextmanager
def _home_folder() -> Iterator[None]:
    """Say what to do where the block needs a home folder, and there is none."""
    try:
        yield
    except RuntimeError:  # of pathlib, which platformdirs uses
        raise MirrorError(
            "The mirror has no place: this user has no home folder.",
            hint="Set CONVOCORE_STORE to a file in a folder that you can write to, to memory, or "
            "to a PostgreSQL URL; or set HOME.",
        ) from None


def store_location(store: str | None, *, fingerprint: str) -> str | Path:
    """Where the mirror is kept: `memory`, a file, or a PostgreSQL URL for SQLAlchemy.

    Without `store` it is a file in the user's data folder, named after `fingerprint`. A URL of
    another database, or one of a file that is no path, is returned as it is.

    Raises:
        MirrorError: there is no home folder, and the mirror is to be in it.
    """
    location = (store or "").strip()
    if not location:
        return default_folder() / f"mirror-{fingerprint}.sqlite3"
    if location.lower() in _IN_MEMORY:
        return "memory"
    scheme, separator, rest = location.partition("://")
    if separator and scheme.lower() in {"postgres", "postgresql", "postgresql+psycopg"}:
        return f"postgresql+psycopg://{rest}"
    if (separator and scheme.lower() != "sqlite") or location.lower().startswith("file:"):
        return location
    with _home_folder():
        return Path(rest.removeprefix("/") if separator else location).expanduser()
