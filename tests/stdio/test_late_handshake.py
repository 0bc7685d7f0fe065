"""A client that probes for the newer era, does not wait for the answer, and falls back."""

from pathlib import Path
from typing import Any

from tests.process_environment import isolated_environment
from tests.test_stdio import INITIALIZE, INITIALIZED, LIST_TOOLS, receive, send, stdio_server

ENVELOPE = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
}


def modern(number: int, method: str) -> dict[str, Any]:
    """A request of the newer era."""
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": {"_meta": ENVELOPE}}


def test_a_client_whose_probe_is_answered_too_late_may_still_shake_hands(tmp_path: Path) -> None:
    """Ours: the AI SDK waits for one second, in which Python has hardly started."""
    with stdio_server(isolated_environment(tmp_path)) as process:
        send(process, modern(0, "server/discover"), INITIALIZE)
        answers = {answer["id"]: answer for answer in (receive(process), receive(process))}

        assert "2026-07-28" in answers[0]["result"]["supportedVersions"]
        assert answers[1]["result"]["protocolVersion"] == "2025-06-18"
        send(process, INITIALIZED, LIST_TOOLS)
        assert len(receive(process)["result"]["tools"]) == 7


def test_a_client_that_gets_its_probe_answered_goes_on_in_the_newer_era(tmp_path: Path) -> None:
    """Ours: and then, as before, there is no way back."""
    with stdio_server(isolated_environment(tmp_path)) as process:
        for number in range(2):
            send(process, modern(number, "server/discover"))
            assert "2026-07-28" in receive(process)["result"]["supportedVersions"]
        send(process, modern(2, "tools/list"))
        assert len(receive(process)["result"]["tools"]) == 7
        send(process, INITIALIZE | {"id": 3})
        assert receive(process)["error"]["code"] == -32022
