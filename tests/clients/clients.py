"""The clients that are tried, and what each of them gets over both transports."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uv

from convocore_mcp.sandbox import Sandbox, serving
from tests.interop.all_requests import COMPLETIONS, PROMPTS, uris
from tests.node import NODE, NPM, run, with_node
from tests.pages.documented import documented
from tests.process_environment import isolated_environment
from tests.web.web_server import TOKEN, run_server

HERE = Path(__file__).parent
SCRIPTS, JAVASCRIPT = HERE / "scripts", HERE / "javascript"
TOOLS = json.loads((HERE.parent / "snapshots" / "tools.json").read_text())
TRANSPORTS = ("stdio", "http")
NO_TELEMETRY = {
    "ANONYMIZED_TELEMETRY": "false", "OTEL_SDK_DISABLED": "true",
    "CREWAI_DISABLE_TELEMETRY": "true", "MCP_USE_ANONYMIZED_TELEMETRY": "false",
}  # fmt: skip
"""Switches off the telemetry of some clients."""
LIMIT_SECONDS, ANSWER_SECONDS = 60, 25
"""How long a client waits for the server, where that can be set, and the server for the mirror.

By default some wait 5 seconds, and the server 4. A machine that is busy with tests may not even
import in that time what a server needs to open the mirror, and the answer is then an error.
"""
INSTALL_SECONDS, RUN_SECONDS = 90, 230
Reports = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class ClientUnderTest:
    """A client, and the packages of the environment in which its script runs."""

    name: str
    packages: tuple[str, ...]
    script: str
    note: str = ""
    failures: Mapping[str, str] = field(default_factory=dict)
    """What fails through the client's own fault, by transport."""

    @property
    def version(self) -> str:
        """The version that is tried."""
        return self.packages[0].partition("==")[2]


CLIENTS = (
    ClientUnderTest(
        "Agno", ("agno==3.1.10", "mcp"), "agents/agno_client.py",
        "starts only commands that it knows: `python -m convocore_mcp`",
    ),
    ClientUnderTest("AutoGen", ("autogen-ext[mcp]==0.7.5", "mcp<2"), "agents/autogen_client.py"),
    ClientUnderTest("CrewAI", ("crewai-tools[mcp]==1.15.30",), "adapters/crewai_client.py"),
    ClientUnderTest("DSPy", ("dspy[mcp]==3.4.1",), "adapters/dspy_client.py"),
    ClientUnderTest("FastMCP", ("fastmcp==4.2.3",), "adapters/fastmcp_client.py"),
    ClientUnderTest(
        "Google ADK", ("google-adk==2.13.0", "mcp"), "agents/google_adk_client.py",
        "declarations for Gemini of all tools",
    ),
    ClientUnderTest(
        "google-genai", ("google-genai==3.6.1", "mcp"), "agents/google_genai_client.py",
        "declarations for Gemini of all tools",
    ),
    ClientUnderTest(
        "LangChain", ("langchain-mcp-adapters==0.3.2",), "adapters/langchain_client.py",
    ),
    ClientUnderTest(
        "LlamaIndex", ("llama-index-tools-mcp==0.6.0",), "adapters/llama_index_client.py",
        "each resource is a tool, too",
    ),
    ClientUnderTest("mcp-use", ("mcp-use==1.7.1",), "adapters/mcp_use_client.py"),
    ClientUnderTest(
        "OpenAI Agents SDK", ("openai-agents==0.24.0",), "agents/openai_agents_client.py",
        "strict schemas of all tools",
    ),
    ClientUnderTest(
        "Pydantic AI", ("pydantic-ai-slim[mcp]==2.68.0",), "agents/pydantic_ai_client.py"
    ),
    ClientUnderTest(
        "Semantic Kernel", ("semantic-kernel[mcp]==1.45.0",), "agents/semantic_kernel_client.py",
    ),
    ClientUnderTest(
        "smolagents", ("smolagents[mcp]==1.26.0", "mcp<2"), "adapters/smolagents_client.py"
    ),
    ClientUnderTest("Strands Agents", ("strands-agents==1.62.0",), "agents/strands_client.py"),
    ClientUnderTest("Vercel AI SDK", ("@ai-sdk/mcp==2.0.99",), "ai_sdk.mjs"),
)  # fmt: skip


@contextmanager
def served(folder: Path) -> Iterator[dict[str, Any]]:
    """The server over HTTP with a token; yields the plan that each script gets.

    Some clients start a server for each request, so over stdio there are fewer requests. All
    servers share one mirror, which is filled before: an answer waits for no first sync.
    """
    sandbox = Sandbox(size=300)
    one = next(row["ID"] for row in sandbox.rows() if row.get("contactIdentityId"))
    with serving(sandbox) as base_url:
        settings = {
            "CONVOCORE_API_KEY": sandbox.key,
            "CONVOCORE_AGENT_ID": sandbox.agent_id,
            "CONVOCORE_BASE_URL": base_url,
            "CONVOCORE_STORE": str(folder / "mirror.sqlite3"),
            "CONVOCORE_WAIT_SECONDS": str(ANSWER_SECONDS),
            "CONVOCORE_DETAILS": "off",
        }
        home = isolated_environment(folder, **settings)
        env = {name: home[name] for name in ("PATH", "HOME", "XDG_DATA_HOME", *settings)}
        program = (sys.executable, *documented("python -m convocore_mcp").split()[1:])
        subprocess.run([*program, "sync"], env=env, check=True, stdout=subprocess.DEVNULL)
        with run_server(folder, "--token", TOKEN, env=settings) as server:
            requests = {
                "calls": calls(one), "uris": uris(one), "prompts": PROMPTS,
                "completions": COMPLETIONS,
            }  # fmt: skip
            stdio = {
                "transport": "stdio", "seconds": LIMIT_SECONDS,
                "command": program[0], "args": program[1:], "env": env,
                "requests": requests | {"uris": uris(one)[:2], "prompts": PROMPTS[1:2]},
            }  # fmt: skip
            http = {
                "transport": "http", "seconds": LIMIT_SECONDS,
                "url": f"{server.url}/mcp", "requests": requests,
                "headers": {"Authorization": f"Bearer {TOKEN}"},
            }  # fmt: skip
            yield {"targets": [http, stdio]}


def calls(conversation_id: str) -> list[dict[str, Any]]:
    """A call of each tool, with lists and with nulls for what may be left out."""
    arguments: dict[str, dict[str, Any]] = {
        "list_conversations": {"stage": ["won"], "channel": None, "query": None, "limit": 3},
        "list_leads": {"where": ["hot=true"], "fields": ["name", "score"], "cursor": None},
        "get_lead": {"lead": "maria", "agent_id": None},
        "get_conversation": {"conversation": conversation_id, "turns": 2, "find": None},
        "summarize_hot_leads": {"top": 2, "since": None, "explain": True},
        "conversation_stats": {"group_by": ["stage", "channel"], "measure": None, "limit": 5},
        "list_changes": {"kind": None, "limit": 5, "cursor": None},
    }
    return [{"name": name, "arguments": given} for name, given in arguments.items()]


def install(client: ClientUnderTest, folder: Path) -> str:
    """Make the client's environment; returns why it can't be made, or nothing."""
    command: list[str | Path]
    if client.script.endswith(".mjs"):
        for file in JAVASCRIPT.iterdir():
            (folder / file.name).write_bytes(file.read_bytes())
        quiet = ["--no-audit", "--no-fund", "--loglevel=error", "--ignore-scripts"]
        command = [NODE, NPM, "install", "--prefer-offline", *quiet]
    else:
        command = [*_in_environment(client), "python", "-c", "pass"]
    try:
        done = subprocess.run(
            command, cwd=folder, env=with_node(), capture_output=True, text=True,
            timeout=INSTALL_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"that takes longer than {INSTALL_SECONDS} seconds"
    return done.stderr if done.returncode else ""


def run_client(client: ClientUnderTest, plan: Mapping[str, Any], folder: Path) -> Reports:
    """What the client got over each transport, in the environment that `install` has made."""
    if client.script.endswith(".mjs"):
        output = run([NODE, client.script], cwd=folder, stdin=json.dumps(plan))
    else:
        cache = subprocess.check_output([uv.find_uv_bin(), "cache", "dir"], text=True).strip()
        environment = isolated_environment(
            folder, **NO_TELEMETRY, PYTHONPATH=str(SCRIPTS), UV_CACHE_DIR=cache, UV_OFFLINE="1"
        )
        # Compiled once, the packages are imported in half of the time from then on.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        done = subprocess.run(
            [*_in_environment(client), str(SCRIPTS / client.script)],
            input=json.dumps(plan), cwd=folder, capture_output=True, text=True,
            timeout=RUN_SECONDS, check=False, env=environment,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-4000:]
        output = done.stdout
    found = json.loads(output)
    assert found["version"] == client.version
    reports: Reports = found["reports"]
    return reports


def _in_environment(client: ClientUnderTest) -> list[str]:
    packages = [part for package in client.packages for part in ("--with", package)]
    uv_run = [uv.find_uv_bin(), "run", "--quiet", "--no-project", "--python", sys.executable]
    return [*uv_run, *packages]


def failure_of(report: Mapping[str, Any]) -> str:
    """What is missing in what a client got; nothing if it got all that it asks for."""
    if "error" in report:
        return str(report["error"])
    return "; ".join(_failures(report))


def _failures(report: Mapping[str, Any]) -> Iterator[str]:
    for tool in TOOLS:
        name = tool["name"]
        if name not in report["tools"]:
            yield f"{name} is not listed"
        text = report["answers"].get(name, "")
        if '"freshness"' not in text or not isinstance(json.loads(text), dict):
            yield f"{name} answers {text[:300]!r}"
        schema = json.dumps(report["schemas"].get(name))
        lost = [one for one in tool["inputSchema"]["properties"] if f'"{one}"' not in schema]
        if report["schemas"] and lost:
            yield f"{name} loses the arguments {', '.join(lost)}"
    resources, prompts = report["resources"], report["prompts"]
    if resources is not None and not (resources and all(map(json.loads, resources))):
        yield "a resource is empty"
    if prompts is not None and not (prompts and all("in this order" in one for one in prompts)):
        yield "a prompt is empty"
    if report["completions"] is not None and not report["completions"]:
        yield "nothing is completed"
