"""The fields that come from the CRM: stage, score, value, activities, handoffs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from convocore_mcp.sandbox.data.seeded_random import SeededRandom
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


def state(rng: SeededRandom) -> str:
    """Who talks to the visitor: the AI, a human, nobody any more, or somebody is asked for."""
    return rng.pick(_STATES)


def stage(rng: SeededRandom) -> str | None:
    """The stage of the deal; more than a third of the conversations have none."""
    return rng.pick(STAGES) if rng.chance(64) else None


def score(rng: SeededRandom, at: int) -> Row:
    """The lead score: never evaluated, evaluated as zero, or a sum with its history."""
    fields: Row = {
        "leadScore": 0,
        "funnelStepsMatched": [],
        "funnelScoreHistory": [],
        "funnelNotificationSent": False,
    }
    if rng.chance(30):
        return fields
    fields["funnelLastEvaluated"] = at
    if rng.chance(12):
        return fields
    history: list[Row] = []
    total = 0
    for step, name, points in FUNNEL:
        if not rng.chance(62):
            continue
        total += points
        entry = {"stepId": step, "stepName": name, "pointsAdded": points, "newScore": total}
        history.append({"timestamp": at - 60 * (len(FUNNEL) - len(history)), **entry})
    if history:
        history[-1]["extractedData"] = {"source": "chat", "confidence": rng.below(100) / 100}
        history[-1]["messageContext"] = "We need this before the end of the quarter."
    fields["leadScore"] = total
    fields["funnelScoreHistory"] = history
    fields["funnelStepsMatched"] = [entry["stepId"] for entry in history]
    fields["funnelNotificationSent"] = total >= _HOT
    if rng.chance(40):
        fields["funnelExtractedData"] = {"budget": rng.between(1, 90) * 500, "seats": "12"}
        fields["funnelSummary"] = "Needs a voice agent before the season starts."
    return fields


def label(rng: SeededRandom, points: int) -> Row:
    """The label hot, warm or cold. It usually agrees with the score, but not always."""
    if not rng.chance(42):
        return {}
    if rng.chance(12):
        return {"hotLabel": rng.pick(("hot", "warm", "cold"))}
    name = "hot" if points >= _HOT else "warm" if points >= _WARM else "cold"
    return {"hotLabel": name, "hotScore": points} if rng.chance(70) else {"hotLabel": name}


def money(rng: SeededRandom, currency: str) -> Row:
    """The value of a deal, in one of the many forms that a CRM holds."""
    roll = rng.below(100)
    fields: Row = {"value": rng.between(2, 400) * 50}
    if roll < 30:  # per cent
        fields["value"] = rng.pick(_VALUES)
    elif roll < 38:
        fields["value"] = round(rng.between(100, 90_000) + 0.5, 2)
    elif roll < 42:
        fields["value"] = 0
    if rng.chance(80):
        code = currency if rng.chance(70) else rng.pick(("USD", "EUR"))
        fields["currency"] = rng.pick((code, code, code.lower(), code.title()))
    return fields


def activities(rng: SeededRandom, at: int, now: int) -> Row:
    """Activities, done and due, with the alerts that follow from them."""
    entries = [_activity(rng, at, now, number) for number in range(rng.between(1, 3))]
    overdue = any(
        e.get("completed") is False and _due_seconds(e) < now for e in entries if "dueDate" in e
    )
    fields: Row = {"crmActivities": entries, "lastActivityDate": _time_value(rng, at)}
    alerts = {
        "overdueActivity": overdue,
        "overdueECD": rng.chance(12),
        "staleLead": now - at > 30 * DAY and rng.chance(60),
        "responded": rng.chance(50),
        "newHandoffAssigned": rng.chance(5),
    }
    if overdue or rng.chance(60):
        fields["crmAlerts"] = alerts
    return fields


def _activity(rng: SeededRandom, at: int, now: int, number: int) -> Row:
    kind = rng.pick(_ACTIVITIES)
    entry: Row = {"type": kind, "id": f"act_{at:x}{number}", "date": _time_value(rng, at)}
    if rng.chance(75):
        entry["title"] = f"{kind}: next step agreed"
    if rng.chance(60):
        entry["dueDate"] = _time_value(rng, now + rng.between(-20, 20) * DAY)
        entry["completed"] = rng.chance(40)
    if rng.chance(30):
        entry["responded"] = rng.chance(50)
        entry["firstChannel"] = rng.pick(_REACHED_BY)
        entry["firstEngaged"] = True
    if rng.chance(20):
        staff_id, name, _ = rng.pick(STAFF)
        note = {"agentId": staff_id, "agentName": name, "text": "No answer.", "timestamp": at}
        entry["notesHistory"] = [note]
        entry["metadata"] = {"from": "crm", "try": number}
    return entry


def _time_value(rng: SeededRandom, at: int) -> int | str:
    """A time in one of the CRM's forms: Unix seconds, a timestamp or a date."""
    if rng.chance(50):
        return at
    moment = datetime.fromtimestamp(at, UTC)
    return rng.pick((moment.strftime("%Y-%m-%dT%H:%M:%S.000Z"), moment.date().isoformat()))


def _due_seconds(entry: Row) -> float:
    due = entry["dueDate"]
    if isinstance(due, str):
        moment = datetime.fromisoformat(due)
        return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
    return float(due)


def handoffs(rng: SeededRandom, state: str, at: int) -> Row:
    """When a human was asked for, who accepted, and who is assigned."""
    if state not in ("requested_chat", "human-chatting") and not rng.chance(8):
        return {"chatAssignedTo": rng.pick(STAFF)[0]} if rng.chance(6) else {}
    staff_id, name, email = rng.pick(STAFF)
    accepted: Row = {"requestedAt": at - 900, "acceptedAt": at - 600, "acceptedBy": staff_id}
    accepted |= {"organizationId": "convocore", "teamKeys": [rng.pick(_TEAMS)]}
    if state == "requested_chat":
        history = [{**accepted, "requestedAt": at - 9000, "acceptedAt": at - 8000}]
        history[0]["completedAt"] = at - 7000
        waiting = {"requestedAt": at - rng.between(5, 1800), "requestedTeamKey": rng.pick(_TEAMS)}
        return {"handoffHistory": [*(history if rng.chance(30) else []), waiting]}
    fields: Row = {"handoffHistory": [accepted], "humanClaimedAt": at - 600}
    if state != "human-chatting":
        accepted["completedAt"] = at - 60
        fields["humanClaimedAt"] = None
    if rng.chance(70):
        assignee: Row = {"userId": staff_id, "name": name, "email": email, "status": "accepted"}
        assignee["assignedAt"] = _time_value(rng, at - 600)
        fields["assignedTo"] = assignee if rng.chance(85) else {"userId": staff_id}
    if rng.chance(60):
        fields["chatAssignedTo"] = staff_id
    return fields


def closing(rng: SeededRandom, stage: str, at: int) -> Row:
    """The dates and the reason that some stages have."""
    day = datetime.fromtimestamp(at, UTC).date()
    if stage == "lost":
        return {"lostReason": rng.pick(("price", "timing", "competitor: Rivalo", "no answer"))}
    fields: Row = {}
    if stage.startswith("demo"):
        fields["demoDate"] = (day + timedelta(days=rng.between(1, 9))).isoformat()
        fields["demoTime"] = "15:00"
        fields["demoLink"] = "https://meet.example.com/abc-defg-hij"
    if rng.chance(45):
        fields["expectedCloseDate"] = (day + timedelta(days=rng.between(-9, 90))).isoformat()
    return fields
