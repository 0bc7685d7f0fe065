"""The audit log: who asked what, and whom the answer showed (`CONVOCORE_AUDIT_LOG`).

One JSON line for each tool call, resource and prompt, without content and without arguments. If a
line can't be written, stderr says so once, and the answer goes out all the same: a full disk must
not stop the assistant.
"""

import asyncio
import json
import logging
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime

import anyio.to_thread
from mcp.server.context import CallNext, HandlerResult
from mcp.shared.exceptions import MCPError

from convocore_mcp.errors import ConvocoreError
from convocore_mcp.server.calls.lifetime import App
from convocore_mcp.server.mcp import RequestContext
from convocore_mcp.server.mcp.resource_target import resource_target
from convocore_mcp.server.sanitize import JsonObject

log = logging.getLogger(__name__)

AUDITED = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
"""The requests that are written, each with the parameter that names what was asked for."""
MAX_IDS = 200
"""IDs of one line; `ids_total` says how many there were."""
STDERR = "stderr"
_ID_KEYS = frozenset({"id", "lead_id", "conversation_id"})
_RESOURCES = {"conversations", "leads", "hot-leads", "stats"}
_NAME = re.compile(r"[a-z_]{1,40}")
"""Names of tools and prompts. Any other name is the client's own text, and is not written."""


class AuditLog:
    """MCP middleware that writes the audit log."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._is_failing = False

    async def __call__(self, ctx: RequestContext, call_next: CallNext) -> HandlerResult:
        """Pass a message on, and write who got what."""
        if ctx.method not in AUDITED or ctx.request_id is None:
            return await call_next(ctx)
        result: HandlerResult = None
        outcome = "internal"
        try:
            result = await call_next(ctx)
            outcome = "ok"
        except MCPError as error:
            outcome = _code(error)
            raise
        except asyncio.CancelledError:
            outcome = "cancelled"
            raise
        finally:
            with anyio.CancelScope(shield=True):
                await self._write(ctx, result, outcome)
        return result

    async def _write(self, ctx: RequestContext, result: HandlerResult, outcome: str) -> None:
        try:
            destination, agents = await self._app.audit_log(), await self._app.agents()
        except ConvocoreError:  # a wrong setting: the answer of the call says so
            return
        if destination is None:
            return
        params: JsonObject = dict(ctx.params or {})
        answer = _answer(result)
        error = answer.get("error")
        if isinstance(error, dict):
            outcome = str(error.get("code"))
        ids = list(dict.fromkeys(_ids(answer)))
        line = {
            "at": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "who": _who(ctx),
            "what": _what(ctx.method, params),
            "agent_id": _agent(ctx.method, params, agents),
            "outcome": outcome,
            "ids": ids[:MAX_IDS],
            "ids_total": len(ids) if len(ids) > MAX_IDS else None,
        }
        text = json.dumps({name: value for name, value in line.items() if value is not None})
        try:
            await anyio.to_thread.run_sync(_append, destination, f"{text}\n".encode())
            self._is_failing = False
        except OSError as failure:
            if not self._is_failing:
                # Without the stack: it says nothing more.
                reason = failure.strerror
                log.error("The audit log can't be written (CONVOCORE_AUDIT_LOG): %s.", reason)  # noqa: TRY400
            self._is_failing = True


def _code(error: MCPError) -> str:
    """The code of an error object, which is the text of a resource's error; else the protocol's."""
    try:
        return str(json.loads(error.error.message)["error"]["code"])
    except (KeyError, TypeError, ValueError):
        return str(error.error.code)


def _append(destination: str, line: bytes) -> None:
    """Write one line by one call, so that lines of several processes do not mix."""
    if destination == STDERR:
        os.write(2, line)
        return
    descriptor = os.open(destination, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, line)
    finally:
        os.close(descriptor)


def _who(ctx: RequestContext) -> str:
    """The token's client and subject; never the token."""
    scope = getattr(ctx.request, "scope", None)
    if scope is None:
        return "stdio"
    access = getattr(scope.get("user"), "access_token", None)
    if access is None:
        return "anybody"  # a server that needs no token
    return " ".join(dict.fromkeys(filter(None, (access.client_id, access.subject))))


def _what(method: str, params: JsonObject) -> str:
    asked = str(params.get(AUDITED[method]) or "")
    if method == "resources/read":
        target = resource_target(asked)
        return f"resource {target.kind}" if target and target.kind in _RESOURCES else "resource"
    kind = method.partition("/")[0].removesuffix("s")
    return f"{kind} {asked}" if _NAME.fullmatch(asked) else kind


def _agent(method: str, params: JsonObject, agents: object) -> str | None:
    """The agent that was asked about, if it is a configured one."""
    known = tuple(agents) if isinstance(agents, tuple | list) else ()
    if method == "resources/read":
        target = resource_target(str(params.get("uri") or ""))
        asked = target.agent if target else ""
    else:
        asked = str((params.get("arguments") or {}).get("agent_id") or "").strip()
    if asked in known or asked == "all":
        return asked
    return known[0] if len(known) == 1 else None


def _answer(result: HandlerResult) -> JsonObject:
    """The object in a result: the answer, or an error object."""
    if not isinstance(result, dict):
        return {}
    structured = result.get("structuredContent")
    if isinstance(structured, dict):
        return structured
    parts = result.get("content") or result.get("contents")
    if not isinstance(parts, list) or not parts:
        return {}
    try:
        found = json.loads(parts[0]["text"])
    except (LookupError, TypeError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _ids(value: object) -> Iterator[str]:
    """The IDs of leads and conversations anywhere in an answer."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in _ID_KEYS and isinstance(inner, str):
                yield inner
            else:
                yield from _ids(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _ids(inner)
