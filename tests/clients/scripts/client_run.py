"""What the script of each client shares: it reads a plan on stdin and prints a report on stdout.

The scripts run outside of this project's environment, so they import nothing of it.
"""

import asyncio
import json
import sys
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

REPORT_TO, sys.stdout = sys.stdout, sys.stderr
"""Some libraries print, or log to stdout."""


@dataclass
class Target:
    """How to reach the server: a command, or a URL with a token."""

    transport: str
    seconds: float
    """How long a client should wait for the server's start, and for an answer."""
    command: str = ""
    args: list[str] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    url: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def is_stdio(self) -> bool:
        return self.transport == "stdio"


@dataclass
class Report:
    """What one client got over one transport. `None` means that the client has no such request."""

    tools: list[str] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    """The text of each tool's answer."""
    schemas: dict[str, Any] = field(default_factory=dict)
    """What the client made of each tool's input schema for its model."""
    without_nulls: bool = False
    """The client itself refuses `null` for an argument that may be left out."""
    resources: list[str] | None = None
    prompts: list[str] | None = None
    completions: list[str] | None = None


Run = Callable[[Target, dict[str, Any]], Awaitable[Report]]


def text_of(result: Any) -> str:
    """The text of a tool's result in whatever the client makes of it."""
    if isinstance(result, str):
        return result
    if isinstance(result, dict) and "content" in result:
        return text_of(result["content"])
    if isinstance(result, dict) and "text" in result:
        return str(result["text"])
    if isinstance(result, dict):
        return json.dumps(result)
    if isinstance(result, list | tuple):
        return text_of(result[0])
    for name in ("text", "content"):
        if hasattr(result, name):
            return text_of(getattr(result, name))
    raise TypeError(f"no text in a {type(result).__name__}")


def without_nulls(arguments: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if value is not None}


def main(package: str, run: Run) -> None:
    """Run the plan over each transport."""
    plan = json.load(sys.stdin)
    reports: dict[str, Any] = {}
    for target in plan["targets"]:
        requests = target.pop("requests")
        try:
            report = asyncio.run(run(Target(**target), requests))
            reports[target["transport"]] = vars(report)
        except BaseException:  # noqa: BLE001  the report is for whoever reads the table
            reports[target["transport"]] = {"error": traceback.format_exc()}
    json.dump({"version": version(package), "reports": reports}, REPORT_TO, default=str)
    REPORT_TO.flush()
