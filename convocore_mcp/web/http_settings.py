"""The settings of the HTTP server. Read once at start-up and handed on as values."""

import re
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from convocore_mcp.checked_settings import HOST_AND_PORT, MAX_SECONDS, CheckedSettings, split_list
from convocore_mcp.web.access.host_policy import is_loopback

_TOKEN = re.compile(r"[\w.~+/=-]+", re.ASCII)
"""The `b64token` of RFC 6750, without its colons."""
_ORIGIN = re.compile(rf"https?://{HOST_AND_PORT.pattern}", re.IGNORECASE)


def _split_list(value: object) -> object:
    return split_list(value, separators=r"\s,")


def _split_tokens(value: object) -> object:
    tokens = _split_list(value)
    if isinstance(tokens, tuple):  # the scheme was pasted along: as a token, anybody would guess it
        tokens = tuple(token for token in tokens if str(token).lower() != "bearer")
    if isinstance(value, str) and not tokens:  # else a server meant to be protected would be open
        raise ValueError("should hold a token")
    return tokens


StringList = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_list)]
TokenList = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_split_tokens)]


class HttpSettings(CheckedSettings):
    """Environment variables of `serve --transport http|sse`; command-line options override them."""

    model_config = SettingsConfigDict(
        env_prefix="CONVOCORE_MCP_",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,  # else a failed check prints the token
    )

    tokens: TokenList = Field(
        (), description="Bearer tokens that clients may use, separated by commas."
    )
    oauth_issuer: str | None = Field(
        None, description="The OAuth issuer whose tokens are accepted, as in their `iss` claim."
    )
    oauth_audience: str | None = Field(None, description="The required `aud` claim of a token.")
    oauth_scopes: StringList = Field((), description="Scopes that a token must have.")
    allowed_hosts: StringList = Field((), description="Host names of this server.")
    allowed_origins: StringList = Field(
        (), description="Origins of web pages that may send requests."
    )
    public_url: str | None = Field(
        None, description="The server's URL behind a proxy, path prefix included."
    )
    max_body_bytes: int = Field(1_000_000, ge=1000, description="Largest request body.")
    max_header_bytes: int = Field(
        32_768, ge=1024, description="Largest request line and headers together."
    )
    max_requests: int = Field(512, ge=1, description="Requests answered at the same time.")
    max_sessions: int = Field(
        1000, ge=1, description="Sessions, and event streams, open at the same time."
    )
    max_connections: int = Field(2000, ge=8, description="Connections open at the same time.")
    max_connections_per_address: int = Field(
        256, ge=1, description="Of these, connections of one address that have shown no token."
    )
    header_seconds: float = Field(
        10,
        gt=0,
        le=MAX_SECONDS,
        description="Seconds within which a request's headers must arrive.",
    )
    stall_seconds: float = Field(
        30,
        gt=0,
        le=MAX_SECONDS,
        description="Seconds after which a client that does not read is cut off.",
    )
    session_seconds: float = Field(
        1800, gt=0, le=MAX_SECONDS, description="Idle seconds after which a session ends."
    )
    drain_seconds: float = Field(
        3, ge=0, le=MAX_SECONDS, description="Seconds that running calls get to finish at shutdown."
    )

    @field_validator("tokens")
    @classmethod
    def _check_tokens(cls, tokens: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for token in tokens:
            if not _TOKEN.fullmatch(token.get_secret_value()):
                raise ValueError("should consist of letters, digits and -._~+/=")
        return tokens

    @field_validator("oauth_issuer", "public_url")
    @classmethod
    def _check_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value.strip())
        plain = HOST_AND_PORT.fullmatch(parts.netloc) and not parts.query and not parts.fragment
        if parts.scheme not in {"http", "https"} or not plain:
            raise ValueError("should be a plain URL like https://host.example/path")
        return value.strip()

    @field_validator("oauth_issuer")
    @classmethod
    def _check_issuer_is_https(cls, value: str | None) -> str | None:
        if value and value.startswith("http:") and not is_loopback(urlsplit(value).hostname or ""):
            raise ValueError("should begin with https: over http its keys could be replaced")
        return value

    @field_validator("allowed_hosts")
    @classmethod
    def _check_hosts(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        if not all(HOST_AND_PORT.fullmatch(host) for host in hosts):
            raise ValueError("should be hosts like mcp.example.com, perhaps with a port")
        return tuple(host.lower() for host in hosts)

    @field_validator("allowed_origins")
    @classmethod
    def _check_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_ORIGIN.fullmatch(origin) for origin in origins):
            raise ValueError("should be origins like https://app.example.com")
        return tuple(origin.lower() for origin in origins)

    @model_validator(mode="after")
    def _check_issuer_and_audience(self) -> Self:
        if (self.oauth_issuer is None) != (self.oauth_audience is None):
            raise ValueError(
                "CONVOCORE_MCP_OAUTH_ISSUER and CONVOCORE_MCP_OAUTH_AUDIENCE must be set together"
            )
        return self

    def shared_by(self, workers: int) -> Self:
        """The settings of one of several workers: its share of what is bounded in all."""
        bounds = ("max_requests", "max_sessions", "max_connections", "max_connections_per_address")
        return self.model_copy(
            update={name: max(1, getattr(self, name) // workers) for name in bounds}
        )

    @property
    def prefix(self) -> str:
        """The path under which a proxy serves this server: empty, or like `/convocore`."""
        return urlsplit(self.public_url or "").path.rstrip("/")
