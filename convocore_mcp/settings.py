"""What can be configured. Read once, by the CLI, and handed on as values."""

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AliasChoices, BeforeValidator, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

SERVERS = {
    "eu": "https://eu-gcp-api.vg-stuff.com/v3",
    "na": "https://na-gcp-api.vg-stuff.com/v3",
}
_HOST = re.compile(r"([\w.-]+|\[[\da-f:]+\])(:\d{1,5})?", re.IGNORECASE)
"""A host and a port, and no name or password before them."""
_IN_MEMORY = {"memory", ":memory:", "sqlite://", "sqlite:///:memory:"}


def _region(value: object) -> object:
    return value.strip().lower().removesuffix("-gcp") if isinstance(value, str) else value


def _several(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(dict.fromkeys(part.strip() for part in value.split(",") if part.strip()))


class Settings(BaseSettings):
    """The environment variables, with the vendor's own names as aliases."""

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
    agent_id: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_several)] = Field(
        (), description="Agent ID, or several separated by commas."
    )
    region: Annotated[Literal["eu", "na"], BeforeValidator(_region)] = Field(
        "eu",
        validation_alias=AliasChoices("CONVOCORE_REGION", "CONVOCORE_API_REGION"),
        description="`eu` or `na`. The two hold different data.",
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
        description="Age from which the front of the list is read again.",
    )
    full_sync_seconds: float = Field(
        6 * 3600,
        validation_alias=AliasChoices("CONVOCORE_FULL_SYNC_SECONDS", "CONVOCORE_SWEEP_SECONDS"),
        ge=60,
        description="Age from which the whole list is read again.",
    )
    max_rows: int = Field(2_000_000, ge=1, description="Rows after which one reading stops.")
    max_sync_seconds: float = Field(
        12 * 3600,
        validation_alias=AliasChoices("CONVOCORE_MAX_SYNC_SECONDS", "CONVOCORE_MAX_WALK_SECONDS"),
        ge=1,
        description="Seconds after which one reading stops.",
    )
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        BeforeValidator(lambda value: value.lower() if isinstance(value, str) else value),
    ] = Field("warning", description="How much is said on stderr.")

    @field_validator("api_key")
    @classmethod
    def _a_key_that_fits_a_header(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        key = re.sub(r"^Bearer\s+", "", value.get_secret_value().strip(), flags=re.IGNORECASE)
        if not key:
            return None
        if not (key.isascii() and key.isprintable()) or " " in key:
            raise ValueError("holds characters that no key has; copy it again")
        return SecretStr(key)

    @field_validator("base_url")
    @classmethod
    def _a_server_that_may_see_the_key(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value.strip())
        plain = _HOST.fullmatch(parts.netloc) and not parts.query and not parts.fragment
        if parts.scheme not in {"http", "https"} or parts.hostname is None or not plain:
            raise ValueError("should be a plain URL like https://host/v3")
        if parts.scheme == "http" and not _loopback(parts.hostname):
            raise ValueError("should begin with https: the key would travel in the clear")
        path = parts.path.rstrip("/")
        path = path if path.endswith("/v3") else f"{path}/v3"
        return f"{parts.scheme}://{parts.netloc}{path}"

    @property
    def server(self) -> str:
        """The URL under which the API is, without a slash at the end."""
        return self.base_url or SERVERS[self.region]


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def store_location(store: str | None, *, fingerprint: str) -> str | Path:
    """Where the mirror is: `memory`, a PostgreSQL URL, or a file."""
    place = (store or "").strip()
    if not place:
        # Imported here: only those who keep the default place need it.
        from platformdirs import user_data_path  # noqa: PLC0415

        return user_data_path("convocore-mcp", appauthor=False) / f"mirror-{fingerprint}.sqlite3"
    if place.lower() in _IN_MEMORY:
        return "memory"
    scheme, mark, rest = place.partition("://")
    if mark and scheme.lower() in {"postgres", "postgresql", "postgresql+psycopg"}:
        return f"postgresql+psycopg://{rest}"
    if mark and scheme.lower() != "sqlite":
        return place
    return Path(rest.removeprefix("/") if mark else place).expanduser()
