"""OpenTelemetry traces. The MCP SDK makes the spans; this module decides whether they are sent.

A span holds the method, the tool's name, the duration and the outcome; never arguments or answers.
"""

import importlib
import logging

from convocore_mcp.tracing.tracing_settings import TracingSettings

log = logging.getLogger(__name__)


def start_tracing(settings: TracingSettings, *, version: str) -> None:
    """Send spans from now on, if `settings` ask for it. The rest is sent when the process ends."""
    if settings.exporter is None:
        return
    if settings.exporter != "otlp":
        log.warning(
            "OTEL_TRACES_EXPORTER=%s is not supported, only otlp; no traces are sent.",
            settings.exporter[:40],
        )
        return
    try:
        # By name: OpenTelemetry is an optional dependency and slow to import.
        exporter = importlib.import_module("convocore_mcp.tracing.span_export")
    except ImportError:
        log.warning(
            "Traces are configured, but OpenTelemetry is not installed: "
            "pip install 'convocore-mcp[otel]'."
        )
        return
    exporter.export_traces(service_name=settings.service_name, version=version)
