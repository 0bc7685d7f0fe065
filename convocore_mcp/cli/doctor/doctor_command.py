"""The command `doctor`: checks everything between a client's entry and Convocore."""

import json
import os
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from datetime import datetime
from typing import Annotated

import anyio
import typer

from convocore_mcp.assembly import utc_now
from convocore_mcp.checked_settings import variables_of
from convocore_mcp.cli.doctor.finding import Finding
from convocore_mcp.cli.doctor.machine_checks import check_clients, check_mirror
from convocore_mcp.cli.doctor.upstream_checks import check_upstream
from convocore_mcp.cli.error_reports import (
    FAILED,
    NOT_CONFIGURED,
    silence_reported_loggers,
    with_error_reports,
)
from convocore_mcp.cli.install.clients import Machine
from convocore_mcp.cli.install.install_command import this_machine
from convocore_mcp.cli.mirror.mirror_commands import ConfiguredMirror
from convocore_mcp.cli.terminal import write_lines, write_wrapped
from convocore_mcp.configuration import add_stored_key, mirror_location, read_settings, require_key
from convocore_mcp.errors import NotConfiguredError, no_agent
from convocore_mcp.server.sanitize import sanitize_line
from convocore_mcp.settings import SERVERS, Settings

SUBJECT_WIDTH = 16
"""Columns for what a line is about."""
INDENT = SUBJECT_WIDTH + 5
"""Columns in front of the text of a finding."""


@with_error_reports
def doctor(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Check settings, key, region, agent, mirror, clock and the clients on this machine.

    Exit code 0: all is well. 1: something is to be done. 2: a setting is missing or wrong.
    """
    silence_reported_loggers()
    findings = anyio.run(_collect, this_machine(), not as_json)
    if as_json:
        write_lines(_as_json(findings))
    if code := exit_code_of(findings):
        raise typer.Exit(code)


async def _collect(machine: Machine, show: bool) -> list[Finding]:
    findings = []
    async for finding in examine(machine, servers=SERVERS, now=utc_now):
        findings.append(finding)
        if show:
            write_wrapped(line_of(finding), indent=INDENT)
    return findings


async def examine(
    machine: Machine, *, servers: Mapping[str, str], now: Callable[[], datetime]
) -> AsyncGenerator[Finding, None]:
    """Every finding, each after those that it depends on."""
    settings: Settings | None = None
    try:
        settings = add_stored_key(read_settings({}))
        require_key(settings)
        yield Finding("settings", _source_of_key(settings))
        if not settings.agent_id:
            raise no_agent()
    except NotConfiguredError as error:
        yield Finding.of_error("settings", error, setting=True)
    else:
        async for finding in check_upstream(settings, servers=servers, now=now):
            yield finding
        mirror = ConfiguredMirror(settings, *mirror_location(settings))
        async for finding in check_mirror(mirror):
            yield finding
    for finding in check_clients(machine):
        yield finding


def _source_of_key(settings: Settings) -> str:
    variables = variables_of(Settings, "api_key")
    named = next((name for name in variables if os.environ.get(name)), None)
    return f"key from {named or 'the keyring'}, region {settings.region}"


def line_of(finding: Finding) -> str:
    """A finding for a person: `ok`, or what to do in a line of its own."""
    mark = "ok " if finding.ok else "!! "
    about = f"{mark} {finding.about:<{SUBJECT_WIDTH}}"
    # A name longer than its column gets its own line, so that the text still begins at INDENT.
    gap = " " if len(finding.about) <= SUBJECT_WIDTH else f"\n{' ' * INDENT}"
    line = f"{about}{gap}{finding.message}"
    return line if finding.ok else f"{line}\n{' ' * INDENT}{finding.hint}"


def exit_code_of(findings: Iterable[Finding]) -> int:
    """0, 1 if something is to be done, 2 if that is a setting."""
    wrong = [finding for finding in findings if not finding.ok]
    if any(finding.setting for finding in wrong):
        return NOT_CONFIGURED
    return FAILED if wrong else 0


def _as_json(findings: Iterable[Finding]) -> str:
    shown = [
        {
            "about": f.about,
            "ok": f.ok,
            "message": sanitize_line(f.message),
            "hint": sanitize_line(f.hint),
        }
        for f in findings
    ]
    ok = all(finding["ok"] for finding in shown)
    return json.dumps({"ok": ok, "findings": shown}, ensure_ascii=False, indent=1)
