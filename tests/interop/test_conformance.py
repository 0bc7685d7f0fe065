"""The official conformance suite, in both eras."""

import json
import re
from pathlib import Path

import pytest
import yaml

from tests.interop.conftest import ServerUnderTest
from tests.node import NODE, run

pytestmark = pytest.mark.clients

REVISIONS = ("2026-07-28", "2025-11-25")
PASSED = {"SUCCESS", "INFO", "SKIPPED"}
LEFT_OUT = {
    name
    for group in yaml.safe_load((Path(__file__).parent / "conformance.yml").read_text())
    for name in group["scenarios"]
}
MUST_PASS = {
    "tools-list", "resources-list", "prompts-list", "completion-complete", "caching",
    "dns-rebinding-protection", "server-sse-multiple-streams", "sep-2164-resource-not-found",
    "http-header-validation", "input-required-result-unsupported-methods", "server-initialize",
    "ping", "server-session-lifecycle", "resources-subscribe", "resources-unsubscribe",
}  # fmt: skip
"""The most important scenarios: each must have run and passed."""


@pytest.fixture(scope="module")
def failed(
    clients: Path, server: ServerUnderTest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, set[str]]:
    """The failed checks of each scenario that ran, in any revision; warnings count as failures."""
    failures: dict[str, set[str]] = {}
    package = clients / "node_modules" / "@modelcontextprotocol" / "conformance"
    for revision in REVISIONS:
        folder = tmp_path_factory.mktemp(revision)
        options = ["--url", server.http, "--spec-version", revision, "--suite", "all"]
        run(
            [NODE, package / "dist" / "index.js", "server", *options, "-o", folder],
            cwd=clients,
            must_succeed=False,  # it fails if any scenario does
        )
        for path in folder.glob("server-*/checks.json"):
            name = re.split(r"-\d{4}-\d\d-\d\dT", path.parent.name.removeprefix("server-"))[0]
            checks = json.loads(path.read_text())
            bad = {check["id"] for check in checks if check["status"] not in PASSED}
            failures.setdefault(name, set()).update(bad)
    return failures


def test_every_scenario_that_is_not_left_out_passes(failed: dict[str, set[str]]) -> None:
    """Promised by docs/architecture.md, "Serving". In both eras."""
    assert failed.keys() >= MUST_PASS
    unexpected = {
        f"{name}:{check}"
        for name, checks in failed.items()
        for check in checks
        if not {name, f"{name}:{check}"} & LEFT_OUT
    }
    assert unexpected == set()


def test_no_scenario_that_passes_is_left_out(failed: dict[str, set[str]]) -> None:
    """Ours: the list of left-out scenarios stays correct."""
    needed = {
        entry
        for name, checks in failed.items()
        for check in checks
        for entry in (name, f"{name}:{check}")
    }
    assert needed >= LEFT_OUT
