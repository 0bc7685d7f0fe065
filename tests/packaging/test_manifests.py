"""The manifests in `packaging/` say the same as the package, and fit the rules of their readers."""

import json
import re
import struct
import tomllib
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

from convocore_mcp.settings import Settings

ROOT = Path(__file__).parent.parent.parent
PACKAGING = ROOT / "packaging"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PLUGIN = PACKAGING / "plugin"


def read(path: str) -> Any:
    return json.loads((PACKAGING / path).read_text())


MANIFEST, SERVER = read("bundle/manifest.json"), read("server.json")
CLAUDE, GEMINI = read("plugin/.claude-plugin/plugin.json"), read("plugin/gemini-extension.json")
SKILL = (PLUGIN / "skills" / "daily-lead-brief" / "SKILL.md").read_text()
CONTAINERFILE = (PACKAGING / "Containerfile").read_text().replace("\\\n", " ")
TEXT = {"type": "string", "minLength": 1}
SERVER_SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["$schema", "name", "description", "version", "packages"],
    "properties": {
        "$schema": {
            "pattern": r"^https://static\.[a-z.]+/schemas/2025-12-11/server\.schema\.json$"
        },
        "name": {"pattern": r"^[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+$", "maxLength": 200},
        "title": TEXT | {"maxLength": 100},
        "description": TEXT | {"maxLength": 100},
        "version": TEXT | {"maxLength": 255, "not": {"pattern": "[~^*<>=]|latest"}},
        "packages": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["registryType", "identifier", "version", "transport"],
                "properties": {
                    "registryType": {"const": "pypi"},
                    "identifier": {"const": "convocore-mcp"},
                    "version": TEXT | {"maxLength": 255, "not": {"pattern": "[~^*<>=]|latest"}},
                    "runtimeHint": {"const": "uvx"},
                    "transport": {"const": {"type": "stdio"}},
                    "environmentVariables": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "additionalProperties": False,
                            "required": ["name", "description"],
                            "properties": {
                                "name": TEXT,
                                "description": TEXT,
                                "isRequired": {"type": "boolean"},
                                "isSecret": {"type": "boolean"},
                                "default": TEXT,
                                "choices": {"type": "array", "items": TEXT},
                            },
                        },
                    },
                },
            },
        },
    },
}
"""The rules of the registry's schema of 2025-12-11 for what our entry holds, and nothing besides:
the schema itself is no part of this repository."""


def test_there_is_one_version() -> None:
    """Ours: a report of a fault names one version, wherever it came from."""
    versions = [MANIFEST["version"], SERVER["version"], CLAUDE["version"], GEMINI["version"]]
    versions += [package["version"] for package in SERVER["packages"]]
    newest = re.search(r"^## (\d\S*?),", (ROOT / "CHANGELOG.md").read_text(), re.M)

    assert newest is not None
    assert {*versions, newest[1]} == {PROJECT["version"]}


def test_the_registry_entry_fits_the_registrys_rules_and_the_readme_names_it() -> None:
    """Promised by docs/packaging.md, "The registry"."""
    jsonschema.validate(SERVER, SERVER_SCHEMA)
    assert f"<!-- mcp-name: {SERVER['name']} -->" in (ROOT / "README.md").read_text()


def test_every_setting_that_a_form_asks_for_exists_and_has_the_default_that_it_shows() -> None:
    """Promised by docs/packaging.md, "The bundle"."""
    defaults = {
        f"CONVOCORE_{name.upper()}": field.default for name, field in Settings.model_fields.items()
    }
    entry = {v["name"]: v for v in SERVER["packages"][0]["environmentVariables"]}
    form = MANIFEST["server"]["mcp_config"]["env"]
    asked = {name: MANIFEST["user_config"][value[14:-1]] for name, value in form.items()}

    assert entry.keys() == asked.keys()
    assert entry.keys() >= {setting["envVar"] for setting in GEMINI["settings"]}
    assert entry.keys() >= read("plugin/.mcp.json")["mcpServers"]["convocore"]["env"].keys()
    for name, shown in [*asked.items(), *entry.items()]:
        assert name in defaults
        assert "default" not in shown or str(defaults[name]) == shown["default"]
    assert asked["CONVOCORE_API_KEY"]["sensitive"] is True
    assert entry["CONVOCORE_API_KEY"]["isSecret"] is True


def test_the_bundle_and_the_skill_name_the_tools_that_there_are() -> None:
    """Ours: a tool that is renamed is renamed here, too."""
    tools = json.loads((ROOT / "tests" / "snapshots" / "tools.json").read_text())
    names = {tool["name"] for tool in tools}
    arguments = {tool["name"]: {*tool["inputSchema"]["properties"]} for tool in tools}

    assert {tool["name"] for tool in MANIFEST["tools"]} == names
    for name, given in re.findall(r"`([a-z_]+)` with `(\{.*?\})`", SKILL):
        assert json.loads(given).keys() <= arguments[name]


def test_the_skill_says_when_to_use_it_and_asks_what_the_prompt_asks() -> None:
    """Promised by docs/packaging.md, "The plugin and the skill"."""
    _, front, text = SKILL.split("---\n", 2)
    about = yaml.safe_load(front)
    prompt = (ROOT / "convocore_mcp" / "server" / "mcp" / "prompts.py").read_text()
    calls = re.findall(r"`([a-z_]+)` with `(\{.*?\})`", text)

    assert about["name"] == "daily-lead-brief"
    assert "Use it when" in about["description"]
    assert len(about["description"]) <= 1024
    assert len(calls) == 3
    assert all(f"Call {tool} with {given}" in prompt for tool, given in calls)


def test_the_icon_is_a_square_png() -> None:
    """Ours: hosts show it at 16 to 256 pixels."""
    content = (PACKAGING / "bundle" / MANIFEST["icon"]).read_bytes()
    width, height = struct.unpack(">II", content[16:24])

    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    assert (width, height) == (256, 256)


def test_the_container_runs_as_nobody_special_and_says_whether_it_is_well() -> None:
    """Promised by docs/packaging.md, "The container"."""
    steps = [line.split(maxsplit=1) for line in CONTAINERFILE.splitlines() if line[:1].isupper()]
    last_stage = steps[max(i for i, step in enumerate(steps) if step[0] == "FROM") :]
    words = dict(last_stage)

    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", words["USER"])
    assert "/healthz" in words["HEALTHCHECK"]
    assert words["ENTRYPOINT"] == '["convocore-mcp"]'
    assert all(re.search(r":\d", step[1]) for step in steps if step[0] == "FROM")
    copied = [step[1].split() for step in steps if step[0] == "COPY"]
    assert all(
        (ROOT / n).exists() for names in copied if "--from" not in names[0] for n in names[:-1]
    )


def test_the_package_index_gets_complete_metadata() -> None:
    """Ours: every Python that CI of anybody may have, and no link that leads nowhere."""
    minors = range(11, 15)

    assert {f"Programming Language :: Python :: 3.{m}" for m in minors} <= {*PROJECT["classifiers"]}
    assert all(url.startswith("https://") for url in PROJECT["urls"].values())
    assert {"description", "keywords", "license", "requires-python", "authors"} <= PROJECT.keys()
    assert "License ::" not in str(PROJECT["classifiers"])  # the expression says it


@pytest.mark.parametrize("path", ["plugin/.mcp.json", "plugin/gemini-extension.json"])
def test_the_plugin_starts_the_command_that_the_package_brings(path: str) -> None:
    """Ours: `uvx NAME` runs the command of that name."""
    entry = read(path)["mcpServers"]["convocore"]

    assert (entry["command"], entry["args"]) == ("uvx", [PROJECT["name"]])
    assert PROJECT["name"] in PROJECT["scripts"]
