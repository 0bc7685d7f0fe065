"""The CRM's part of a conversation: stage, score, value, activities, handoffs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from convocore_mcp.sandbox.data.chance import Dice
    from convocore_mcp.sandbox.shapes import Row

DAY: Final = 86_400

STAGES: Final = (
    "new", "engaged", "email_sent", "follow_up", "info_req", "demo_req", "demo_conf",
    "demo_done", "proposal", "negotiation", "trial", "won", "lost",
)  # fmt: skip

SUBJECT_OF_STAGE: Final = {
    "demo_req": "demo", "demo_conf": "demo", "demo_done": "demo", "proposal": "price",
    "negotiation": "price", "trial": "price", "won": "won", "lost": "lost",
}  # fmt: skip

STAFF: Final = (
    ("staff_ana", "Ana Kovač", "ana@convocore-demo.example"),
    ("staff_tom", "Tom Becker", "tom@convocore-demo.example"),
    ("staff_lina", "لينا حداد", "lina@convocore-demo.example"),
    ("staff_yuki", "Yuki Mori", "yuki@convocore-demo.example"),
)

FUNNEL: Final = (
    ("step_contact", "Left contact details", 20),
    ("step_need", "Named a need", 15),
    ("step_budget", "Named a budget", 25),
    ("step_timeline", "Named a date", 15),
    ("step_decider", "Decides alone", 15),
    ("step_demo", "Agreed to a demo", 10),
)

_STATES: Final = (
    *["ai-chatting"] * 50, *["ended_chat"] * 26, *["human-chatting"] * 14, *["requested_chat"] * 10
)  # fmt: skip
_ACTIVITIES: Final = (
    "Message", "Call", "Email", "Demo", "Meeting", "Follow-Up", "Note", "Stage Change",
    "Handoff", "System",
)  # fmt: skip
_REACHED_BY: Final = (
    "LinkedIn", "WhatsApp", "Instagram", "Facebook", "Email", "Phone/Call", "Zoom/Video",
    "In Person", "Referral", "Web Chat", "Unknown",
)  # fmt: skip
_TEAMS: Final = ("sales", "support")
_VALUES: Final = (
    "12,500.50", "$5k", "abc", "12.500,50 €", "4800", "1 200", "", "€ 3.000", "TBD", "10-15k",
)  # fmt: skip
_HOT, _WARM = 75, 45


def state(dice: Dice) -> str:
    """Who is talking: the AI, a human, nobody any more, or someone waits."""
    return dice.pick(_STATES)


def stage(dice: Dice) -> str | None:
    """Where the deal stands; a good third never entered the pipeline."""
    return dice.pick(STAGES) if dice.chance(64) else None


def score(dice: Dice, at: int) -> Row:
    """The lead funnel: unscored, scored zero, or a sum with its history."""
    fields: Row = {
        "leadScore": 0,
        "funnelStepsMatched": [],
        "funnelScoreHistory": [],
        "funnelNotificationSent": False,
    }
    if dice.chance(30):
        return fields
    fields["funnelLastEvaluated"] = at
    if dice.chance(12):
        return fields
    history: list[Row] = []
    total = 0
    for step, name, points in FUNNEL:
        if not dice.chance(62):
            continue
        total += points
        entry = {"stepId": step, "stepName": name, "pointsAdded": points, "newScore": total}
        history.append({"timestamp": at - 60 * (len(FUNNEL) - len(history)), **entry})
    if history:
        history[-1]["extractedData"] = {"source": "chat", "confidence": dice.below(100) / 100}
        history[-1]["messageContext"] = "We need this before the end of the quarter."
    fields["leadScore"] = total
    fields["funnelScoreHistory"] = history
    fields["funnelStepsMatched"] = [entry["stepId"] for entry in history]
    fields["funnelNotificationSent"] = total >= _HOT
    if dice.chance(40):
        fields["funnelExtractedData"] = {"budget": dice.between(1, 90) * 500, "seats": "12"}
        fields["funnelSummary"] = "Needs a voice agent before the season starts."
    return fields


def label(dice: Dice, points: int) -> Row:
    """Hot, warm or cold, as someone in the CRM set it: mostly, not always, what the score says."""
    if not dice.chance(42):
        return {}
    if dice.chance(12):
        return {"hotLabel": dice.pick(("hot", "warm", "cold"))}
    name = "hot" if points >= _HOT else "warm" if points >= _WARM else "cold"
    return {"hotLabel": name, "hotScore": points} if dice.chance(70) else {"hotLabel": name}


def money(dice: Dice, currency: str) -> Row:
    """A deal's value, in one of the many ways a CRM holds it."""
    roll = dice.below(100)
    fields: Row = {"value": dice.between(2, 400) * 50}
    if roll < 30:  # a share in per cent, as everywhere here
        fields["value"] = dice.pick(_VALUES)
    elif roll < 38:
        fields["value"] = round(dice.between(100, 90_000) + 0.5, 2)
    elif roll < 42:
        fields["value"] = 0
    if dice.chance(80):
        code = currency if dice.chance(70) else dice.pick(("USD", "EUR"))
        fields["currency"] = dice.pick((code, code, code.lower(), code.title()))
    return fields


def activities(dice: Dice, at: int, now: int) -> Row:
    """What was done and what is due, with the alerts that follow from it."""
    entries = [_activity(dice, at, now, number) for number in range(dice.between(1, 3))]
    overdue = any(e.get("completed") is False and _due(e) < now for e in entries if "dueDate" in e)
    fields: Row = {"crmActivities": entries, "lastActivityDate": _moment(dice, at)}
    alerts = {
        "overdueActivity": overdue,
        "overdueECD": dice.chance(12),
        "staleLead": now - at > 30 * DAY and dice.chance(60),
        "responded": dice.chance(50),
        "newHandoffAssigned": dice.chance(5),
    }
    if overdue or dice.chance(60):
        fields["crmAlerts"] = alerts
    return fields


def _activity(dice: Dice, at: int, now: int, number: int) -> Row:
    kind = dice.pick(_ACTIVITIES)
    entry: Row = {"type": kind, "id": f"act_{at:x}{number}", "date": _moment(dice, at)}
    if dice.chance(75):
        entry["title"] = f"{kind}: next step agreed"
    if dice.chance(60):
        entry["dueDate"] = _moment(dice, now + dice.between(-20, 20) * DAY)
        entry["completed"] = dice.chance(40)
    if dice.chance(30):
        entry["responded"] = dice.chance(50)
        entry["firstChannel"] = dice.pick(_REACHED_BY)
        entry["firstEngaged"] = True
    if dice.chance(20):
        who, name, _ = dice.pick(STAFF)
        said = {"agentId": who, "agentName": name, "text": "No answer.", "timestamp": at}
        entry["notesHistory"] = [said]
        entry["metadata"] = {"from": "crm", "try": number}
    return entry


def _moment(dice: Dice, at: int) -> int | str:
    """A point in time, as the number or the string the CRM may hold."""
    if dice.chance(50):
        return at
    moment = datetime.fromtimestamp(at, UTC)
    return dice.pick((moment.strftime("%Y-%m-%dT%H:%M:%S.000Z"), moment.date().isoformat()))


def _due(entry: Row) -> float:
    due = entry["dueDate"]
    if isinstance(due, str):
        moment = datetime.fromisoformat(due)
        return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
    return float(due)


def handoffs(dice: Dice, talking: str, at: int) -> Row:
    """Who asked for a human, who took over, who is assigned."""
    if talking not in ("requested_chat", "human-chatting") and not dice.chance(8):
        return {"chatAssignedTo": dice.pick(STAFF)[0]} if dice.chance(6) else {}
    who, name, email = dice.pick(STAFF)
    taken: Row = {"requestedAt": at - 900, "acceptedAt": at - 600, "acceptedBy": who}
    taken |= {"organizationId": "convocore", "teamKeys": [dice.pick(_TEAMS)]}
    if talking == "requested_chat":
        history = [{**taken, "requestedAt": at - 9000, "acceptedAt": at - 8000}]
        history[0]["completedAt"] = at - 7000
        waiting = {"requestedAt": at - dice.between(5, 1800), "requestedTeamKey": dice.pick(_TEAMS)}
        return {"handoffHistory": [*(history if dice.chance(30) else []), waiting]}
    fields: Row = {"handoffHistory": [taken], "humanClaimedAt": at - 600}
    if talking != "human-chatting":
        taken["completedAt"] = at - 60
        fields["humanClaimedAt"] = None
    if dice.chance(70):
        owner: Row = {"userId": who, "name": name, "email": email, "status": "accepted"}
        owner["assignedAt"] = _moment(dice, at - 600)
        fields["assignedTo"] = owner if dice.chance(85) else {"userId": who}
    if dice.chance(60):
        fields["chatAssignedTo"] = who
    return fields


def closing(dice: Dice, where: str, at: int) -> Row:
    """Dates and reasons that come with some stages."""
    day = datetime.fromtimestamp(at, UTC).date()
    if where == "lost":
        return {"lostReason": dice.pick(("price", "timing", "competitor: Rivalo", "no answer"))}
    fields: Row = {}
    if where.startswith("demo"):
        fields["demoDate"] = (day + timedelta(days=dice.between(1, 9))).isoformat()
        fields["demoTime"] = "15:00"
        fields["demoLink"] = "https://meet.example.com/abc-defg-hij"
    if dice.chance(45):
        fields["expectedCloseDate"] = (day + timedelta(days=dice.between(-9, 90))).isoformat()
    return fields
