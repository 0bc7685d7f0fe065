"""Log lines on stderr, and what they never hold; tracing settings."""

import json
import logging
import subprocess
import sys

import pytest

from convocore_mcp.log_rate import MAX_LINES, WINDOW_SECONDS, LogRate
from convocore_mcp.tracing.spans import start_tracing
from convocore_mcp.tracing.tracing_settings import TracingSettings

VISITOR_TEXT = "what only a visitor would say"
PROGRAM = f"""
import logging
from convocore_mcp.errors import MirrorError
from convocore_mcp.logs import log_to_stderr, request_id
log_to_stderr(as_json={{as_json}})
request_id.set("r1")
log = logging.getLogger("convocore_mcp.x")
try:
    try:
        int({VISITOR_TEXT!r})
    except ValueError as error:
        raise MirrorError("The mirror is damaged.") from error
except MirrorError:
    log.exception("A call\\ncrashed.", extra={{{{"fields": {{{{"tool": "get_lead"}}}}}}}})
"""


def stderr_lines(*, as_json: bool) -> list[str]:
    program = PROGRAM.format(as_json=as_json)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == ""
    assert VISITOR_TEXT not in done.stderr
    return done.stderr.splitlines()


def test_a_plain_line_holds_the_type_and_position_of_an_error_but_not_its_message() -> None:
    """Ours: an exception's message may quote a visitor; a record is one line."""
    (line,) = stderr_lines(as_json=False)
    assert "ERROR convocore_mcp.x: A call | crashed." in line
    assert "MirrorError: The mirror is damaged." in line
    assert "| ValueError | at <string>:" in line


def test_a_json_line_is_one_object() -> None:
    """Promised by docs/operations.md, "HTTP"."""
    (line,) = stderr_lines(as_json=True)
    fields = json.loads(line)
    assert fields["time"].endswith("Z")
    assert fields.items() >= {"level": "error", "request_id": "r1", "tool": "get_lead"}.items()
    assert fields["error"][0] == "MirrorError: The mirror is damaged."
    assert fields["message"] == "A call | crashed."


@pytest.mark.parametrize(
    ("environment", "exporter"),
    [
        ({}, None),
        ({"OTEL_SERVICE_NAME": "x"}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"}, "otlp"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://x"}, "otlp"),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, "otlp"),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"}, None),
        ({"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"}, None),
    ],
)
def test_traces_are_off_unless_configured(
    environment: dict[str, str], exporter: str | None
) -> None:
    """Promised by docs/operations.md, "Metrics". By the standard OpenTelemetry variables."""
    assert TracingSettings.from_environment(environment).exporter == exporter


def test_an_unsupported_exporter_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    """Ours: an operator who configures traces learns why there are none."""
    settings = TracingSettings.from_environment({"OTEL_TRACES_EXPORTER": "zipkin"})
    with caplog.at_level(logging.WARNING):
        start_tracing(settings, version="1")
    assert "zipkin" in caplog.text


def test_lines_of_one_kind_are_limited_and_the_next_one_tells_how_many_are_missing() -> None:
    """Promised by docs/operations.md, "Logs"."""
    now = 0.0
    rate = LogRate(lambda: now)

    def written(line: int, level: int = logging.WARNING, **marks: object) -> str:
        record = logging.LogRecord("x", level, "x.py", line, "no %s", ("room",), None)
        record.__dict__.update(marks)
        return record.getMessage() if rate.filter(record) else ""

    assert [written(1) for _ in range(1000)] == ["no room"] * MAX_LINES + [""] * (1000 - MAX_LINES)
    assert written(2) == "no room"
    assert all(written(3, logging.INFO) for _ in range(1000))
    assert [written(4, logging.INFO, limited=True) for _ in range(40)].count("") == 40 - MAX_LINES
    now += WINDOW_SECONDS
    assert written(1) == f"no room ({1000 - MAX_LINES} more were left out)"
    assert written(1) == "no room"
