"""Figures for Prometheus. Names of tools, codes, routes and agents; nothing that anybody wrote."""

from collections.abc import Callable

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from starlette.requests import Request
from starlette.responses import Response

from convocore_mcp.errors import ConvocoreError
from convocore_mcp.server.backend import App

BUCKETS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25)
"""Seconds; a call answers within 25."""


class Metrics:
    """One server's figures, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)

        def counter(name: str, what: str, *labels: str) -> Counter:
            return Counter(f"convocore_mcp_{name}", what, labels, registry=registry)

        def gauge(name: str, what: str, *labels: str) -> Gauge:
            return Gauge(f"convocore_mcp_{name}", what, labels, registry=registry)

        self._tracker = counter("tool_calls", "Tool calls answered, errors too.", "tool")
        self._errors = counter("tool_errors", "Tool calls answered with an error.", "tool", "code")
        self._seconds = Histogram(
            "convocore_mcp_tool_seconds",
            "From a tool call's arrival to its answer.",
            ["tool"],
            buckets=BUCKETS,
            registry=registry,
        )
        self._requests = counter("requests", "MCP requests.", "method", "code")
        self._http = counter("http_requests", "HTTP requests ended.", "route", "status")
        self._upstream = counter("upstream_requests", "Requests to Convocore.", "status")
        self._open = gauge("open", "HTTP requests, streams and MCP calls under way.", "kind")
        self._age = gauge("mirror_age_seconds", "Since Convocore was last read.", "agent")
        self._size = gauge("mirror_conversations", "Conversations in the mirror.", "agent")
        self._complete = gauge("mirror_complete", "1 if everything was read once.", "agent")
        self._aside = gauge("mirror_quarantined", "Records that could not be read.", "agent")

    def call(self, method: str, tool: str, code: str, seconds: float) -> None:
        """An MCP request was answered."""
        self._requests.labels(method, code).inc()
        if tool:
            self._tracker.labels(tool).inc()
            self._seconds.labels(tool).observe(seconds)
            if code != "ok":
                self._errors.labels(tool, code).inc()

    def http(self, route: str, status: int) -> None:
        """An HTTP request ended; status 0 means before there was one."""
        self._http.labels(route, str(status)).inc()

    def upstream(self, status: str) -> None:
        """Convocore answered with a status, or with `timeout` or `unreachable`."""
        self._upstream.labels(status).inc()

    async def mirror(self, app: App) -> None:
        """Look at the mirror; what can't be opened has no figures."""
        try:
            backend = await app.backend()
        except ConvocoreError:
            return
        for agent in backend.agents:
            held = await backend.read(backend.coverage, agent)
            self._size.labels(agent).set(held.conversations)
            self._complete.labels(agent).set(held.complete)
            self._aside.labels(agent).set(held.quarantined)
            if held.as_of is not None:
                self._age.labels(agent).set((backend.now() - held.as_of).total_seconds())

    def endpoint(self, app: App, under_way: Callable[[], dict[str, int]]) -> Callable[..., object]:
        """The route's endpoint."""

        async def metrics(_: Request) -> Response:
            for kind, count in under_way().items():
                self._open.labels(kind).set(count)
            await self.mirror(app)
            return Response(
                generate_latest(self.registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
            )

        return metrics
