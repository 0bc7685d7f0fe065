"""What can be configured of the HTTP server. Read once, when it starts, and handed on as values."""

import re
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from convocore_mcp.web.host_policy import is_loopback

_TOKEN = re.compile(r"[\w.~+/=-]+", re.ASCII)
"""What fits behind `Bearer` (RFC 6750), colons aside."""
_ORIGIN = re.compile(r"https?://([\w.-]+|\[[\da-f:.]+\])(:\d{1,5})?", re.IGNORECASE)
_PLACE = re.compile(r"([\w.-]+|\[[\da-f:.]+\])(:\d{1,5})?", re.IGNORECASE)


def _several(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(dict.fromkeys(part for part in re.split(r"[\s,]+", value) if part))


def _tokens(value: object) -> object:
    found = _several(value)
    if isinstance(value, str) and not found:  # set, but to nothing: a token was meant to be asked
        raise ValueError("should hold a token")
    return found


Several = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_several)]


class HttpSettings(BaseSettings):
    """The environment variables of `serve --transport http` and `sse`; its options go first."""

    model_config = SettingsConfigDict(
        env_prefix="CONVOCORE_MCP_",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,  # else a failed check prints the token
    )

    tokens: Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_tokens)] = Field(
        (), description="Bearer tokens that clients may use, separated by commas."
    )
    oauth_issuer: str | None = Field(None, description="Whose tokens are taken, as in their `iss`.")
    oauth_audience: str | None = Field(None, description="What the tokens' `aud` must name.")
    oauth_scopes: Several = Field((), description="Scopes that a token must have.")
    allowed_hosts: Several = Field((), description="Names by which clients may address the server.")
    allowed_origins: Several = Field((), description="Web pages' origins that may ask it.")
    public_url: str | None = Field(
        None, description="Where clients find it behind a proxy, path prefix included."
    )
    max_body_bytes: int = Field(1_000_000, ge=1000, description="One request's body.")
    max_header_bytes: int = Field(32_768, ge=1024, description="One request's line and headers.")
    max_requests: int = Field(512, ge=1, description="Requests answered at the same time.")
    max_sessions: int = Field(1000, ge=1, description="Sessions, and streams, open at a time.")
    session_seconds: float = Field(1800, gt=0, description="Idle time that ends a session.")
    drain_seconds: float = Field(3, ge=0, description="What calls get to finish at the end.")

    @field_validator("tokens")
    @classmethod
    def _tokens_that_fit_a_header(cls, tokens: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for token in tokens:
            if not _TOKEN.fullmatch(token.get_secret_value()):
                raise ValueError("should consist of letters, digits and -._~+/=")
        return tokens

    @field_validator("oauth_issuer", "public_url")
    @classmethod
    def _a_plain_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value.strip())
        plain = _PLACE.fullmatch(parts.netloc) and not parts.query and not parts.fragment
        if parts.scheme not in {"http", "https"} or not plain:
            raise ValueError("should be a plain URL like https://host.example/path")
        return value.strip()

    @field_validator("oauth_issuer")
    @classmethod
    def _an_issuer_that_cannot_be_imitated(cls, value: str | None) -> str | None:
        if value and value.startswith("http:") and not is_loopback(urlsplit(value).hostname or ""):
            raise ValueError("should begin with https: its keys must not be changed on the way")
        return value

    @field_validator("allowed_hosts")
    @classmethod
    def _hosts(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_PLACE.fullmatch(host) for host in hosts):
            raise ValueError("should be hosts like mcp.example.com, perhaps with a port")
        return tuple(host.lower() for host in hosts)

    @field_validator("allowed_origins")
    @classmethod
    def _origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_ORIGIN.fullmatch(origin) for origin in origins):
            raise ValueError("should be origins like https://app.example.com")
        return tuple(origin.lower() for origin in origins)

    @model_validator(mode="after")
    def _issuer_and_audience_come_together(self) -> Self:
        if (self.oauth_issuer is None) != (self.oauth_audience is None):
            raise ValueError(
                "CONVOCORE_MCP_OAUTH_ISSUER and CONVOCORE_MCP_OAUTH_AUDIENCE go together"
            )
        return self

    @property
    def prefix(self) -> str:
        """The path under which a proxy puts the server: empty, or like `/convocore`."""
        return urlsplit(self.public_url or "").path.rstrip("/")
