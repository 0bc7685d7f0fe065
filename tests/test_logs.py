"""What goes to stderr, and what never does."""

import json
import logging
import subprocess
import sys

import pytest

from convocore_mcp import tracing

SECRET = "what only a visitor would say"
PROGRAM = f"""
import logging
from convocore_mcp.errors import MirrorError
from convocore_mcp.logs import log_to_stderr, request_id
log_to_stderr(as_json={{as_json}})
request_id.set("r1")
log = logging.getLogger("convocore_mcp.x")
try:
    try:
        int({SECRET!r})
    except ValueError as error:
        raise MirrorError("The mirror is damaged.") from error
except MirrorError:
    log.exception("A call\\ncrashed.", extra={{{{"fields": {{{{"tool": "get_lead"}}}}}}}})
"""


def said(*, as_json: bool) -> list[str]:
    program = PROGRAM.format(as_json=as_json)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == ""
    assert SECRET not in done.stderr
    return done.stderr.splitlines()


def test_a_crash_is_told_by_kind_and_place_without_what_it_quotes() -> None:
    """Promised by the issue: never a visitor's text; a record is a line."""
    (line,) = said(as_json=False)
    assert "ERROR convocore_mcp.x: A call | crashed." in line
    assert "MirrorError: The mirror is damaged." in line
    assert "| ValueError | at <string>:" in line


def test_a_line_for_programs_is_one_object() -> None:
    """Promised by the README."""
    (line,) = said(as_json=True)
    told = json.loads(line)
    assert told["time"].endswith("Z")
    assert told.items() >= {"level": "error", "request_id": "r1", "tool": "get_lead"}.items()
    assert told["error"][0] == "MirrorError: The mirror is damaged."


@pytest.mark.parametrize(
    ("env", "wanted"),
    [
        ({}, False),
        ({"OTEL_SERVICE_NAME": "x"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://x"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"}, False),
        ({"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"}, False),
    ],
)
def test_traces_are_off_unless_asked_for(
    monkeypatch: pytest.MonkeyPatch, env: dict[str, str], wanted: bool
) -> None:
    """Promised by the issue: by the standard variables."""
    for name in ("OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER", *tracing.SWITCHES):
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert tracing.wanted() is wanted


def test_an_exporter_that_is_not_served_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Ours: no silence where traces were expected."""
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "zipkin")
    with caplog.at_level(logging.WARNING):
        tracing.start_tracing("1")
    assert "zipkin" in caplog.text
