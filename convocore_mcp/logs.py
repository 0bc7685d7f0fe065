"""Log records on stderr: one line for each, without a secret or a visitor's text.

For an exception that is not ours, a line holds its type and the stack's positions, not its message:
the message of a database or a validator quotes the values that it failed on.
"""

import json
import logging
import sys
import traceback
from collections.abc import Iterator
from contextvars import ContextVar
from datetime import UTC, datetime

from convocore_mcp.errors import ConvocoreError
from convocore_mcp.log_rate import LogRate
from convocore_mcp.server.sanitize import sanitize_line

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The ID of the HTTP request that is being served; empty outside of HTTP."""


def log_to_stderr(*, as_json: bool = False) -> None:
    """Send log records to stderr, one line each; stdout belongs to the MCP protocol."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLine() if as_json else _PlainLine())
    handler.addFilter(LogRate())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])


class _PlainLine(logging.Formatter):
    """For people: `2026-07-19 22:11:03,123 WARNING convocore_mcp.sync: what happened`."""

    def format(self, record: logging.LogRecord) -> str:
        line = f"{self.formatTime(record)} {record.levelname} {record.name}: {record.getMessage()}"
        if record.exc_info and record.exc_info[1] is not None:
            line += "".join(f" | {part}" for part in _describe_error(record.exc_info[1]))
        return sanitize_line(line)


class _JsonLine(logging.Formatter):
    """For programs: one JSON object, with the record's `fields` beside the message."""

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, object] = {
            "time": time.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if current_id := request_id.get():
            line["request_id"] = current_id
        line |= getattr(record, "fields", {})
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = list(_describe_error(record.exc_info[1]))
        safe = {name: _safe(value) for name, value in line.items()}
        return json.dumps(safe, ensure_ascii=True, separators=(",", ":"), default=str)


def _safe(value: object) -> object:
    """A value of a log line without hidden characters."""
    if isinstance(value, list):
        return [_safe(item) for item in value]
    return sanitize_line(value) if isinstance(value, str) else value


def _describe_error(error: BaseException) -> Iterator[str]:
    """An exception and its causes, the newest first, each with its eight innermost positions."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        name = type(error).__name__
        yield f"{name}: {error.message}" if isinstance(error, ConvocoreError) else name
        for frame in reversed(traceback.extract_tb(error.__traceback__)[-8:]):
            yield f"at {frame.filename}:{frame.lineno} in {frame.name}"
        if isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        else:
            error = error.__cause__ or error.__context__  # type: ignore[assignment]
