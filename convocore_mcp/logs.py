"""What goes to stderr: one line for each record, without a secret or a visitor's text.

An exception that is not ours is told by its type and the places it passed. What it says is left
out: a database's or a validator's message quotes the values it stumbled over.
"""

import json
import logging
import sys
import traceback
from collections.abc import Iterator
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from convocore_mcp.errors import ConvocoreError

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""Of the HTTP request that a line belongs to; empty where there is none."""


def log_to_stderr(*, as_json: bool = False) -> None:
    """Send log records to stderr, one line each; stdout is the protocol's."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLine() if as_json else _PlainLine())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])


class _PlainLine(logging.Formatter):
    """For a person: `2026-07-19 22:11:03,123 WARNING convocore_mcp.sync: what happened`."""

    def format(self, record: logging.LogRecord) -> str:
        said = f"{self.formatTime(record)} {record.levelname} {record.name}: {record.getMessage()}"
        if record.exc_info and record.exc_info[1] is not None:
            said += "".join(f" | {part}" for part in _told(record.exc_info[1]))
        return said.replace("\n", " | ").replace("\r", " ")


class _JsonLine(logging.Formatter):
    """For a program: one object, with what the record carries in `fields` beside the message."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {
            "time": at.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if known := request_id.get():
            line["request_id"] = known
        line |= getattr(record, "fields", {})
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = list(_told(record.exc_info[1]))
        return json.dumps(line, ensure_ascii=True, separators=(",", ":"), default=str)


def _told(error: BaseException) -> Iterator[str]:
    """An exception and what it came from, the newest first, each with its innermost places."""
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
