"""OpenTelemetry traces: the SDK makes the spans, and they go where the environment says.

Off unless `OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` or
`OTEL_TRACES_EXPORTER` is set; the exporter reads all other `OTEL_*` variables itself. A span tells
the method, the tool's name, how long and how it ended; never arguments or answers.
"""

import logging
import os

log = logging.getLogger(__name__)

SWITCHES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def wanted() -> bool:
    """Whether the environment asks for traces."""
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    exporter = os.environ.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    return exporter != "none" and bool(exporter or any(map(os.environ.get, SWITCHES)))


def start_tracing(version: str) -> None:
    """Send spans from now on, if asked for; what is left is sent when the process ends."""
    if not wanted():
        return
    if (exporter := os.environ.get("OTEL_TRACES_EXPORTER", "otlp").strip().lower()) != "otlp":
        log.warning("OTEL_TRACES_EXPORTER=%s is not served, only otlp; no traces.", exporter[:40])
        return
    try:
        from opentelemetry import trace  # noqa: PLC0415  slow, and rarely wanted
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError:
        log.warning("Traces are asked for, but not installed: pip install 'convocore-mcp[otel]'.")
        return
    name = os.environ.get("OTEL_SERVICE_NAME") or "convocore-mcp"
    resource = Resource.create({"service.name": name, "service.version": version})
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
