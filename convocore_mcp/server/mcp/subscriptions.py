"""Notifies clients of changed resources, in both eras of the protocol.

Newer clients open a `subscriptions/listen` stream, older ones send `resources/subscribe`; one bus
serves both. The mirror numbers its changes. After each sync, also one by another process, every
subscribed resource with a change after the last announced number is announced. Leads follow their
conversations in a later transaction: changes that they do not follow yet are announced again.
Without subscriptions nothing is synced and nothing is read.

An event means "read it again", so a superfluous one does no harm. Clients may subscribe to any URI;
for one that this server does not know there are no events.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Collection, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio
from mcp.server.connection import Connection
from mcp.server.context import CallNext, HandlerResult
from mcp.server.mcpserver import MCPServer
from mcp.server.subscriptions import InMemorySubscriptionBus, ResourceUpdated, ServerEvent
from mcp_types import EmptyResult, SubscribeRequestParams, UnsubscribeRequestParams

from convocore_mcp.errors import ConvocoreError, MirrorError
from convocore_mcp.server.calls.lifetime import App
from convocore_mcp.server.mcp import RequestContext, connection_of
from convocore_mcp.server.mcp.resource_target import (
    ResourceTarget,
    changed_targets,
    resource_target,
    settled,
)
from convocore_mcp.server.rendering import protocol_error

if TYPE_CHECKING:
    from convocore_mcp.server.backend import Backend

log = logging.getLogger(__name__)

MAX_URIS = 500
"""URIs that one client may subscribe to."""
SEND_TIMEOUT = 2.0
"""Seconds after which an event for a client that does not read is dropped."""


class SubscriptionBus(InMemorySubscriptionBus):
    """Carries events to the clients of both eras."""

    def __init__(self) -> None:
        super().__init__()
        self._legacy_uris: dict[Connection, set[str]] = {}

    async def publish(self, event: ServerEvent) -> None:
        """Send an event to every client that subscribed to it."""
        await super().publish(event)
        if isinstance(event, ResourceUpdated):
            for connection, uris in list(self._legacy_uris.items()):
                if event.uri in uris:
                    with anyio.move_on_after(SEND_TIMEOUT):
                        await connection.send_resource_updated(event.uri)

    def uris_of(self, connection: Connection) -> set[str]:
        """What a client of the older era has subscribed to."""
        if connection not in self._legacy_uris:
            self._legacy_uris[connection] = set()
            connection.exit_stack.callback(self._legacy_uris.pop, connection, None)
        return self._legacy_uris[connection]


class ChangeNotifier:
    """Watches the agents of subscribed resources, and announces changed ones.

    `always`: watch every agent, with or without subscriptions.
    """

    def __init__(self, app: App, bus: SubscriptionBus, *, always: bool = False) -> None:
        self._app = app
        self._bus = bus
        self._always = always
        self._subscribed: Counter[str] = Counter()
        self._backend: Backend | None = None
        self._announced: dict[str, tuple[str, int]] = {}
        """Of each watched agent the number of the change up to which all were announced, behind the
        generation of the mirror, to which numbers belong."""
        self._to_announce: set[str] = set()
        self._announcing = False
        self._updating = anyio.Lock()
        self._tasks: dict[asyncio.Task[None], anyio.CancelScope] = {}

    def start(self) -> None:
        """Start to watch if `always` is set; returns at once."""
        if self._always:
            self._run(self._update_watch())

    async def aclose(self) -> None:
        """Stop announcing."""
        for scope in self._tasks.values():
            scope.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._backend = None
        self._announced.clear()

    async def subscribe(self, uris: Collection[str]) -> None:
        """Add a subscription: changes after this returns are announced."""
        self._subscribed.update(uris)
        await self._update_watch()

    async def unsubscribe(self, uris: Collection[str]) -> None:
        """Remove a subscription."""
        self._subscribed -= Counter(uris)
        with anyio.CancelScope(shield=True):
            await self._update_watch()

    @asynccontextmanager
    async def subscribed(self, uris: Sequence[str]) -> AsyncIterator[None]:
        """A subscription for as long as this context lasts."""
        try:
            await self.subscribe(uris)
            yield
        finally:
            await self.unsubscribe(uris)

    async def _update_watch(self) -> None:
        """Watch exactly the agents of subscribed resources."""
        targets = [target for uri in self._subscribed if (target := resource_target(uri))]
        if not targets and not self._always and self._backend is None:
            return
        async with self._updating:
            try:
                backend = await self._app.backend()
            except ConvocoreError as error:
                log.warning("Changes can't be announced: %s", error.message)
                return
            if self._backend is None or self._backend.watch is not backend.watch:
                backend.watch.listeners.append(self._after_sync)
            self._backend = backend
            all_agents = self._always or any(not target.agent for target in targets)
            named = {target.agent for target in targets}
            agents = [agent for agent in backend.agents if all_agents or agent in named]
            try:
                with backend.in_time():
                    for agent in set(agents) - self._announced.keys():
                        self._announced[agent] = await settled(backend, agent)
            except MirrorError as error:
                log.warning("Changes can't be announced: %s", error.message)
                return
            for agent in self._announced.keys() - set(agents):
                del self._announced[agent]
            backend.watch.watch(agents)

    def _after_sync(self, agent: str) -> None:
        if agent in self._announced:
            self._to_announce.add(agent)
            if not self._announcing:
                self._announcing = True
                self._run(self._announce())

    def _run(self, work: Coroutine[None, None, None]) -> None:
        # A scope, not `Task.cancel`: that would not wait for a thread that uses the database.
        scope = anyio.CancelScope()

        async def bounded() -> None:
            with scope:
                try:
                    await work
                except Exception:
                    # Nothing awaits this task, so a bug must be logged here.
                    log.exception("Changes could not be announced.")

        task = asyncio.create_task(bounded())
        self._tasks[task] = scope
        task.add_done_callback(self._tasks.pop)

    async def _announce(self) -> None:
        """Announce the changes of every synced agent."""
        try:
            while self._to_announce:
                await self._announce_of(self._to_announce.pop())
        finally:
            self._announcing = False

    async def _announce_of(self, agent: str) -> None:
        backend, announced = self._backend, self._announced.get(agent)
        if backend is None or announced is None:
            return
        targets = self._targets(agent)
        try:
            changed = await changed_targets(backend, agent, announced, targets.values())
        except MirrorError as error:  # the next sync announces these changes, too
            log.warning("Changes can't be announced: %s", error.message)
            return
        if agent in self._announced:
            self._announced[agent] = changed.up_to
        for uri, target in self._targets(agent).items():
            # A URI that was subscribed to meanwhile was not among those checked for changes.
            if changed.any and (target in changed.targets or uri not in targets):
                await self._bus.publish(ResourceUpdated(uri=uri))

    def _targets(self, agent: str) -> dict[str, ResourceTarget]:
        """The subscribed resources that an agent's changes concern."""
        return {
            uri: target
            for uri in self._subscribed
            if (target := resource_target(uri)) and target.agent in {agent, ""}
        }


class LegacySubscriptions:
    """`resources/subscribe` and `resources/unsubscribe`, for clients of the older era."""

    def __init__(self, bus: SubscriptionBus, notifier: ChangeNotifier) -> None:
        self._bus = bus
        self._notifier = notifier

    async def subscribe(self, ctx: RequestContext, params: SubscribeRequestParams) -> EmptyResult:
        """Notify this client of a resource's changes from now on."""
        connection = connection_of(ctx)
        if not connection.has_standalone_channel:
            raise protocol_error(
                "Subscriptions need a session; without one, read the resource again now and then."
            )
        uris, uri = self._bus.uris_of(connection), str(params.uri)
        if uri not in uris:
            _refuse_too_many(len(uris) + 1)
            if not uris:
                connection.exit_stack.push_async_callback(self._disconnected, uris)
            uris.add(uri)
            await self._notifier.subscribe([uri])
        return EmptyResult()

    async def unsubscribe(
        self, ctx: RequestContext, params: UnsubscribeRequestParams
    ) -> EmptyResult:
        """Stop notifying this client of a resource's changes."""
        uris, uri = self._bus.uris_of(connection_of(ctx)), str(params.uri)
        if uri in uris:
            uris.remove(uri)
            await self._notifier.unsubscribe([uri])
        return EmptyResult()

    async def _disconnected(self, uris: set[str]) -> None:
        left = list(uris)
        uris.clear()  # called twice for a client that subscribed again after unsubscribing
        await self._notifier.unsubscribe(left)


def add_subscriptions(
    server: MCPServer[App], bus: SubscriptionBus, notifier: ChangeNotifier
) -> None:
    """Serve subscriptions of both eras, and advertise what they can do."""

    async def middleware(ctx: RequestContext, call_next: CallNext) -> HandlerResult:
        if ctx.method == "subscriptions/listen":
            async with notifier.subscribed(_requested_uris(ctx.params)):
                return await call_next(ctx)
        result = await call_next(ctx)
        if ctx.method in {"initialize", "server/discover"} and isinstance(result, dict):
            for name in ("tools", "prompts", "resources"):
                # The lists never change while the server runs.
                result["capabilities"][name]["listChanged"] = False
            if ctx.method == "initialize" and not connection_of(ctx).has_standalone_channel:
                result["capabilities"]["resources"]["subscribe"] = False
        return result

    legacy = LegacySubscriptions(bus, notifier)
    low_level = server._lowlevel_server  # noqa: SLF001  the SDK's high level does not serve these
    low_level.add_request_handler("resources/subscribe", SubscribeRequestParams, legacy.subscribe)
    low_level.add_request_handler(
        "resources/unsubscribe", UnsubscribeRequestParams, legacy.unsubscribe
    )
    server.middleware.append(middleware)


def _requested_uris(params: Mapping[str, object] | None) -> list[str]:
    """The URIs that a request to listen names. The SDK refuses one of the wrong shape."""
    requested = (params or {}).get("notifications")
    uris = requested.get("resourceSubscriptions") if isinstance(requested, dict) else None
    found = [uri for uri in uris or () if isinstance(uri, str)] if isinstance(uris, list) else []
    _refuse_too_many(len(found))
    return found


def _refuse_too_many(count: int) -> None:
    if count > MAX_URIS:
        raise protocol_error(f"One client may subscribe to {MAX_URIS} resources at most.")
