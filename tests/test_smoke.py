from convocore_mcp.sandbox import Sandbox
from tests.front_door import connected


async def test_smoke() -> None:
    async with connected(Sandbox(size=200)) as desk:
        pages = await desk.pages()
        assert sum(len(p["conversations"]) for p in pages) == pages[0]["total"]
