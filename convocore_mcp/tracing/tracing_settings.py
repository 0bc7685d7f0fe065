"""The settings of tracing: the standard OpenTelemetry variables that the program itself reads.

They are part of the settings, but a module of their own: serving over stdio reads them at start-up,
when pydantic-settings must not be imported yet. The OTLP exporter reads the other `OTEL_*`
variables (headers, timeouts, compression) itself.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

DEFAULT_SERVICE_NAME = "convocore-mcp"


@dataclass(frozen=True, slots=True)
class TracingSettings:
    """Which exporter sends the traces, if any, and under which service name."""

    exporter: str | None = None
    """The value of `OTEL_TRACES_EXPORTER`, in lower case; `None` if tracing is off."""
    service_name: str = DEFAULT_SERVICE_NAME

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read the variables.

        Tracing is on if an exporter or an OTLP endpoint is set, unless `OTEL_SDK_DISABLED` is
        `true` or the exporter is `none`. Without an exporter, `otlp` is used.
        """
        endpoint = environment.get("OTEL_EXPORTER_OTLP_ENDPOINT") or environment.get(
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
        )
        exporter = environment.get("OTEL_TRACES_EXPORTER", "").strip().lower()
        exporter = exporter or ("otlp" if endpoint else "none")
        disabled = environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
        return cls(
            exporter=None if disabled or exporter == "none" else exporter,
            service_name=environment.get("OTEL_SERVICE_NAME") or DEFAULT_SERVICE_NAME,
        )
