"""Two agents behind one key, whose plan includes transcripts: what an agency owner looks after."""

from benchmarks.questions.truth.dataset import Dataset
from benchmarks.questions.truth.oracle import Row
from convocore_mcp.sandbox import Sandbox
from convocore_mcp.sandbox.data.transcripts import transcript
from convocore_mcp.sandbox.server.app import Dialect, Receive, Scope, Send

DENTAL, MOTORS = "agency-dental", "agency-motors"
ZONE = "Pacific/Auckland"
SCRIPTED_TRANSCRIPT = {
    "metadata": {},
    "turns": [
        {"from": "user", "messages": [
            {"type": "text", "ts": "July 19th 2026, 9:58:00 pm",
             "payload": {"message": "Do you have winter tyres for a van?"}},
        ]},
        {"from": "bot", "messages": [
            {"type": "debug:intent", "ts": "July 19th 2026, 9:58:05 pm",
             "payload": {"message": "intent: stock"}},
            {"type": "text", "ts": "July 19th 2026, 9:58:05 pm",
             "payload": {"message": "Yes, four of them.", "aiGenerated": True}},
        ]},
        {"from": "human", "messages": [
            {"type": "text", "ts": "July 19th 2026, 9:59:00 pm",
             "payload": {"message": "I can offer 640 including fitting."}},
        ]},
        {"from": "user", "messages": [
            {"type": "text", "ts": "July 19th 2026, 10:01:00 pm",
             "payload": {"message": "That is too dear, another garage wants 500."}},
        ]},
    ],
}  # fmt: skip
"""The transcript of `Agency.scripted`: questions about what was said there have fixed answers."""


class Agency(Sandbox):
    """A sandbox with a second agent."""

    def __init__(self, *, size: int, dialect: Dialect = "cursor", sparse: bool = False) -> None:
        super().__init__(
            size=size, dialect=dialect, agent_id=DENTAL, export=True, sparse=sparse, seed=3
        )
        self.second = Sandbox(
            size=size // 2, dialect=dialect, agent_id=MOTORS, key=self.key, export=True,
            sparse=sparse, seed=4,
        )  # fmt: skip
        rows = list(self.rows())
        self.scripted = next(row["ID"] for row in rows if row["ID"].startswith("conv-"))
        self.by_rest_api = next(row["ID"] for row in rows if row["ID"].startswith(f"{DENTAL}_"))
        self.rich = next(row["ID"] for row in self.known_rows() if _is_rich(row))
        self.transcripts[self.scripted] = SCRIPTED_TRANSCRIPT
        own_app = self.app

        async def app(scope: Scope, _receive: Receive, send: Send) -> None:
            chosen = self.second.app if f"/{MOTORS}/" in scope.get("path", "") else own_app
            await chosen(scope, _receive, send)

        self.app = app

    def exports(self) -> dict[str, Row]:
        """The transcript of every conversation that has one, by its ID."""
        return {
            row["ID"]: self.transcripts.get(row["ID"]) or transcript(item)
            for row in self.rows()
            if (item := self.item(row["ID"])) is not None
        }


def _is_rich(row: Row) -> bool:
    """Whether it has what somebody asks about: handoffs, a score, and named captured variables."""
    captured = row.get("capturedVariables")
    named = isinstance(captured, dict) and "team_size" in captured
    return named and bool(row.get("handoffHistory") and row.get("funnelScoreHistory"))


def text_turns(dataset: Dataset, identifier: str) -> list[tuple[str, str]]:
    """Sender and text of each text message, oldest first, without what only debuggers see."""
    names = {"user": "visitor", "bot": "ai", "human": "human"}
    return [
        (names[turn["from"]], message["payload"]["message"])
        for turn in dataset.exports[identifier]["turns"]
        for message in turn["messages"]
        if message["type"] == "text"
    ]
