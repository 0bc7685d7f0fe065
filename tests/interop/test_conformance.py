"""The official conformance suite, in both eras."""

import json
import re
from pathlib import Path

import pytest
import yaml

from tests.interop.conftest import NODE, Served, run

REVISIONS = ("2026-07-28", "2025-11-25")
FINE = {"SUCCESS", "INFO", "SKIPPED"}
LEFT_OUT = {
    name
    for group in yaml.safe_load((Path(__file__).parent / "conformance.yml").read_text())
    for name in group["of"]
}
PASSES = {
    "tools-list", "resources-list", "prompts-list", "completion-complete", "caching",
    "dns-rebinding-protection", "server-sse-multiple-streams", "sep-2164-resource-not-found",
    "http-header-validation", "input-required-result-unsupported-methods", "server-initialize",
    "ping", "server-session-lifecycle", "resources-subscribe", "resources-unsubscribe",
}  # fmt: skip
"""What says most of an ordinary server: it must be among what was run, and pass."""


@pytest.fixture(scope="module")
def failed(
    clients: Path, served: Served, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, set[str]]:
    """The checks that failed of each scenario that was run, in any revision; warnings fail too."""
    found: dict[str, set[str]] = {}
    package = clients / "node_modules" / "@modelcontextprotocol" / "conformance"
    for revision in REVISIONS:
        folder = tmp_path_factory.mktemp(revision)
        where = ["--url", served.http, "--spec-version", revision, "--suite", "all"]
        run(
            [NODE, package / "dist" / "index.js", "server", *where, "-o", folder],
            cwd=clients,
            succeeds=False,  # it fails when any scenario does
        )
        for path in folder.glob("server-*/checks.json"):
            name = re.split(r"-\d{4}-\d\d-\d\dT", path.parent.name.removeprefix("server-"))[0]
            checks = json.loads(path.read_text())
            bad = {check["id"] for check in checks if check["status"] not in FINE}
            found.setdefault(name, set()).update(bad)
    return found


def test_every_scenario_passes_that_is_not_left_out(failed: dict[str, set[str]]) -> None:
    """Asked for by issue 4: every scenario that applies to an ordinary server, in both eras."""
    assert failed.keys() >= PASSES
    wrong = {
        f"{name}:{check}"
        for name, checks in failed.items()
        for check in checks
        if not {name, f"{name}:{check}"} & LEFT_OUT
    }
    assert wrong == set()


def test_nothing_is_left_out_that_would_pass(failed: dict[str, set[str]]) -> None:
    """Ours: the list of what is left out stays true."""
    needed = {
        entry
        for name, checks in failed.items()
        for check in checks
        for entry in (name, f"{name}:{check}")
    }
    assert needed >= LEFT_OUT
