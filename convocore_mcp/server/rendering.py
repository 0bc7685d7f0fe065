"""The last step of every request: the one module that makes what an MCP client receives.

Tools, resources, prompts, completions and errors leave through a function of this module, and each
text in them has been sanitized: `tests/surface/test_ways_out.py` finds anything else.
"""

import json
import logging
import re
from collections.abc import Mapping, Sequence
from typing import NewType

from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    CallToolResult,
    CompleteResult,
    Completion,
    ErrorData,
    JSONRPCError,
    JSONRPCMessage,
    Resource,
    ResourceTemplate,
    TextContent,
)

from convocore_mcp.errors import (
    ConvocoreError,
    InvalidArgumentError,
    MirrorError,
    MissingError,
)
from convocore_mcp.server.sanitize import (
    JsonObject,
    has_hidden,
    sanitize_exact,
    sanitize_object,
    sanitize_text,
)
from convocore_mcp.words.cutting import cut

log = logging.getLogger(__name__)

SafeText = NewType("SafeText", str)
"""A text that may leave. Only this module makes one."""
MAX_MESSAGE_LENGTH = 2_000
"""Characters of an error of the protocol: a message and a hint."""
MAX_ESCAPED_MESSAGE, MAX_ESCAPED_HINT, MAX_ESCAPED_ECHO = 6_000, 10_000, 2_000
"""Characters with JSON's escapes, as most clients and servers write them: of an error's message and
hint, and of what an error of the protocol repeats of a request. Together less than 20,000."""
MAX_VALUES = 100
"""Values of one completion. The protocol allows no more."""
_encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_ESCAPED = re.compile(r"(?<!\\)(?:\\\\)*\\(?:u00|[bfr])")
"""A control character, as JSON writes it."""
_ERROR_OBJECT = '{"error":{'
_MARKUP = ("](", "![", "][", "]:")
_TAG = re.compile(r"<[a-zA-Z/!?]")


def compact(value: object) -> str:
    """`value` as JSON without blanks, and with characters instead of escapes."""
    return _encoder.encode(value)


def success(answer: JsonObject) -> CallToolResult:
    """A result whose text and structured content are the same object: a sanitized answer."""
    text, safe = _safe(answer)
    return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=safe)


def failure(error: ConvocoreError) -> CallToolResult:
    """A tool error that a program can read and a person can act on."""
    return CallToolResult(
        content=[TextContent(type="text", text=compact(error_body(error)))], is_error=True
    )


def answer_text(answer: JsonObject) -> SafeText:
    """A sanitized answer as the text of a resource."""
    return SafeText(_safe(answer)[0])


def trusted_text(value: JsonObject) -> SafeText:
    """A text that holds nothing from outside, as a schema, as the text of a resource."""
    return SafeText(compact(value))


def prompt_text(text: str) -> SafeText:
    """The message of a prompt, with the arguments in it."""
    return SafeText(sanitize_text(text, None))


def resource_failure(error: ConvocoreError) -> ResourceError | MCPError:
    """An error whose text is an error object, for a resource that can't be read.

    A URI with a wrong part is no internal error, which the SDK makes of every other failure.
    """
    text = compact(error_body(error))
    if isinstance(error, InvalidArgumentError):
        return MCPError(code=INVALID_PARAMS, message=text)
    return (ResourceNotFoundError if isinstance(error, MissingError) else ResourceError)(text)


def protocol_error(
    message: str, *, code: int = INVALID_PARAMS, data: JsonObject | None = None
) -> MCPError:
    """A protocol error, for requests whose result has no form for errors."""
    return sent_error(ErrorData(code=code, message=message, data=data))


def sent_error(error: ErrorData) -> MCPError:
    """An error of the protocol as it is sent, whoever made it.

    The SDK repeats URIs, methods and versions of any length in its errors.
    """
    message = sanitize_text(error.message[: 10 * MAX_MESSAGE_LENGTH], None)
    if not message.startswith(_ERROR_OBJECT):
        message = cut(message, MAX_MESSAGE_LENGTH)
    message = _within(message, MAX_ESCAPED_MESSAGE + MAX_ESCAPED_HINT + 200)
    return MCPError(code=error.code, message=message, data=_echo(error.data))


def sent_message(message: JSONRPCMessage) -> JSONRPCMessage:
    """A message as it is sent; errors with which the SDK's transports refuse requests, too."""
    if isinstance(message, JSONRPCError):
        return message.model_copy(update={"error": sent_error(message.error).error})
    return message


def completion(
    values: Sequence[str], *, complete: bool, meta: JsonObject | None = None
) -> CompleteResult:
    """The values of a completion, except those that sanitizing would change: they would be wrong.

    Without `complete`, the total is not known and left out.
    """
    safe = [v for v in dict.fromkeys(values) if sanitize_exact(v) == v]
    more = len(safe) > MAX_VALUES
    total = len(safe) if complete and not more else None
    return CompleteResult(
        completion=Completion(values=safe[:MAX_VALUES], total=total, has_more=more), _meta=meta
    )


def listed_resource(uri: str, like: ResourceTemplate, title: str, *, agent: str) -> Resource:
    """A resource of one agent, as its template `like` describes it; each has a name of its own."""
    return Resource(
        uri=uri,
        name=sanitize_text(f"{like.name}/{agent}"),
        title=sanitize_text(title),
        description=like.description,
        mime_type=like.mime_type,
    )


def error_body(error: ConvocoreError) -> JsonObject:
    """The error object of docs/contract.md, "Rules for every answer"."""
    wait = None if error.retry_after is None else round(error.retry_after, 1)
    body = sanitize_object(
        {
            "code": error.code,
            "message": error.message,
            "hint": error.hint or "Try again; if it persists, please report it.",
            "retry_after": wait,
        }
    )
    for name, escaped in (("message", MAX_ESCAPED_MESSAGE), ("hint", MAX_ESCAPED_HINT)):
        if name in body:
            body[name] = _within(body[name], escaped)
    return {"error": body}


def internal_error(error: BaseException) -> ConvocoreError:
    """The error that a client gets for a bug: it says no more. The log has the traceback."""
    if isinstance(error, MemoryError):
        return MirrorError(
            "There is too little memory for this answer.",
            hint="Ask for less, or give the server more memory (300 MB of addresses at least).",
        )
    log.error("A call crashed.", exc_info=error)
    return ConvocoreError(
        "Something went wrong inside convocore-mcp.",
        hint="Try again; if it persists, please report it with the lines on stderr.",
    )


def _echo(value: object) -> object:
    """The data of an error, which may repeat parts of a request, with long texts cut."""
    if isinstance(value, str):
        return _within(sanitize_text(value[: 10 * MAX_ESCAPED_ECHO], None), MAX_ESCAPED_ECHO)
    if isinstance(value, Mapping):
        return {key: _echo(item) for key, item in value.items()}
    return value


def _within(text: str, escaped: int) -> str:
    """`text`, cut so that it has at most `escaped` characters as JSON in JSON.

    With escapes, an emoji has twelve.
    """
    while (size := len(json.dumps(compact(text)))) > escaped:
        text = cut(text, len(text) * escaped // size - 1)
    return text


def internal_protocol_error(error: BaseException) -> MCPError:
    """The protocol error for a bug, for requests whose result has no form for errors."""
    return MCPError(code=INTERNAL_ERROR, message=compact(error_body(internal_error(error))))


def _safe(answer: JsonObject) -> tuple[str, JsonObject]:
    """The answer as text and as an object; sanitized again if a part of it was not."""
    text = compact(answer)
    if not _may_harm(text):
        return text, answer
    safe = sanitize_object(answer, length=len(text))
    if safe == answer:  # only the text as a whole exceeds a bound that is meant for one value
        return text, answer
    log.error("A part of an answer was not sanitized where it was built.")
    return compact(safe), safe


def _may_harm(text: str) -> bool:
    """Whether a text in the JSON object `text` holds what sanitizing removes.

    Looks at the object as a whole, which is faster than at each text in it: outside of its texts,
    JSON has none of these characters in a row.
    """
    if any(mark in text for mark in _MARKUP) or _ESCAPED.search(text):
        return True
    return ("<" in text and _TAG.search(text) is not None) or has_hidden(text)
