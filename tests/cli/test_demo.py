"""How `convocore-mcp demo` words its answers, where there is little to show."""

from io import StringIO

from rich.console import Console

from convocore_mcp.cli.demo.answer_panels import answer_panel
from convocore_mcp.cli.demo.questions import VISITOR, ask_all
from convocore_mcp.sandbox import Sandbox
from tests.tool_client import connected


async def shown(sandbox: Sandbox) -> str:
    """All panels, as one line of words."""
    async with connected(sandbox, incremental_sync_seconds=0) as model:
        answers = await ask_all(model.client, sandbox)
    console = Console(file=StringIO(), width=120)
    for answer in answers:
        console.print(answer_panel(answer))
    assert isinstance(console.file, StringIO)
    return " ".join(console.file.getvalue().replace("│", " ").split())


async def test_an_empty_list_has_sentences_and_no_empty_tables() -> None:
    """Ours: nobody is hot, and nothing is worth "no value is known"."""
    text = await shown(Sandbox(size=0))
    assert "None of 0 leads is hot. ╰" in text
    assert "0 conversations wait. ╰" in text
    assert "0 deals over 10,000 with nothing planned. ╰" in text
    assert "0 leads in 0 stages. ╰" in text
    assert "1 change: somebody has written while you were reading. who what now when" in text


async def test_one_is_written_in_the_singular() -> None:
    """Ours: and who waits is counted in conversations, as the tool counts."""
    sandbox = Sandbox(size=0)
    sandbox.insert(**VISITOR | {"userName": "Ann [/b] Lee"}, leadScore=90)
    text = await shown(sandbox)
    hot = "1 of 1 lead is hot, of no known value. 1 waits for a human, 1 is assigned to nobody."
    assert hot in text
    assert "told no name" not in text
    assert "What do we know about Ann [/b] Lee?" in text
    assert "1 conversation waits. who on for last message" in text
    assert "1 lead in 1 stage. stage leads hot value" in text
