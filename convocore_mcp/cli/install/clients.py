"""The MCP clients that can be connected, and where each keeps its configuration."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from convocore_mcp.errors import ConvocoreError


class ClientName(StrEnum):
    """A client, as the commands name it."""

    claude_desktop = "claude-desktop"
    claude_code = "claude-code"
    cursor = "cursor"
    vscode = "vscode"
    windsurf = "windsurf"
    codex = "codex"
    gemini = "gemini"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The machine, as far as it decides where files are."""

    platform: str
    """As `sys.platform`: `linux`, `darwin` or `win32`."""
    environment: Mapping[str, str]
    home: Path | None
    """`None` of a user without one, as in some containers."""

    def _settings_folder(self, home: Path) -> Path:
        """Where programs with windows keep their settings."""
        if self.platform == "darwin":
            return home / "Library" / "Application Support"
        if self.platform == "win32":
            return self._named("APPDATA", home / "AppData" / "Roaming")
        return self._named("XDG_CONFIG_HOME", home / ".config")

    def _named(self, variable: str, default: Path) -> Path:
        value = self.environment.get(variable)
        return Path(value) if value else default

    def file_of(self, client: ClientName) -> Path:
        """The configuration file of a client; it need not exist.

        Raises:
            ConvocoreError: there is no home folder.
        """
        home = self.home
        if home is None:
            raise ConvocoreError(
                f"This user has no home folder, where {TITLES[client]} would keep its settings.",
                hint="Set HOME.",
            )
        settings = self._settings_folder(home)
        files = {
            ClientName.claude_desktop: settings / "Claude/claude_desktop_config.json",
            ClientName.claude_code: self._named("CLAUDE_CONFIG_DIR", home) / ".claude.json",
            ClientName.cursor: home / ".cursor/mcp.json",
            ClientName.vscode: settings / "Code/User/mcp.json",
            ClientName.windsurf: home / ".codeium/windsurf/mcp_config.json",
            ClientName.codex: self._named("CODEX_HOME", home / ".codex") / "config.toml",
            ClientName.gemini: home / ".gemini/settings.json",
        }
        return files[client]


TITLES = {
    ClientName.claude_desktop: "Claude Desktop",
    ClientName.claude_code: "Claude Code",
    ClientName.cursor: "Cursor",
    ClientName.vscode: "VS Code",
    ClientName.windsurf: "Windsurf",
    ClientName.codex: "Codex",
    ClientName.gemini: "Gemini CLI",
}
_SECTIONS = {ClientName.vscode: "servers", ClientName.codex: "mcp_servers"}
_TYPED = {ClientName.claude_code, ClientName.vscode}
"""Clients whose entries say how the server is reached."""


def section_of(client: ClientName) -> str:
    """The name under which a client's file lists servers."""
    return _SECTIONS.get(client, "mcpServers")


def entry_for(
    client: ClientName, command: list[str], environment: Mapping[str, str]
) -> dict[str, object]:
    """The entry that starts `command`, as the client's file has it."""
    program, *arguments = command
    typed: dict[str, object] = {"type": "stdio"} if client in _TYPED else {}
    args: dict[str, object] = {"args": arguments} if arguments else {}
    env: dict[str, object] = {"env": dict(environment)} if environment else {}
    return {**typed, "command": program, **args, **env}
