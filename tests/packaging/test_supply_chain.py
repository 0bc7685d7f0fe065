"""What CI checks of the packages that this program is made of."""

import subprocess
import sys
from pathlib import Path

import pytest

CI = Path(__file__).parents[2] / ".ci"
UNREACHABLE = "pip_audit: Connection to the service failed"


def packages(*, found: str) -> str:
    return f'{{"dependencies": [{{"name": "a", "version": "1", {found}}}]}}'


@pytest.mark.parametrize(
    ("stdout", "stderr", "status", "output"),
    [
        (packages(found='"vulns": []'), "", 0, "1 of 1 packages audited"),
        (packages(found='"vulns": [{"id": "PYSEC-1"}]'), "", 1, "a 1: PYSEC-1"),
        (packages(found='"skip_reason": "not found"'), "", 0, "skipped"),
        ("", UNREACHABLE, 0, "skipped"),
        ("", "a usage error", 1, "a usage error"),
    ],
)
def test_an_audit_fails_for_a_known_vulnerability_and_tells_what_it_skips(
    tmp_path: Path, stdout: str, stderr: str, status: int, output: str
) -> None:
    """Promised by docs/security.md, "Supply chain"."""
    pip_audit = tmp_path / "pip-audit"
    pip_audit.write_text(f"#!/bin/sh\necho '{stdout}'\necho '{stderr}' >&2\n")
    pip_audit.chmod(0o700)
    done = subprocess.run(
        [sys.executable, "-I", CI / "audit", pip_audit, "installed.txt"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, output in done.stdout) == (status, True), done


def test_ci_audits_what_is_installed_and_tests_the_lowest_versions() -> None:
    """Promised by docs/security.md, "Supply chain"."""
    lines = (CI / "run").read_text().replace("\\\n", "").splitlines()
    assert "set -euo pipefail" in lines  # a step that fails ends the run
    assert 'python3 .ci/audit "$tools/bin/pip-audit" "$coverage/installed.txt"' in lines
    (installed,) = (line for line in lines if "--resolution lowest-direct" in line)
    assert "-e '.[otel,postgres]'" in installed
    assert '--python "$lowest/bin/python"' in installed
    (tested,) = (line for line in lines if '"$lowest/bin/python" -m pytest' in line)
    assert {"tests/stdio", "tests/web/test_auth.py"} <= set(tested.split())
