"""Commands use the account that `install` has connected, where no variable names one."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import _NamedTextIOWrapper

from convocore_mcp.sandbox import Sandbox, serving
from tests.cli.command_line import CommandLine
from tests.cli.keyrings import keyring_in

NO_ACCOUNT = {"CONVOCORE_API_KEY": "", "CONVOCORE_AGENT_ID": "", "CONVOCORE_BASE_URL": ""}


@pytest.fixture
def commands(tmp_path: Path) -> Iterator[CommandLine]:
    sandbox = Sandbox(size=5, key="sk-very-secret-0123456789")
    with keyring_in(tmp_path / "keys"), serving(sandbox) as url:
        yield CommandLine(tmp_path, sandbox, url)


def test_commands_find_the_account_that_was_installed(commands: CommandLine) -> None:
    """Promised by docs/commands.md, "Commands". With its settings, and only while it is there."""
    done = commands.run("status", **NO_ACCOUNT)
    assert (done.returncode, "CONVOCORE_API_KEY" in done.stderr) == (2, True)

    commands.run_ok("install", "cursor", CONVOCORE_TIMEZONE="Europe/Berlin")
    before = dict(os.environ)
    lines = commands.run_ok("doctor", **NO_ACCOUNT).splitlines()
    assert all(line.startswith("ok ") for line in lines)
    assert "demo-agent" in commands.run_ok("sync", **NO_ACCOUNT)
    answer = json.loads(commands.run_ok("ask", "list_leads", "--json", **NO_ACCOUNT))
    assert answer["freshness"]["complete"]
    assert answer["applied"]["timezone"] == "Europe/Berlin"
    assert dict(os.environ) == before

    commands.run_ok("uninstall", "cursor")
    assert commands.run("status", **NO_ACCOUNT).returncode == 2


def test_a_variable_of_the_shell_is_of_another_account(commands: CommandLine) -> None:
    """Ours: half of one account and half of another would be answers of neither."""
    commands.run_ok("install", "cursor", "--key-in-file")
    done = commands.run("status", **NO_ACCOUNT | {"CONVOCORE_AGENT_ID": "another-agent"})
    assert (done.returncode, "CONVOCORE_API_KEY" in done.stderr) == (2, True)


def test_two_installed_accounts_are_nobodys_choice(commands: CommandLine) -> None:
    """Promised by docs/commands.md, "Commands". The same one in two clients is one."""
    commands.run_ok("install", "cursor")
    commands.run_ok("install", "codex")
    assert "demo-agent" in commands.run_ok("sync", **NO_ACCOUNT)
    commands.run_ok("install", "vscode", CONVOCORE_AGENT_ID="another-agent")
    assert commands.run("sync", **NO_ACCOUNT).returncode == 2
    commands.run_ok("uninstall", "vscode")
    (commands.home / ".codex" / "config.toml").write_text("[")
    assert commands.run("sync", **NO_ACCOUNT).returncode == 2


def test_who_is_asked_may_keep_the_region_that_is_set(
    commands: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ours: install asks for what is missing, and Enter takes what is known."""
    monkeypatch.setattr(_NamedTextIOWrapper, "isatty", lambda _: True, raising=False)
    typed = {"CONVOCORE_AGENT_ID": "", "CONVOCORE_REGION": "na"}
    done = commands.run("install", "cursor", answer="demo-agent\n\n", **typed)
    assert (done.returncode, "[na]" in done.stderr) == (0, True)
    entry = json.loads((commands.home / ".cursor" / "mcp.json").read_text())
    environment = entry["mcpServers"]["convocore"]["env"]
    assert environment["CONVOCORE_REGION"] == "na"
    assert environment["CONVOCORE_AGENT_ID"] == "demo-agent"
