"""Announcing changes: who hears of what, in both eras of the protocol.

Newer clients open a `subscriptions/listen` stream, older ones send `resources/subscribe`; one bus
serves both. What changed is read off the mirror, whose changes are numbered: after each reading,
and after each look at a mirror that another process keeps, whatever somebody listens to and that
has a change behind the last number announced is announced. Nobody listens: nothing is read.

Events say "read it again", so one too many does no harm. Any URI may be listened to; those that
are none of ours are never heard of again.
"""

import asyncio
import logging
import re
from collections import Counter
from collections.abc import AsyncIterator, Collection, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import anyio
from mcp.server.connection import Connection
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.mcpserver import MCPServer
from mcp.server.subscriptions import InMemorySubscriptionBus, ResourceUpdated, ServerEvent
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, EmptyResult, SubscribeRequestParams, UnsubscribeRequestParams

from convocore_mcp.errors import ConvocoreError
from convocore_mcp.server.backend import App, Backend

log = logging.getLogger(__name__)

MOST_URIS = 500
"""URIs that one client may listen to."""
PATIENCE = 2.0
"""Seconds after which a client that reads nothing is passed over."""
_OURS = re.compile(
    r"convocore://agents(?:/(?P<agent>[^/?]+)/(?P<kind>[a-z-]+)(?:/(?P<id>[^/?]+))?)?(?:\?.*)?/?"
)


@dataclass(frozen=True, slots=True)
class ResourceTarget:
    """What a URI speaks of; without an agent all of them are meant, without an id all of a kind."""

    agent: str = ""
    kind: str = ""
    id: str = ""


def resource_target(uri: str) -> ResourceTarget | None:
    """Where in the mirror a resource is, if it is there at all."""
    found = _OURS.fullmatch(uri)
    return ResourceTarget(*(unquote(part or "") for part in found.groups())) if found else None


class SubscriptionBus(InMemorySubscriptionBus):
    """Carries events to the clients of both eras."""

    def __init__(self) -> None:
        super().__init__()
        self._older: dict[Connection, set[str]] = {}

    async def publish(self, event: ServerEvent) -> None:
        """Tell everybody who listens to it."""
        await super().publish(event)
        if isinstance(event, ResourceUpdated):
            for connection, uris in list(self._older.items()):
                if event.uri in uris:
                    with anyio.move_on_after(PATIENCE):
                        await connection.send_resource_updated(event.uri)

    def uris_of(self, connection: Connection) -> set[str]:
        """What a client of the older era listens to."""
        if connection not in self._older:
            self._older[connection] = set()
            connection.exit_stack.callback(self._older.pop, connection, None)
        return self._older[connection]


class ChangeNotifier:
    """Watches what somebody listens to, and announces its changes.

    `always`: watch every agent, whether anybody listens or not.
    """

    def __init__(self, app: App, bus: SubscriptionBus, *, always: bool = False) -> None:
        self._app = app
        self._bus = bus
        self._always = always
        self._wanted: Counter[str] = Counter()
        self._backend: Backend | None = None
        self._announced: dict[str, int] = {}
        self._due: set[str] = set()
        self._announcing = False
        self._minding = anyio.Lock()
        self._tasks: dict[asyncio.Task[None], anyio.CancelScope] = {}

    def start(self) -> None:
        """Begin to watch if that is to be done always; returns at once."""
        if self._always:
            self._run(self._mind())

    async def aclose(self) -> None:
        """Announce nothing any more."""
        for scope in self._tasks.values():
            scope.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._backend = None
        self._announced.clear()

    async def want(self, uris: Collection[str]) -> None:
        """Somebody listens to these from now on: what changes after this returns is announced."""
        self._wanted.update(uris)
        await self._mind()

    async def drop(self, uris: Collection[str]) -> None:
        """Somebody has stopped listening to these."""
        self._wanted -= Counter(uris)
        with anyio.CancelScope(shield=True):
            await self._mind()

    @asynccontextmanager
    async def listening(self, uris: Sequence[str]) -> AsyncIterator[None]:
        """Somebody listens to these for as long as this lasts."""
        try:
            await self.want(uris)
            yield
        finally:
            await self.drop(uris)

    async def _mind(self) -> None:
        """Watch exactly the agents that somebody listens to."""
        places = [place for uri in self._wanted if (place := resource_target(uri))]
        if not places and not self._always and self._backend is None:
            return
        async with self._minding:
            try:
                backend = await self._app.backend()
            except ConvocoreError as error:
                log.warning("Nothing can be announced: %s", error.message)
                return
            if self._backend is not backend:
                self._backend = backend
                backend.watch.listeners.append(self._hear)
            everybody = self._always or any(not place.agent for place in places)
            named = {place.agent for place in places}
            agents = [agent for agent in backend.agents if everybody or agent in named]
            for agent in set(agents) - self._announced.keys():
                self._announced[agent] = await backend.read(backend.mirror_reader.sequence_number)
            for agent in self._announced.keys() - set(agents):
                del self._announced[agent]
            backend.watch.watch(agents)

    def _hear(self, agent: str) -> None:
        if agent in self._announced:
            self._due.add(agent)
            if not self._announcing:
                self._announcing = True
                self._run(self._announce())

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        # Not a task's own `cancel`, which would leave a thread alone with the database.
        scope = anyio.CancelScope()

        async def bounded() -> None:
            with scope:
                try:
                    await work
                except Exception:
                    # Nobody awaits this task: a bug must show here.
                    log.exception("Changes could not be announced.")

        task = asyncio.create_task(bounded())
        self._tasks[task] = scope
        task.add_done_callback(self._tasks.pop)

    async def _announce(self) -> None:
        """Tell of all that changed behind what was told last."""
        try:
            while self._due:
                await self._announce_of(self._due.pop())
        finally:
            self._announcing = False

    async def _announce_of(self, agent: str) -> None:
        backend, after = self._backend, self._announced.get(agent)
        if backend is None or after is None:
            return
        wanted = {
            uri: place
            for uri in self._wanted
            if (place := resource_target(uri)) and place.agent in {agent, ""}
        }
        changed_since = await backend.read(
            backend.change_log.changed_since,
            agent,
            after=after,
            ids={place.id for place in wanted.values() if place.kind == "conversations"} - {""},
            lead_ids={place.id for place in wanted.values() if place.kind == "leads"} - {""},
        )
        if agent in self._announced:
            self._announced[agent] = changed_since.sequence_number
        changed = {"conversations": changed_since.conversations, "leads": changed_since.leads}
        for uri, place in wanted.items():
            if changed_since.any and (not place.id or place.id in changed.get(place.kind, ())):
                await self._bus.publish(ResourceUpdated(uri=uri))


class Subscriptions:
    """`resources/subscribe` and its contrary, for clients of the older era."""

    def __init__(self, bus: SubscriptionBus, notifier: ChangeNotifier) -> None:
        self._bus = bus
        self._notifier = notifier

    async def subscribe(
        self, ctx: ServerRequestContext[Any, Any], params: SubscribeRequestParams
    ) -> EmptyResult:
        """Tell this client of a resource's changes from now on."""
        connection = _connection(ctx)
        uris, uri = self._bus.uris_of(connection), str(params.uri)
        if uri not in uris:
            _refuse_too_many(len(uris) + 1)
            if not uris:
                connection.exit_stack.push_async_callback(self._leave, uris)
            uris.add(uri)
            await self._notifier.want([uri])
        return EmptyResult()

    async def unsubscribe(
        self, ctx: ServerRequestContext[Any, Any], params: UnsubscribeRequestParams
    ) -> EmptyResult:
        """Tell it no more."""
        uris, uri = self._bus.uris_of(_connection(ctx)), str(params.uri)
        if uri in uris:
            uris.remove(uri)
            await self._notifier.drop([uri])
        return EmptyResult()

    async def _leave(self, uris: set[str]) -> None:
        left = list(uris)
        uris.clear()  # whoever subscribed, unsubscribed and subscribed again leaves twice
        await self._notifier.drop(left)


def add_subscriptions(
    server: MCPServer[App], bus: SubscriptionBus, notifier: ChangeNotifier
) -> None:
    """Serve `resources/subscribe`, watch what `subscriptions/listen` asks for, and say so."""

    async def middleware(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        if ctx.method == "subscriptions/listen":
            async with notifier.listening(_listened_to(ctx.params)):
                return await call_next(ctx)
        result = await call_next(ctx)
        if ctx.method in {"initialize", "server/discover"} and isinstance(result, dict):
            for name in ("tools", "prompts", "resources"):
                # What is listed never changes while the server runs.
                result["capabilities"][name]["listChanged"] = False
        return result

    older = Subscriptions(bus, notifier)
    low = server._lowlevel_server  # noqa: SLF001  the high level has no way to serve these
    low.add_request_handler("resources/subscribe", SubscribeRequestParams, older.subscribe)
    low.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, older.unsubscribe)
    server.middleware.append(middleware)


def _connection(ctx: ServerRequestContext[Any, Any]) -> Connection:
    """The client's connection; it outlives the session, which is made anew for each request."""
    return ctx.session._connection  # noqa: SLF001  the SDK has no public way to it


def _listened_to(params: Any) -> list[str]:
    """The URIs that a request to listen names; one that makes no sense is refused further in."""
    asked = (params or {}).get("notifications")
    uris = asked.get("resourceSubscriptions") if isinstance(asked, dict) else None
    found = [uri for uri in uris or () if isinstance(uri, str)] if isinstance(uris, list) else []
    _refuse_too_many(len(found))
    return found


def _refuse_too_many(count: int) -> None:
    if count > MOST_URIS:
        raise MCPError(
            code=INVALID_PARAMS, message=f"One client may listen to {MOST_URIS} resources at most."
        )
