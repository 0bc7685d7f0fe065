"""The living sandbox: what happens to its conversations while time passes.

Each event has its time and its kind from the seed and its number alone, so the state at a time is
the same whenever somebody asks, and tests drive it with a clock of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from convocore_mcp.sandbox.data.crm_fields import FUNNEL, STAFF, STAGES, SUBJECT_OF_STAGE
from convocore_mcp.sandbox.data.generated_rows import GeneratedRows
from convocore_mcp.sandbox.data.seeded_random import SeededRandom, hash64
from convocore_mcp.sandbox.data.texts import lines

if TYPE_CHECKING:
    from convocore_mcp.sandbox.shapes import Json, Row

MIN_GAP_SECONDS, MAX_GAP_SECONDS = 5, 35
"""Seconds from one event to the next."""
POOL_SIZE: Final = 40
"""Conversations that something happens to: the newest ones."""
EVENTS: Final = (
    *["arrives"] * 9, *["writes"] * 27, *["asks"] * 14, *["accepted"] * 14, *["moves"] * 20,
    *["scored"] * 16,
)  # fmt: skip
DEAL_STAGES: Final = ("engaged", "demo_req", "demo_done", "proposal", "negotiation")
"""Stages that a deal goes through; the others are steps that many deals skip."""
CLOSED: Final = ("won", "lost")
PICKED_ROWS: Final = 4
"""Conversations among which an event chooses the one that it happens to."""
ALWAYS_WAITING: Final = 2
"""People who wait for a human at any time: the team never accepts these last ones."""
HOT: Final = 75
_EVENT_SEED: Final = 71
_ARRIVAL_SEED: Final = 72
_CRM_FIELDS: Final = (
    "stage", "value", "currency", "hotLabel", "hotScore", "crmActivities", "crmAlerts",
    "lastActivityDate", "handoffHistory", "assignedTo", "chatAssignedTo", "humanClaimedAt",
    "lostReason", "demoDate", "demoTime", "demoLink", "expectedCloseDate", "funnelLastEvaluated",
    "funnelExtractedData", "funnelSummary", "isTest", "isBlocked", "lastModified",
)  # fmt: skip
"""What a conversation that has just begun does not have yet."""


class Conversations(Protocol):
    """The list that the events change."""

    def row(self, identifier: str, /) -> Json: ...  # noqa: D102
    def rows_at(self, ranks: list[int], /) -> list[Json]: ...  # noqa: D102
    def ranks(self, offset: int, limit: int, /) -> list[int]: ...  # noqa: D102
    def insert(self, row: Row, /) -> None: ...  # noqa: D102
    def touch(self, identifier: str, fields: Row, /, *, now: int) -> None: ...  # noqa: D102
    def edit(self, identifier: str, fields: Row, /) -> None: ...  # noqa: D102


class Living:
    """Lets time pass for a list of conversations. The sandbox locks it."""

    def __init__(
        self, conversations: Conversations, *, seed: int, start: int, agent_id: str, deviates: bool
    ) -> None:
        self._conversations = conversations
        self._seed, self._agent_id, self._deviates = seed, agent_id, deviates
        self._number = 0
        self._next_at = start + self._gap(0)
        newest = conversations.rows_at(conversations.ranks(0, POOL_SIZE))
        self._pool = [row["ID"] for row in newest[::-1] if not row.get("isTest")]
        self._waiting = [row["ID"] for row in newest[::-1] if row.get("state") == "requested_chat"]

    def advance(self, now: int) -> None:
        """Let everything happen that is due at `now` (Unix seconds)."""
        while self._next_at <= now:
            self._number += 1
            self._happen(SeededRandom(self._seed + _EVENT_SEED, self._number), self._next_at)
            self._next_at += self._gap(self._number)

    def _gap(self, number: int) -> int:
        return MIN_GAP_SECONDS + hash64(self._seed + _EVENT_SEED, -number - 1) % (
            MAX_GAP_SECONDS - MIN_GAP_SECONDS + 1
        )

    def _happen(self, rng: SeededRandom, at: int) -> None:
        event = rng.pick(EVENTS)
        if event == "arrives" or not self._pool:
            self._arrive(at)
            return
        if event == "accepted" and len(self._waiting) > ALWAYS_WAITING:
            self._accept(rng, self._waiting.pop(0), at)
            return
        identifier = rng.pick(self._pool)
        row = self._conversations.row(identifier)
        if not isinstance(row, dict):
            self._pool.remove(identifier)  # somebody has deleted it
        elif event == "asks" and row.get("state") not in ("requested_chat", "human-chatting"):
            self._ask(rng, row, at)
        elif event == "moves":
            self._move(rng)
        elif event == "scored":
            self._score(rng, at)
        else:
            self._conversations.touch(identifier, _message(rng, row), now=at)

    def _picked(self, rng: SeededRandom) -> list[Row]:
        picked = (self._conversations.row(rng.pick(self._pool)) for _ in range(PICKED_ROWS))
        return [row for row in picked if isinstance(row, dict)]

    def _score(self, rng: SeededRandom, at: int) -> None:
        """Somebody says more about what they need, mostly those who have said much already."""
        unfinished = [row for row in self._picked(rng) if _score_of(row) < HOT]
        row = max(unfinished, key=_score_of, default=None)
        if row is not None:
            self._conversations.touch(row["ID"], _next_score(row, at), now=at)

    def _move(self, rng: SeededRandom) -> None:
        """Somebody works on the pipeline, mostly on the deals that are far already."""
        furthest = max(self._picked(rng), key=_progress_of, default=None)
        if furthest is not None and (fields := _next_stage(rng, furthest)):
            self._conversations.edit(furthest["ID"], fields)

    def _arrive(self, at: int) -> None:
        number = self._number
        rows = GeneratedRows(
            1,
            hash64(self._seed + _ARRIVAL_SEED, number),
            at,
            self._agent_id,
            deviates=self._deviates,
        )
        row = {name: value for name, value in rows.item(0).items() if name not in _CRM_FIELDS}
        identifier = f"conv-live{number:06d}"
        row |= {
            "ID": identifier, "userID": identifier, "ts": at, "lastMessageTS": at,
            "firstMessageTS": at, "messagesNum": 1, "state": "ai-chatting", "leadScore": 0,
            "funnelStepsMatched": [], "funnelScoreHistory": [], "funnelNotificationSent": False,
        }  # fmt: skip
        self._conversations.insert(row)
        self._pool = [*self._pool, identifier][-POOL_SIZE:]

    def _ask(self, rng: SeededRandom, row: Row, at: int) -> None:
        asked = {"requestedAt": at, "requestedTeamKey": rng.pick(("sales", "support"))}
        fields = {
            "state": "requested_chat",
            "handoffHistory": [*(row.get("handoffHistory") or []), asked],
            **_message(rng, row, "human"),
        }
        self._conversations.touch(row["ID"], fields, now=at)
        self._waiting.append(row["ID"])

    def _accept(self, rng: SeededRandom, identifier: str, at: int) -> None:
        row = self._conversations.row(identifier)
        if not isinstance(row, dict):
            return
        staff_id, name, email = rng.pick(STAFF)
        history = list(row.get("handoffHistory") or [{"requestedAt": at}])
        history[-1] |= {"acceptedAt": at, "acceptedBy": staff_id}
        owner = {
            "userId": staff_id, "name": name, "email": email, "status": "accepted",
            "assignedAt": at,
        }  # fmt: skip
        fields = {
            "state": "human-chatting", "handoffHistory": history, "humanClaimedAt": at,
            "assignedTo": owner, "chatAssignedTo": staff_id,
        }  # fmt: skip
        self._conversations.touch(identifier, fields, now=at)


def _message(rng: SeededRandom, row: Row, subject: str | None = None) -> Row:
    about = subject or SUBJECT_OF_STAGE.get(str(row.get("stage")), "question")
    language = row.get("lang")
    try:
        return {"lastMessage": rng.pick(lines(str(language), about))}
    except KeyError:
        return {"lastMessage": rng.pick(lines("en", about))}


def _progress_of(row: Row) -> int:
    """How far an open deal has got; closed ones are furthest from moving."""
    stage = row.get("stage")
    if stage in CLOSED:
        return -1
    return STAGES.index(stage) if stage in STAGES else 0


def _next_stage(rng: SeededRandom, row: Row) -> Row:
    further = [stage for stage in DEAL_STAGES if STAGES.index(stage) > _progress_of(row)]
    if row.get("stage") in CLOSED:
        return {}
    if row.get("stage") is None or further:
        return {"stage": further[0] if row.get("stage") else "new"}
    return {"stage": "won"} if rng.chance(65) else {"stage": "lost", "lostReason": "price"}


def _score_of(row: Row) -> float:
    return float(row.get("leadScore") or 0)


def _next_score(row: Row, at: int) -> Row:
    matched = list(row.get("funnelStepsMatched") or [])
    for step, name, points in FUNNEL:
        if step not in matched:
            total = int(_score_of(row)) + points
            entry = {
                "timestamp": at, "stepId": step, "stepName": name, "pointsAdded": points,
                "newScore": total,
            }  # fmt: skip
            return {
                "leadScore": total,
                "funnelStepsMatched": [*matched, step],
                "funnelScoreHistory": [*(row.get("funnelScoreHistory") or []), entry],
                "funnelLastEvaluated": at,
                "funnelNotificationSent": total >= HOT,
            }
    return {"funnelLastEvaluated": at}
