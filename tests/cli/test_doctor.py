"""`convocore-mcp doctor`: for each fault that the sandbox injects, what is wrong and what to do."""

import json
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from convocore_mcp.cli.doctor.doctor_command import INDENT, examine, exit_code_of, line_of
from convocore_mcp.cli.doctor.finding import Finding
from convocore_mcp.cli.install.clients import Machine
from convocore_mcp.cli.terminal import write_wrapped
from convocore_mcp.sandbox import FREE_PLAN_KEY, Sandbox, serving
from convocore_mcp.settings import Settings
from convocore_mcp.stored_key import account_of, store_key
from tests.cli.command_line import CommandLine
from tests.cli.keyrings import keyring_in
from tests.postgresql import NewDatabase

KEY = "sk-very-secret-0123456789"


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(size=30, key=KEY, export=True)


@pytest.fixture
def commands(tmp_path: Path, sandbox: Sandbox) -> Iterator[CommandLine]:
    with serving(sandbox) as url:
        yield CommandLine(tmp_path, sandbox, url)


def findings(commands: CommandLine, code: int, **settings: str) -> dict[str, tuple[str, str]]:
    """The message and the hint about each thing that was checked; no hint if all is well."""
    done = commands.run("doctor", "--json", **settings)
    assert done.returncode == code, done.stdout
    for key in (KEY, settings.get("CONVOCORE_API_KEY") or KEY):
        assert key not in done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert found["ok"] == (code == 0)
    return {f["about"]: (f["message"], f["hint"]) for f in found["findings"]}


def test_where_all_is_well_each_line_says_ok(commands: CommandLine) -> None:
    """Promised by docs/commands.md, "Find out what is wrong". No mirror is made, none is read."""
    shown = commands.run_ok("doctor")
    assert all(line.startswith("ok ") for line in shown.splitlines())
    assert KEY not in shown
    found = findings(commands, 0)
    assert found.keys() == {
        "settings", "key", "agent demo-agent", "details", "transcripts", "latency", "clock", "disk",
        "mirror", "clients",
    }  # fmt: skip
    assert "CONVOCORE_API_KEY" in found["settings"][0]
    assert "cursors" in found["agent demo-agent"][0]
    assert "in the workspace's plan" in found["transcripts"][0]
    assert "none yet" in found["mirror"][0]
    assert not commands.files
    commands.run_ok("sync")
    assert "complete, read just now" in findings(commands, 0)["mirror"][0]


@pytest.mark.parametrize("about", ["key", "agent with-a-very-long-name-of-its-own"])
def test_a_line_on_a_terminal_ends_between_words_and_goes_on_below_itself(
    about: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ours: a broken `CONVOCOR E_AGENT_ID` can't be searched for."""
    finding = Finding(
        about, "Convocore does not know it.", hint="Check that CONVOCORE_AGENT_ID is right."
    )
    monkeypatch.setenv("COLUMNS", "50")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    write_wrapped(line_of(finding), indent=INDENT)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 50
    assert all(line.startswith((" " * INDENT, "!! ")) for line in lines)
    assert " ".join(" ".join(lines).split()) == f"!! {about} {finding.message} {finding.hint}"


def test_what_convocore_is_like_is_no_fault(tmp_path: Path) -> None:
    """Promised by docs/commands.md, "Find out what is wrong"."""
    sandbox = Sandbox(size=30, key=KEY, dialect="page", sparse=True)
    sandbox.break_one_record()
    with serving(sandbox) as url:
        commands = CommandLine(tmp_path, sandbox, url)
        found = findings(commands, 0, CONVOCORE_DETAILS="auto")
        assert "page numbers" in found["agent demo-agent"][0]
        assert "sparse" in found["details"][0]
        assert "not in the workspace's plan" in found["transcripts"][0]
        assert "CONVOCORE_DETAILS" in findings(commands, 1, CONVOCORE_DETAILS="off")["details"][1]


@pytest.mark.parametrize(
    ("settings", "code", "about", "hint"),
    [
        ({"CONVOCORE_API_KEY": ""}, 2, "settings", "CONVOCORE_API_KEY"),
        ({"CONVOCORE_AGENT_ID": ""}, 2, "settings", "CONVOCORE_AGENT_ID"),
        ({"CONVOCORE_WAIT_SECONDS": "four"}, 2, "settings", "Correct it"),
        ({"CONVOCORE_API_KEY": "sk-refused-0123456789"}, 1, "key", "CONVOCORE_API_KEY"),
        ({"CONVOCORE_API_KEY": FREE_PLAN_KEY}, 1, "Convocore", "plan"),
        ({"CONVOCORE_AGENT_ID": "demo-agent,nobody"}, 1, "agent nobody", "CONVOCORE_AGENT_ID"),
        ({"CONVOCORE_BASE_URL": "http://127.0.0.1:1/v3"}, 1, "Convocore", "network"),
        ({"SSL_CERT_FILE": "/nonexistent"}, 2, "network", "Correct it"),
        ({"CONVOCORE_STORE": "/proc/nothing/mirror.db"}, 1, "mirror", "CONVOCORE_STORE"),
    ],
)
def test_a_wrong_setting_is_found_with_what_to_do(
    commands: CommandLine, settings: dict[str, str], code: int, about: str, hint: str
) -> None:
    """Promised by docs/commands.md, "Find out what is wrong"."""
    found = findings(commands, code, **settings)
    (wrong,) = (name for name, (_, given) in found.items() if given)
    assert wrong.startswith(about)
    assert hint in " ".join(found[wrong])


FAULTS: dict[str, Callable[[Sandbox], None]] = {
    "500": lambda sandbox: sandbox.fail_next(500, times=9),
    "429": lambda sandbox: sandbox.fail_next(429, headers={"retry-after": "0"}, times=9),
    "no JSON": lambda sandbox: sandbox.garbage_next(times=9),
    "reset": lambda sandbox: sandbox.reset_next(times=9),
    "cut off": lambda sandbox: sandbox.truncate_next(times=9),
    "redirect": lambda sandbox: sandbox.redirect_next("https://elsewhere.example/"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_failing_convocore_is_found(commands: CommandLine, sandbox: Sandbox, fault: str) -> None:
    """Ours: whatever it answers, there is a finding and no traceback."""
    FAULTS[fault](sandbox)
    found = findings(commands, 1)
    (about,) = (name for name, (_, hint) in found.items() if hint)
    assert about.startswith("Convocore (")


def test_rows_that_cannot_be_read_are_found(commands: CommandLine, sandbox: Sandbox) -> None:
    """Ours: they are set aside, which somebody should know."""
    sandbox.alter_page(lambda page, _: page["data"].append({"ID": []}))
    assert "1 of them can't be read" in findings(commands, 1)["agent demo-agent"][0]


def test_a_mirror_of_another_key_is_found(commands: CommandLine) -> None:
    """Ours: it stays, as with every command."""
    store = {"CONVOCORE_STORE": str(commands.home / "mirror.db")}
    commands.run_ok("sync", **store)
    commands.sandbox.key = "another-key"
    found = findings(commands, 1, CONVOCORE_API_KEY="another-key", **store)
    assert "another key" in found["mirror"][0]


def test_entries_of_clients_are_looked_at(commands: CommandLine) -> None:
    """Promised by docs/commands.md, "Find out what is wrong". Never a value in them."""
    commands.run_ok("install", "cursor", "--demo")
    assert "'convocore-sandbox' in" in findings(commands, 0)["Cursor"][0]
    (commands.home / ".gemini").mkdir()
    (commands.home / ".gemini" / "settings.json").write_text("{,}")
    entry = {
        "command": "python3",
        "args": ["-m", "convocore_mcp"],
        "env": {"CONVOCORE_API_KEY": KEY},
    }
    (commands.home / ".claude.json").write_text(json.dumps({"mcpServers": {"mine": entry}}))
    missing = {"command": "/nonexistent/convocore-mcp"}
    codex = commands.home / ".codex" / "config.toml"
    codex.parent.mkdir()
    codex.write_text(f'[mcp_servers.x]\ncommand = "{missing["command"]}"\n')
    found = findings(commands, 1)
    assert "not valid JSON" in found["Gemini CLI"][0]
    assert "no CONVOCORE_AGENT_ID" in found["Claude Code"][0]
    assert "does not exist" in found["Codex"][0]


def test_the_key_of_an_entry_is_looked_for_under_its_own_agents(commands: CommandLine) -> None:
    """Ours: what this shell has in its environment does not reach a client with windows."""
    url = commands.env["CONVOCORE_BASE_URL"]
    known = {"CONVOCORE_AGENT_ID": "demo-agent", "CONVOCORE_BASE_URL": url}
    entry = {"command": "python3", "args": ["-m", "convocore_mcp"], "env": known}
    file = commands.home / ".claude.json"
    file.write_text(json.dumps({"mcpServers": {"mine": entry}}))
    no_account = {"CONVOCORE_API_KEY": "", "CONVOCORE_AGENT_ID": "", "CONVOCORE_BASE_URL": ""}
    with keyring_in(commands.home):
        assert "keyring holds none" in findings(commands, 2, **no_account)["Claude Code"][0]
        account = account_of(Settings(agent_id=("demo-agent",), base_url=url))
        assert store_key(account, KEY)
        assert findings(commands, 2, **no_account)["Claude Code"][1] == ""

        mine = {"CONVOCORE_API_KEY": ""}  # found in the keyring, for the agent of this shell
        entry["env"] = known | {"CONVOCORE_AGENT_ID": "another-agent"}
        file.write_text(json.dumps({"mcpServers": {"mine": entry}}))
        found = findings(commands, 1, **mine)
        assert "the keyring" in found["settings"][0]
        assert "keyring holds none" in found["Claude Code"][0]
        entry["env"] = known | {"CONVOCORE_REGION": "us"}
        file.write_text(json.dumps({"mcpServers": {"mine": entry}}))
        assert "CONVOCORE_REGION" in findings(commands, 1, **mine)["Claude Code"][0]


def test_a_database_without_a_mirror_stays_without_one(
    commands: CommandLine, postgresql: NewDatabase
) -> None:
    """Promised by docs/commands.md, "Find out what is wrong". No mirror is made, none is read."""
    store = {"CONVOCORE_STORE": postgresql()}
    for _ in range(2):
        assert "none yet" in findings(commands, 0, **store)["mirror"][0]
    commands.run_ok("sync", **store)
    assert "complete, read just now" in findings(commands, 0, **store)["mirror"][0]


def test_a_store_that_is_no_url_is_named_and_its_password_is_not_shown(
    commands: CommandLine,
) -> None:
    """Promised by docs/commands.md, "Find out what is wrong"."""
    for url in ("postgresql://[u:secret-word@h/d", "postgresql://u:secret-word@h:x/d", "mysql://h"):
        found = findings(commands, 1, CONVOCORE_STORE=url)["mirror"]
        assert "CONVOCORE_STORE" in str(found)
        assert "secret-word" not in str(found)


def test_whoever_has_no_home_folder_is_told_so(
    commands: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ours: as in a container whose user has no passwd entry. The rest is checked all the same."""

    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", no_home)
    assert "no home folder" in findings(commands, 0, CONVOCORE_STORE="memory")["clients"][0]
    done = commands.run("install", "cursor", "--demo")
    assert (done.returncode, "no home folder" in done.stderr) == (1, True)


async def findings_of(
    monkeypatch: pytest.MonkeyPatch,
    home: Path,
    servers: dict[str, str],
    *,
    region: str = "eu",
    ahead: timedelta = timedelta(),
) -> list[Finding]:
    """What the doctor finds with these regions, on a machine whose clock is `ahead`."""
    for name in ("BASE_URL", "API_BASE_URL"):
        monkeypatch.delenv(f"CONVOCORE_{name}", raising=False)
    monkeypatch.setenv("CONVOCORE_API_KEY", KEY)
    monkeypatch.setenv("CONVOCORE_AGENT_ID", "demo-agent")
    monkeypatch.setenv("CONVOCORE_STORE", "memory")
    monkeypatch.setenv("CONVOCORE_REGION", region)
    monkeypatch.setattr("convocore_mcp.settings.SERVERS", servers)
    machine = Machine("linux", {}, home)

    def clock() -> datetime:
        return datetime.now(UTC) + ahead

    async with aclosing(examine(machine, servers=servers, now=clock)) as found:
        return [finding async for finding in found]


@pytest.fixture
async def two_regions(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[dict[str, str]]:
    """Two sandboxes; only the one in `na` knows the key."""
    with (
        serving(Sandbox(size=3, key="other")) as eu,
        serving(Sandbox(size=3, key=KEY)) as na,
        serving(Sandbox(size=3, key="other", agent_id="x")) as empty,
    ):
        yield {"eu": eu, "na": na, "empty": empty}


async def test_a_key_of_the_other_region_is_found(
    two_regions: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promised by docs/commands.md, "Find out what is wrong": a 401 has the other region tried."""
    servers = {"eu": two_regions["eu"], "na": two_regions["na"]}
    found = await findings_of(monkeypatch, tmp_path, servers)
    (region,) = (f for f in found if not f.ok)
    assert (region.about, region.hint) == ("region", "Set CONVOCORE_REGION=na.")
    assert exit_code_of(found) == 2
    assert exit_code_of(await findings_of(monkeypatch, tmp_path, servers, region="na")) == 0

    servers = {"eu": two_regions["eu"], "na": two_regions["empty"]}
    (key,) = (f for f in await findings_of(monkeypatch, tmp_path, servers) if not f.ok)
    assert (key.about, "in no other accepted" in key.message) == ("key", True)
    servers = {"eu": two_regions["eu"], "na": "http://127.0.0.1:1/v3"}
    (key,) = (f for f in await findings_of(monkeypatch, tmp_path, servers) if not f.ok)
    assert "na could not be asked" in key.message


@pytest.mark.parametrize(
    ("hours", "difference"), [(3, "180 minutes ahead of"), (-2, "120 minutes behind")]
)
async def test_a_wrong_clock_is_found(
    two_regions: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    hours: int,
    difference: str,
) -> None:
    """Promised by docs/commands.md, "Find out what is wrong". By the `Date` of answers."""
    servers = {"eu": two_regions["na"], "na": two_regions["na"]}
    ahead = timedelta(hours=hours)
    found = await findings_of(monkeypatch, tmp_path, servers, ahead=ahead)
    (clock,) = (f for f in found if not f.ok)
    assert (clock.about, difference in clock.message) == ("clock", True)


def test_a_sandbox_with_a_wrong_clock_is_noticed(tmp_path: Path) -> None:
    """Ours: the sandbox tells the time of its own clock, as a server does."""
    sandbox = Sandbox(size=3, key=KEY, clock=lambda: datetime.now(UTC) + timedelta(hours=1))
    with serving(sandbox) as url:
        found = findings(CommandLine(tmp_path, sandbox, url), 1)
    assert "60 minutes behind" in found["clock"][0]
