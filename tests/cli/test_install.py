"""`convocore-mcp install` and `uninstall`: the clients' own files, and nothing else in them."""

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keyring
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keyring.backends.fail import Keyring as NoKeyring
from mcp import Client, StdioServerParameters

from convocore_mcp.cli.install import install_command, json_edits
from convocore_mcp.cli.install.clients import ClientName, Machine, section_of
from convocore_mcp.cli.install.receipts import Receipt
from convocore_mcp.errors import InvalidArgumentError
from convocore_mcp.sandbox import Sandbox, serving
from convocore_mcp.settings import Settings
from convocore_mcp.stored_key import account_of, session_bus
from tests.cli.command_line import CommandLine
from tests.cli.keyrings import keyring_in
from tests.process_environment import isolated_environment
from tests.tool_client import text_of

KEY = "sk-very-secret-0123456789"
ENTRY = {"command": "/opt/convocore-mcp", "args": ["serve"], "env": {"A": "ü"}}
COMMENTED = """// mine
{
  // servers
  "mcpServers": {
    "other": {"command": "x", /* why */ "args": [1, 2,]}, // tail
  },
  "theme": "dark"
}
"""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[tuple[Sandbox, str]]:
    server = Sandbox(size=5, key=KEY)
    with serving(server) as url:
        yield server, url


@pytest.fixture
def commands(tmp_path: Path, sandbox: tuple[Sandbox, str]) -> Iterator[CommandLine]:
    with keyring_in(tmp_path / "keys"):
        yield CommandLine(tmp_path, *sandbox)


def file_of(commands: CommandLine, client: ClientName) -> Path:
    return Machine("linux", {}, commands.home).file_of(client)


def servers_in(file: Path, client: ClientName) -> dict[str, dict[str, object]]:
    text = file.read_text()
    content = tomllib.loads(text) if file.suffix == ".toml" else json.loads(text)
    servers: dict[str, dict[str, object]] = content[section_of(client)]
    return servers


@pytest.mark.parametrize("client", ClientName)
def test_install_writes_the_entry_and_uninstall_takes_it_back(
    commands: CommandLine, client: ClientName
) -> None:
    """Promised by docs/commands.md, "Connect a client". The key is in the keyring alone."""
    file = file_of(commands, client)
    commands.run_ok("install", client)
    entry = servers_in(file, client)["convocore"]
    assert Path(str(entry["command"])).is_absolute()
    environment = entry["env"]
    assert isinstance(environment, dict)
    assert environment["CONVOCORE_AGENT_ID"] == "demo-agent"
    url = commands.env["CONVOCORE_BASE_URL"]
    account = account_of(Settings(agent_id=("demo-agent",), base_url=url))
    assert [f for f in commands.home.rglob("*") if f.is_file() and KEY in f.read_text()] == []
    assert keyring.get_password("convocore-mcp", account) == KEY

    written = file.read_bytes()
    assert "is connected already" in commands.run_ok("install", client)
    commands.run_ok("install", client, "--demo")
    assert servers_in(file, client).keys() == {"convocore", "convocore-sandbox"}
    commands.run_ok("uninstall", client, "--demo")
    assert file.read_bytes() == written
    commands.run_ok("uninstall", client)
    assert not file.exists()
    assert "Nothing to take back" in commands.run_ok("uninstall", client)
    assert commands.files <= {"keyring.cfg"}
    assert keyring.get_password("convocore-mcp", account) is None


@pytest.mark.parametrize(
    ("client", "content"),
    [
        (ClientName.vscode, '// c\n{\n\t"inputs": [], // keep\n\t"servers": {},\n}\n'),
        (ClientName.cursor, COMMENTED),
        (ClientName.gemini, '\ufeff{"theme": "x"}\r\n'),
        (ClientName.claude_code, '{"mcpServers": {"convocore": {"command": "mine"}}}'),
        (ClientName.codex, '# mine\nmodel = "x"\n\n[mcp_servers.other] # keep\ncommand = "y"\n'),
    ],
)
def test_what_was_in_the_file_stays_and_comes_back_to_the_byte(
    commands: CommandLine, client: ClientName, content: str
) -> None:
    """Promised by docs/commands.md, "Connect a client". Also an entry of the same name."""
    file = file_of(commands, client)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content.encode())
    file.chmod(0o640)
    output = commands.run_ok("install", client)
    backup = file.with_name(f"{file.name}.backup")
    assert str(backup) in output
    assert backup.read_bytes() == content.encode()
    assert file.stat().st_mode & 0o777 == 0o640
    for kept in ("// keep", "# keep", "/* why */ ", "// tail"):
        assert (kept in file.read_text()) == (kept in content)
    commands.run_ok("uninstall", client)
    assert file.read_bytes() == content.encode()
    assert not backup.exists()


def test_what_others_changed_since_stays_when_it_is_taken_back(commands: CommandLine) -> None:
    """Promised by docs/commands.md, "Connect a client": then only the entry goes."""
    file = file_of(commands, ClientName.cursor)
    file.parent.mkdir()
    file.write_text(COMMENTED)
    commands.run_ok("install", "cursor")
    file.write_text(file.read_text().replace("dark", "light"))
    commands.run_ok("uninstall", "cursor")
    assert file.read_text() == COMMENTED.replace("dark", "light")

    file.unlink()
    commands.run_ok("install", "cursor")  # makes the file
    file.write_text(file.read_text().replace("{", '{"theme": "light", ', 1))
    commands.run_ok("uninstall", "cursor")
    assert json.loads(file.read_text()) == {"theme": "light"}


def test_files_of_others_beside_it_stay_as_they_are(commands: CommandLine) -> None:
    """Ours: a link into somebody's dotfiles, a backup of theirs, one of ours that they changed."""
    file, dotfile = file_of(commands, ClientName.cursor), commands.home / "dotfile.json"
    file.parent.mkdir()
    file.symlink_to(dotfile)
    theirs, ours = (file.with_name(f"{file.name}.backup{n}") for n in ("", "1"))
    theirs.write_text("theirs")
    dotfile.write_text(COMMENTED)
    commands.run_ok("install", "cursor")
    assert (file.is_symlink(), theirs.read_text()) == (True, "theirs")
    assert "convocore" in dotfile.read_text()
    assert ours.read_text() == COMMENTED
    ours.write_text("theirs, too")
    commands.run_ok("uninstall", "cursor")
    assert (file.is_symlink(), dotfile.read_text()) == (True, COMMENTED)
    assert [theirs.read_text(), ours.read_text()] == ["theirs", "theirs, too"]


def test_what_a_client_has_just_written_is_not_overwritten(
    commands: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ours: clients write into their files while they run."""
    file = file_of(commands, ClientName.cursor)

    def receipt_after_client_writes(*arguments: Any, **options: Any) -> Receipt:
        file.parent.mkdir()
        file.write_text(COMMENTED)
        return make_receipt(*arguments, **options)

    make_receipt = install_command._receipt  # noqa: SLF001  the last step before it is written
    monkeypatch.setattr(install_command, "_receipt", receipt_after_client_writes)
    done = commands.run("install", "cursor", "--demo")
    assert (done.returncode, file.read_text()) == (1, COMMENTED)
    assert "just been changed" in done.stderr


def test_a_key_stays_as_long_as_an_entry_needs_it(commands: CommandLine) -> None:
    """Promised by docs/commands.md, "Connect a client". For a broken file, none is stored."""
    url = commands.env["CONVOCORE_BASE_URL"]
    account = account_of(Settings(agent_id=("demo-agent",), base_url=url))
    broken = file_of(commands, ClientName.cursor)
    broken.parent.mkdir()
    broken.write_text("{")
    for command, client, stored in (
        ("install", "cursor", None),
        ("install", "gemini", KEY),
        ("install", "windsurf", KEY),
        ("uninstall", "gemini", KEY),
        ("uninstall", "windsurf", None),
    ):
        assert commands.run(command, client).returncode == (client == "cursor")
        assert keyring.get_password("convocore-mcp", account) == stored


def test_without_a_keyring_nothing_is_written_unless_asked_for(commands: CommandLine) -> None:
    """Promised by docs/commands.md, "Connect a client"."""
    file = file_of(commands, ClientName.cursor)
    keyring.set_keyring(NoKeyring())  # type: ignore[no-untyped-call]
    done = commands.run("install", "cursor")
    assert (done.returncode, file.exists()) == (2, False)
    assert "--key-in-file" in done.stderr
    assert KEY not in commands.run_ok("install", "cursor", "--key-in-file")
    environment = servers_in(file, ClientName.cursor)["convocore"]["env"]
    assert isinstance(environment, dict)
    assert environment["CONVOCORE_API_KEY"] == KEY
    assert file.stat().st_mode & 0o777 == 0o600
    shown = commands.run("install", "cursor", "--print", "--key-in-file")
    assert (KEY in shown.stdout, "your workspace secret" in shown.stdout) == (False, True)
    assert KEY not in commands.run("install", "cursor", "--print", "--demo").stdout


def test_settings_go_along_but_no_password(commands: CommandLine) -> None:
    """Promised by docs/commands.md, "Connect a client": the entry has the settings of the shell."""
    given = {"CONVOCORE_PII": "masked", "CONVOCORE_TIMEZONE": "Europe/Berlin"}
    done = commands.run("install", "cursor", "--print", **given)
    assert "The key is not in it" in done.stderr
    shown = json.loads(done.stdout)
    environment = shown["mcpServers"]["convocore"]["env"]
    assert environment.items() >= given.items()
    for url in ("//u:secret-word@h/d", "//h/d?user=u&password=secret-word", "//[u:secret-word@h"):
        done = commands.run("install", "cursor", CONVOCORE_STORE=f"postgresql:{url}")
        assert (done.returncode > 0, "secret-word" in done.stderr) == (True, False)
        assert "CONVOCORE_STORE" in done.stderr
    assert not file_of(commands, ClientName.cursor).exists()


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"mcpServers": 3}', '{"a": 1,,}', "nonsense", "\x00", '{"a" 1}', "{}{}"]
)
def test_a_file_that_is_not_what_the_client_reads_is_left_alone(
    commands: CommandLine, content: str
) -> None:
    """Ours: who writes into a broken file breaks it more."""
    file = file_of(commands, ClientName.cursor)
    file.parent.mkdir()
    file.write_text(content)
    done = commands.run("install", "cursor", "--demo")
    assert (done.returncode, file.read_text()) == (1, content)
    assert str(file) in done.stderr


async def test_a_server_finds_its_key_in_the_keyring(tmp_path: Path) -> None:
    """Promised by docs/commands.md, "Connect a client". The entry that was written, as it is."""
    sandbox = Sandbox(size=5, key=KEY)
    with serving(sandbox) as url:
        environment = {
            "PYTHON_KEYRING_BACKEND": "keyrings.alt.file.PlaintextKeyring",
            "XDG_DATA_HOME": str(tmp_path / "data"),
        }
        (tmp_path / "data" / "python_keyring").mkdir(parents=True)
        with keyring_in(tmp_path / "data" / "python_keyring") as file:
            file_name = file.with_name("keyring_pass.cfg")
            keyring.get_keyring().file_path = str(file_name)  # type: ignore[attr-defined]
            CommandLine(tmp_path, sandbox, url).run_ok("install", "cursor")
        entry = json.loads((tmp_path / ".cursor" / "mcp.json").read_text())["mcpServers"][
            "convocore"
        ]
        server = StdioServerParameters(
            command=entry["command"],
            args=entry.get("args", []),
            env=isolated_environment(tmp_path, **entry["env"]) | environment,
        )
        async with Client(server) as client:
            answer = await client.call_tool("list_conversations", {})
    assert not answer.is_error, text_of(answer)
    assert json.loads(text_of(answer))["total"] > 0


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(st.text(), JSON_VALUES, max_size=4),
    st.none() | st.dictionaries(st.text(), JSON_VALUES, max_size=3),
    st.sampled_from([None, 1, "\t", 4]),
    st.booleans(),
)
def test_an_entry_comes_and_goes_in_any_json(
    content: dict[str, object],
    servers: dict[str, object] | None,
    indent: int | str | None,
    crlf: bool,
) -> None:
    """Ours: everything else keeps its value, and without the entry the content is as it was."""
    before = {name: value for name, value in content.items() if name != "mcpServers"}
    if servers is not None:
        before["mcpServers"] = {name: v for name, v in servers.items() if name != "convocore"}
    text = json.dumps(before, indent=indent, ensure_ascii=False)
    text = text.replace("\n", "\r\n") if crlf else text
    written = json_edits.with_entry(text, "mcpServers", "convocore", ENTRY)
    section = before.get("mcpServers") or {}
    assert isinstance(section, dict)
    assert json.loads(written) == before | {"mcpServers": section | {"convocore": ENTRY}}
    assert json_edits.entries_in(written, "mcpServers")["convocore"] == ENTRY
    assert json_edits.with_entry(written, "mcpServers", "convocore", ENTRY) == written
    gone = json_edits.without_entry(
        written, "mcpServers", "convocore", drop_section=servers is None
    )
    assert json.loads(gone) == before


def test_what_follows_an_entry_gets_into_no_comment() -> None:
    """Ours: the line break in front of the entry ends the comment."""
    text = '{"mcpServers": {"a": 1, // mine\n "convocore": {}, "b": 2}}'
    gone = json_edits.without_entry(text, "mcpServers", "convocore")
    assert json_edits.entries_in(gone, "mcpServers") == {"a": 1, "b": 2}


@given(st.text(max_size=40))
def test_no_text_breaks_the_edits(text: str) -> None:
    """Ours: a file is edited, or refused."""
    try:
        written = json_edits.with_entry(text, "mcpServers", "convocore", ENTRY)
    except InvalidArgumentError:
        return
    assert json_edits.entries_in(written, "mcpServers")["convocore"] == ENTRY


@pytest.mark.parametrize(
    ("platform", "environment", "client", "file"),
    [
        ("darwin", {}, "claude-desktop",
         "home/Library/Application Support/Claude/claude_desktop_config.json"),
        ("win32", {"APPDATA": "home/Roaming"}, "claude-desktop",
         "home/Roaming/Claude/claude_desktop_config.json"),
        ("win32", {}, "vscode", "home/AppData/Roaming/Code/User/mcp.json"),
        ("linux", {}, "claude-desktop", "home/.config/Claude/claude_desktop_config.json"),
        ("linux", {"XDG_CONFIG_HOME": "conf"}, "vscode", "conf/Code/User/mcp.json"),
        ("darwin", {}, "vscode", "home/Library/Application Support/Code/User/mcp.json"),
        ("linux", {"CLAUDE_CONFIG_DIR": "cc"}, "claude-code", "cc/.claude.json"),
        ("win32", {}, "claude-code", "home/.claude.json"),
        ("linux", {"CODEX_HOME": "cx"}, "codex", "cx/config.toml"),
        ("darwin", {}, "codex", "home/.codex/config.toml"),
        ("darwin", {}, "cursor", "home/.cursor/mcp.json"),
        ("win32", {}, "windsurf", "home/.codeium/windsurf/mcp_config.json"),
        ("linux", {}, "gemini", "home/.gemini/settings.json"),
    ],
)  # fmt: skip
def test_each_system_has_its_places(
    platform: str, environment: dict[str, str], client: str, file: str
) -> None:
    """Promised by docs/commands.md, "Connect a client"."""
    machine = Machine(platform, environment, Path("home"))
    assert machine.file_of(ClientName(client)) == Path(file)


def test_the_bus_of_the_keyring_is_found_where_a_client_hides_it(tmp_path: Path) -> None:
    """Ours: clients start servers with few variables, and the Secret Service needs this one."""
    name = "DBUS_SESSION_BUS_ADDRESS"
    assert session_bus({}, platform="linux", runtime_folder=tmp_path) == {}
    (tmp_path / "bus").touch()
    address = f"unix:path={tmp_path / 'bus'}"
    assert session_bus({}, platform="linux", runtime_folder=tmp_path) == {name: address}
    assert session_bus({name: "x"}, platform="linux", runtime_folder=tmp_path) == {}
    assert session_bus({}, platform="darwin", runtime_folder=tmp_path) == {}


KEY_IN_A_VARIABLE = """
import sys
from convocore_mcp.configuration import add_stored_key, read_settings
add_stored_key(read_settings({"agent_id": "a", "api_key": "k"}))
assert "keyring" not in sys.modules
add_stored_key(read_settings({"agent_id": "a"}))
assert "keyring" in sys.modules
"""


def test_the_keyring_is_loaded_only_where_no_variable_holds_a_key(tmp_path: Path) -> None:
    """Promised by docs/architecture.md, "Dependencies": loading it takes time."""
    subprocess.run(
        [sys.executable, "-c", KEY_IN_A_VARIABLE], env=isolated_environment(tmp_path), check=True
    )
