"""The README and `docs/` are true: what they name exists, and what exists they name."""

import json
import re
import tomllib
from pathlib import Path

import pytest
from pydantic import AliasChoices
from typer.testing import CliRunner

from convocore_mcp.cli.commands import app
from convocore_mcp.sandbox import Sandbox
from convocore_mcp.settings import Settings
from convocore_mcp.web.http_settings import HttpSettings
from convocore_mcp.web.metrics import Metrics
from tests.tool_client import connected

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
PAGES = {page.name: page.read_text() for page in (ROOT / "docs").glob("*.md")}
COMMANDS = [block.strip() for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)]


def section(title: str, page: str = README) -> str:
    """The text under a heading of the second level."""
    return page.split(f"\n## {title}\n")[1].split("\n## ", maxsplit=1)[0]


def names_in(text: str) -> set[str]:
    """Everything in backticks at the beginning of a table's rows."""
    return {name for row in re.findall(r"^\| (.*?) \|", text, re.M) for name in _quoted(row)}


def _quoted(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


async def test_every_tool_resource_and_prompt_is_documented() -> None:
    """Ours: a tool that nobody can read about is not used."""
    async with connected(Sandbox(size=0)) as tool_client:
        tools = {tool.name for tool in (await tool_client.client.list_tools()).tools}
        listed = await tool_client.client.list_resource_templates()
        templates = [template.uri_template for template in listed.resource_templates]
        listed_at_once = (await tool_client.client.list_resources()).resources
        resources = [r.uri for r in listed_at_once if "demo-agent" not in r.uri]
        prompts = {prompt.name for prompt in (await tool_client.client.list_prompts()).prompts}

    contract = PAGES["contract.md"]
    assert names_in(section("What you can ask")) == tools
    assert set(re.findall(r"^### `(\w+)`", section("Tools", contract), re.M)) == tools
    for name in prompts:
        assert f"`{name}`" in README
        assert f"`{name}`" in section("Prompts", contract)
    for uri in [*resources, *templates]:
        assert f"`{uri}`" in section("Resources", contract) + section("The board", contract), uri


def test_the_readme_can_be_read_in_some_minutes() -> None:
    """Ours: details stand in `docs/`."""
    assert len(README.split()) <= 1300
    assert len(re.findall(r"^- .*\?", section("What you can ask"), re.M)) == 12


def test_every_setting_is_documented_with_its_default() -> None:
    """Promised by docs/operations.md, "Settings".

    Holds docs/contract.md #settings.
    """
    settings_section = section("Settings", PAGES["operations.md"])
    rows = re.findall(r"^\| (`CONVOCORE_.*?) \| (.*?) \|", settings_section, re.M)
    documented = {tuple(_quoted(name)): default.strip("`") for name, default in rows}
    known = {}
    for settings in (Settings, HttpSettings):
        prefix = settings.model_config["env_prefix"]
        for name, field in settings.model_fields.items():
            alias = field.validation_alias
            aliases = (
                alias.choices if isinstance(alias, AliasChoices) else [f"{prefix}{name.upper()}"]
            )
            known[tuple(aliases)] = str(field.default)

    assert documented.keys() == known.keys()
    for names, default in documented.items():
        if default and " " not in default and not default.startswith("the "):
            assert (
                float(default) == float(known[names])
                if default.isdecimal()
                else default == known[names]
            )


def test_the_test_command_is_what_ci_runs() -> None:
    """Ours: the README's test command is the one that CI runs, to the letter."""
    assert len(COMMANDS) == 2
    assert COMMANDS[0].endswith("demo")
    assert COMMANDS[1].endswith("pytest")
    assert COMMANDS[1] in (ROOT / ".ci" / "run").read_text().splitlines()


def test_the_example_is_valid_and_the_readme_shows_its_first_entry() -> None:
    """Promised by the README: paste the example and fill in a key."""
    example = json.loads((ROOT / "mcp.json.example").read_text())["mcpServers"]
    shown = json.loads(README.split("```json\n")[1].split("```")[0])["mcpServers"]

    assert shown["convocore"] == example["convocore"]
    assert example["convocore-sandbox"]["args"] == ["serve", "--demo"]
    aliases = {"CONVOCORE_API_KEY", "CONVOCORE_AGENT_ID", "CONVOCORE_REGION"}
    assert example["convocore"]["env"].keys() == aliases


def test_every_dependency_has_its_reason() -> None:
    """Promised by docs/architecture.md, "Dependencies"."""
    project = (ROOT / "pyproject.toml").read_text()
    listed = project.split("dependencies = [\n")[1].split("\n]")[0] + project.split("otel = [")[1]
    needed = set(re.findall(r'^\s*"([A-Za-z-]+)', listed.split("test = [")[0], re.M)) | {
        "psycopg",
        "pyarrow",
    }
    explained = names_in(section("Dependencies", PAGES["architecture.md"]))

    assert explained - {"otel", "parquet", "postgres"} == needed


def test_every_link_between_pages_leads_somewhere() -> None:
    """Ours: a reader follows links; those to other hosts are not checked."""
    texts = {ROOT / "README.md": README} | {ROOT / "docs" / n: t for n, t in PAGES.items()}
    missing = [
        f"{page.name}: {link}"
        for page, text in texts.items()
        for link in re.findall(r"\]\(([^)\s#]+)", text)
        if "://" not in link and not (page.parent / link).exists()
    ]

    assert missing == []


@pytest.mark.parametrize("page", sorted(PAGES))
def test_every_module_that_a_page_names_exists(page: str) -> None:
    """Ours: a page must not lead to a module that has been renamed."""
    named = {name for name in _quoted(PAGES[page]) if re.fullmatch(r"[\w/]+\.(py|yml|toml)", name)}
    missing = [
        name
        for name in sorted(named)
        if not ((ROOT / name).exists() or (ROOT / "convocore_mcp" / name).exists())
    ]

    assert missing == []


def test_every_metric_is_documented() -> None:
    """Promised by docs/operations.md, "Metrics"."""
    metrics = Metrics().registry.collect()
    served = {
        f"{metric.name}_total" if metric.type == "counter" else metric.name
        for metric in metrics
        if metric.name.startswith("convocore_mcp_")
    }

    assert names_in(section("Metrics", PAGES["operations.md"])) == served


def test_the_changelog_has_an_entry_for_this_version() -> None:
    """Promised by docs/architecture.md, "Code style"."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    changelog = (ROOT / "CHANGELOG.md").read_text()
    versions = re.findall(r"^## (\d+\.\d+\.\d+)", changelog, re.M)

    assert versions[0] == project["version"]
    assert "- " in changelog.split(f"\n## {versions[0]}")[1].split("\n## ")[0]


def commands() -> list[str]:
    """The names of all commands."""
    found = (
        command.name or command.callback.__name__
        for command in app.registered_commands
        if command.callback is not None
    )
    return sorted(found)


@pytest.mark.parametrize("command", ["", *commands()])
def test_every_command_explains_itself_and_is_documented(command: str) -> None:
    """Promised by docs/operations.md, "Commands"."""
    done = CliRunner().invoke(app, [*filter(None, [command]), "--help"])

    assert done.exit_code == 0
    assert "Usage" in done.stdout
    assert f"`convocore-mcp {command}".rstrip() in section("Commands", PAGES["operations.md"])
