"""Prometheus metrics. Labels are tools, error codes, routes and agents; never what people wrote."""

from collections.abc import Awaitable, Callable, Iterable

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Metric,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from convocore_mcp.errors import ConvocoreError
from convocore_mcp.server.calls.lifetime import App
from convocore_mcp.web.sanitized_responses import plain_response

BUCKETS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25)
"""Seconds; a tool call answers within 25, unless CONVOCORE_WAIT_SECONDS allows more."""


class Metrics:
    """The metrics of one server, in its own registry."""

    def __init__(self, *, worker: int | None = None) -> None:
        """`worker` is the number of one of several processes, which all answer `/metrics`."""
        self._worker = worker
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)

        def counter(name: str, description: str, *labels: str) -> Counter:
            return Counter(f"convocore_mcp_{name}", description, labels, registry=registry)

        def gauge(name: str, description: str, *labels: str) -> Gauge:
            return Gauge(f"convocore_mcp_{name}", description, labels, registry=registry)

        self._tool_calls = counter("tool_calls", "Tool calls answered, errors included.", "tool")
        self._tool_errors = counter(
            "tool_errors", "Tool calls answered with an error.", "tool", "code"
        )
        self._tool_seconds = Histogram(
            "convocore_mcp_tool_seconds",
            "Seconds from the arrival of a tool call to its answer.",
            ["tool"],
            buckets=BUCKETS,
            registry=registry,
        )
        self._requests = counter("requests", "MCP requests answered.", "method", "code")
        self._http_requests = counter("http_requests", "HTTP requests answered.", "route", "status")
        self._upstream_requests = counter(
            "upstream_requests", "Requests sent to Convocore.", "status"
        )
        self._open = gauge("open", "Open HTTP requests, streams, MCP calls and sessions.", "kind")
        self._mirror_age = gauge(
            "mirror_age_seconds", "Seconds since Convocore was last read.", "agent"
        )
        self._mirror_size = gauge("mirror_conversations", "Conversations in the mirror.", "agent")
        self._mirror_complete = gauge(
            "mirror_complete", "1 if the whole list has been read once.", "agent"
        )
        self._mirror_quarantined = gauge(
            "mirror_quarantined", "Records that could not be read.", "agent"
        )

    def record_call(self, method: str, tool: str, code: str, seconds: float) -> None:
        """Count an answered MCP request; `tool` is empty if it was no tool call."""
        self._requests.labels(method, code).inc()
        if tool:
            self._tool_calls.labels(tool).inc()
            self._tool_seconds.labels(tool).observe(seconds)
            if code != "ok":
                self._tool_errors.labels(tool, code).inc()

    def record_http_request(self, route: str, status: int) -> None:
        """Count an ended HTTP request; `status` is 0 if it ended without a response."""
        self._http_requests.labels(route, str(status)).inc()

    def record_upstream_request(self, status: str) -> None:
        """Count a request to Convocore: its HTTP status, `timeout` or `unreachable`."""
        self._upstream_requests.labels(status).inc()

    async def update_mirror_gauges(self, app: App) -> None:
        """Read the state of the mirror. A mirror that cannot be read has no gauges."""
        try:
            backend = await app.backend()
            with backend.in_time():
                read = [(a, await backend.read(backend.coverage, a)) for a in backend.agents]
        except ConvocoreError:
            return
        for agent, coverage in read:
            self._mirror_size.labels(agent).set(coverage.conversations)
            self._mirror_complete.labels(agent).set(coverage.complete)
            self._mirror_quarantined.labels(agent).set(coverage.quarantined)
            if coverage.as_of is not None:
                age = backend.now() - coverage.as_of
                self._mirror_age.labels(agent).set(age.total_seconds())

    def _shown(self) -> CollectorRegistry:
        """The registry; each sample of a worker has its number, else counters would jump."""
        if self._worker is None:
            return self.registry
        shown = CollectorRegistry()
        shown.register(_OfWorker(self.registry, str(self._worker)))
        return shown

    def endpoint(
        self, app: App, under_way: Callable[[], dict[str, int]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """The endpoint of `/metrics`; `under_way` counts what is open, by kind."""

        async def metrics(_: Request) -> Response:
            for kind, count in under_way().items():
                self._open.labels(kind).set(count)
            await self.update_mirror_gauges(app)
            return plain_response(generate_latest(self._shown()), CONTENT_TYPE_LATEST)

        return metrics


class _OfWorker(Collector):
    """The metrics of a registry, with one more label."""

    def __init__(self, registry: CollectorRegistry, worker: str) -> None:
        self._registry = registry
        self._worker = worker

    def collect(self) -> Iterable[Metric]:
        for metric in self._registry.collect():
            metric.samples = [
                sample._replace(labels={**sample.labels, "worker": self._worker})
                for sample in metric.samples
            ]
            yield metric
