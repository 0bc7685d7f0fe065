"""The README is true: what it names exists, and what exists it names."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import AliasChoices

from convocore_mcp.sandbox import Sandbox
from convocore_mcp.settings import Settings
from convocore_mcp.web.http_settings import HttpSettings
from tests.tool_client import connected

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
COMMANDS = [block.strip() for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)]


def section(title: str) -> str:
    """The text under a heading of the second level."""
    return README.split(f"\n## {title}\n")[1].split("\n## ")[0]


def names_in(text: str) -> set[str]:
    """Everything in backticks at the beginning of a table's rows."""
    return {name for row in re.findall(r"^\| (.*?) \|", text, re.M) for name in _quoted(row)}


def _quoted(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


async def test_every_tool_resource_and_prompt_is_in_the_readme() -> None:
    """Asked for by the project."""
    async with connected(Sandbox(size=0)) as tool_client:
        tools = {tool.name for tool in (await tool_client.client.list_tools()).tools}
        listed = await tool_client.client.list_resource_templates()
        templates = [template.uri_template for template in listed.resource_templates]
        listed_at_once = (await tool_client.client.list_resources()).resources
        resources = [r.uri for r in listed_at_once if "demo-agent" not in r.uri]
        prompts = [prompt.name for prompt in (await tool_client.client.list_prompts()).prompts]

    assert names_in(section("Tools").split("\n### ")[0]) == tools
    assert names_in(section("Tools").split("\n### Prompts\n")[1].split("\n### ")[0]) == {*prompts}
    for uri in [*resources, *templates]:
        tail = uri.removeprefix("convocore://agents/{agent_id}")
        assert f"`{uri}`" in README or f"`…{tail}`" in README, uri


def test_every_setting_is_in_the_readme_with_its_default() -> None:
    """Asked for by the project."""
    rows = re.findall(r"^\| (`CONVOCORE_.*?) \| (.*?) \|", section("Settings"), re.M)
    told = {tuple(_quoted(name)): default.strip("`") for name, default in rows}
    known = {}
    for settings in (Settings, HttpSettings):
        prefix = settings.model_config["env_prefix"]
        for name, field in settings.model_fields.items():
            alias = field.validation_alias
            aliases = (
                alias.choices if isinstance(alias, AliasChoices) else [f"{prefix}{name.upper()}"]
            )
            known[tuple(aliases)] = str(field.default)

    assert told.keys() == known.keys()
    for names, default in told.items():
        if default and " " not in default and not default.startswith("the "):
            assert (
                float(default) == float(known[names])
                if default.isdecimal()
                else default == known[names]
            )


def test_the_test_command_is_what_ci_runs() -> None:
    """Asked for by the project: nothing private."""
    assert len(COMMANDS) == 2
    assert COMMANDS[0].endswith("demo")
    assert COMMANDS[1].endswith("pytest")
    assert COMMANDS[1] in (ROOT / ".ci" / "run").read_text().splitlines()


def test_the_example_is_valid_and_the_readme_shows_its_first_entry() -> None:
    """Promised by the first issue."""
    example = json.loads((ROOT / "mcp.json.example").read_text())["mcpServers"]
    shown = json.loads(README.split("```json\n")[1].split("```")[0])["mcpServers"]

    assert shown["convocore"] == example["convocore"]
    assert example["convocore-sandbox"]["args"] == ["serve", "--demo"]
    aliases = {"CONVOCORE_API_KEY", "CONVOCORE_AGENT_ID", "CONVOCORE_REGION"}
    assert example["convocore"]["env"].keys() == aliases


def test_every_dependency_has_its_reason() -> None:
    """Asked for by the project."""
    project = (ROOT / "pyproject.toml").read_text()
    wanted = project.split("dependencies = [\n")[1].split("\n]")[0] + project.split("otel = [")[1]
    needed = set(re.findall(r'^\s*"([A-Za-z-]+)', wanted.split("test = [")[0], re.M)) | {"psycopg"}

    assert names_in(section("Dependencies")) - {"otel", "postgres"} == needed


@pytest.mark.parametrize(
    "command", [[], ["serve"], ["sandbox"], ["demo"], ["sync"], ["status"], ["purge"]]
)
def test_every_command_in_the_readme_explains_itself(command: list[str]) -> None:
    """Asked for by the project."""
    done = subprocess.run(
        [sys.executable, "-m", "convocore_mcp", *command, "--help"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert "Usage" in done.stdout
    assert f"`convocore-mcp {command[0]}" in README if command else True
