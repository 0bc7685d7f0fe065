"""Graders of tool definitions, which users and directories run: each finds the tools good.

All three work without a model, a key and a network. None may make a sentence worse: what they find
and we don't follow stands in docs/performance.md, "Graders".
"""

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import mcp_quality.engines.contract
import mcp_quality.engines.cost
import mcp_quality.engines.safety
import mcp_quality.engines.security
import mcpgauge.score
import pytest
from mcp_quality.config import ProbeConfig
from mcp_quality.connect.transport import connect
from mcp_quality.models import ProbeContext
from mcp_quality.scoring.scorer import Scorer

from benchmarks.questions.tokens import vocabulary
from convocore_mcp.sandbox import Sandbox, serving
from tests.pages.documented import documented

# Where another test has imported fastmcp, mcp warns of old names, by which the graders read.
pytestmark = pytest.mark.filterwarnings("ignore:Accessing")
SNAPSHOT = Path(__file__).parent.parent / "snapshots" / "tools.json"


class Counter:
    """Tokens of o200k. The grader's own counter loads that vocabulary from the network."""

    name = "o200k_base"

    def __init__(self) -> None:
        self._vocabulary = vocabulary()

    def count(self, text: str) -> int:
        """The tokens of a text."""
        return len(self._vocabulary.encode_ordinary(text))


@pytest.fixture
async def probed(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ProbeContext]:
    """A live server over stdio, as the grader starts it."""
    sandbox = Sandbox(size=100)
    with serving(sandbox) as base_url:
        monkeypatch.setenv("CONVOCORE_API_KEY", sandbox.key)
        monkeypatch.setenv("CONVOCORE_AGENT_ID", sandbox.agent_id)
        monkeypatch.setenv("CONVOCORE_BASE_URL", base_url)
        monkeypatch.setenv("CONVOCORE_STORE", "memory")
        config = ProbeConfig(target=f"{sys.executable} -m convocore_mcp")
        client, surface = await connect(config)
        try:
            yield ProbeContext(surface=surface, config=config, client=client)
        finally:
            await client.close()


def test_tdqs_has_no_warning() -> None:
    """Ours: `tdqs lint` runs the checks of its specification that need no model."""
    tdqs = Path(sys.executable).with_name("tdqs")
    words = documented("tdqs lint").split()[1:]
    command = [str(tdqs), *words, "--file", str(SNAPSHOT), "--fail-on", "warning"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "7 tools" in ran.stdout
    assert "0 errors, 0 warnings" in ran.stdout


def test_mcpgauge_gives_an_a() -> None:
    """Ours: its command can't read servers with mcp 2, so it scores what the server lists."""
    tools: list[dict[str, Any]] = json.loads(SNAPSHOT.read_text())
    graded = mcpgauge.score.score_server(tools)
    assert (graded.grade, graded.tool_count) == ("A", 7)
    assert graded.score >= 4.3, [(tool.name, tool.score, tool.dimensions) for tool in graded.tools]


async def test_mcp_quality_gives_an_a(probed: ProbeContext) -> None:
    """Ours: the families that need neither a model nor load, with the tokens that models count."""
    engines = {
        "cost": mcp_quality.engines.cost.CostEngine(Counter()),
        "contract": mcp_quality.engines.contract.ContractEngine(),
        "safety": mcp_quality.engines.safety.SafetyEngine(),
        "security": mcp_quality.engines.security.SecurityEngine(),
    }
    families = {name: await engine.run(probed) for name, engine in engines.items()}
    result = Scorer().score(families)
    scores = {name: family.score for name, family in families.items()}
    assert families["contract"].metrics["invoked"] == 7
    assert result.hard_gate is None
    assert result.overall_score >= 95, scores
