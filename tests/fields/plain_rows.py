"""The tests' own reading of fields: what each means, in plain Python over rows of Convocore.

Nothing here comes from the package: docs/contract.md, "Fields", is all it follows.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from datetime import UTC as UTC  # noqa: PLC0414
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any

FieldValues = dict[str, Any]
"""The values of a row by field; lists are lists, times aware, and what is missing is absent."""
SECOND = timedelta(seconds=1)
CONTACT = "contact"


def values_of(
    raw: FieldValues, *, agent: str, lead: str | None, now: datetime, zone: tzinfo
) -> FieldValues:
    """The values of a conversation."""
    usage, call = raw.get("tokenUsage") or {}, raw.get("vapi") or {}
    assigned, alerts = raw.get("assignedTo") or {}, raw.get("crmAlerts") or {}
    history = raw.get("handoffHistory") or []
    newest = {k: moment(v) if k.endswith("At") else v for k, v in (history or [{}])[-1].items()}
    names = [assigned.get(k) for k in ("name", "email", "userId")] + [raw.get("chatAssignedTo")]
    first, last, ts = (moment(raw.get(k)) for k in ("firstMessageTS", "lastMessageTS", "ts"))
    links = [raw.get(k) for k in ("linkedIn", "facebook", "instagram")]
    amount, currency = money(raw.get("value"))
    if currency is not None and (raw.get("currency") or currency).upper() != currency:
        amount = None  # the text names another currency
    close = crm_date(raw.get("expectedCloseDate"))
    is_open = (raw.get("stage") or "").lower() not in {"won", "lost"}
    due_times = [
        crm_date(a.get("dueDate")) for a in raw.get("crmActivities") or [] if not a.get("completed")
    ]
    moments = sorted((begin(d, zone), end(d, zone)) for d in due_times if d is not None)
    row: FieldValues = {
        "id": raw["ID"], "lead_id": lead, "agent_id": agent, "name": text(raw.get("userName")),
        "company": text(raw.get("userCompany")), "email": text(raw.get("userEmail")),
        "phone": text(raw.get("userPhone")), "country": text(raw.get("countryCode")),
        "language": text(raw.get("language")), "links": [x for x in map(text, links) if x],
        "title": text(raw.get("title")), "summary": text(raw.get("summary")),
        "notes": text(raw.get("notes")),
        "preview": text(raw.get("lastMessage")) or text(raw.get("summary")),
        "tags": [t for t in map(text, raw.get("tags") or []) if t],
        "rating": raw.get("ratingFrom5"), "end_reason": text(raw.get("endReason")),
        "channel": text(raw.get("origin")), "source": text(raw.get("source")),
        "campaign": text(raw.get("campaignId")), "model": text(usage.get("lastTurnModelId")),
        "stage": text(raw.get("stage")), "label": text(raw.get("hotLabel")),
        "score": raw.get("leadScore") or None, "value": amount,
        "currency": (raw.get("currency") or "").upper() or currency,
        "value_text": raw.get("value") if amount is None else None,
        "expected_close": close and begin(close, zone), "lost_reason": text(raw.get("lostReason")),
        "demo": demo(raw, zone), "stale": bool(alerts.get("staleLead")),
        "next_due": min((b for b, e in moments if e > now), default=None),
        "overdue_activity": any(e <= now for _, e in moments)
        if moments
        else bool(alerts.get("overdueActivity")),
        "overdue_close": is_open
        and (bool(alerts.get("overdueECD")) if close is None else end(close, zone) <= now),
        "funnel_step": [t for t in map(text, raw.get("funnelStepsMatched") or []) if t],
        "created": first or ts or last, "last_activity": ts or last or first,
        "viewed": moment(raw.get("lastViewed")), "state": text(raw.get("state")),
        "waiting_since": newest.get("requestedAt")
        if raw.get("state") == "requested_chat" and not newest.get("acceptedAt")
        else None,
        "assignee": next((n for n in names if n), None), "assignees": [n for n in names if n],
        "assignment": assigned.get("status"),
        "team": text(raw.get("requestedTeamKey") or newest.get("requestedTeamKey")),
        "handoffs": len(history) or None,
        "pickup_seconds": span(newest.get("requestedAt"), newest.get("acceptedAt")),
        "reply_seconds": span(newest.get("requestedAt"), moment(raw.get("humanLastRepliedAt"))),
        "handling_seconds": span(newest.get("acceptedAt"), newest.get("completedAt")),
        "accepted_by": text(newest.get("acceptedBy")), "messages": raw.get("messagesNum"),
        "duration_seconds": span(first, last), "tokens": usage.get("cumulativeTotalTokens"),
        "ai_usd": usage.get("cumulativeUsd"), "call_seconds": call.get("callDuration"),
        "call_status": text(call.get("callStatus")), "call_error": text(call.get("callError")),
        "call_usd": call.get("cost"), "test": bool(raw.get("isTest")),
        "blocked": bool(raw.get("isBlocked")),
    }  # fmt: skip
    for source in (raw.get("funnelExtractedData") or {}, raw.get("capturedVariables") or {}):
        for name, value in source.items():
            if data_text(value):
                row[f"data.{fold(name)}"] = data_text(value)
    return {k: v for k, v in row.items() if v is not None and v not in ([], "")}


def lead_of(rows: Sequence[FieldValues], lead: str, *, hot_from: float) -> FieldValues:
    """The merged values of a person, from those of the conversations, newest first."""
    row: FieldValues = {}
    for older in reversed(rows):
        row |= {k: v for k, v in older.items() if k not in {"value", "value_text", "currency"}}
    for name in ("messages", "tokens", "ai_usd", "call_usd", "call_seconds", "handoffs"):
        if name in row:
            row[name] = sum(r.get(name, 0) for r in rows)
    for name in ("tags", "funnel_step", "links"):
        items = [item for r in rows for item in r.get(name, [])]
        row[name] = list({fold(item): item for item in reversed(items)}.values())[::-1]
    row["channels"] = list({fold(r["channel"]): 0 for r in rows if "channel" in r})
    if any("created" in r for r in rows):
        row["created"] = min(r["created"] for r in rows if "created" in r)
    for name in ("stale", "overdue_activity", "overdue_close"):
        row[name] = any(r[name] for r in rows)
    due_times = [r["next_due"] for r in rows if "next_due" in r]
    row["next_due"] = min(due_times, default=None)
    row["waiting"] = any(r.get("state") == "requested_chat" for r in rows)
    row["conversations"], row["lead_id"] = len(rows), lead
    hot = fold(row["label"]) == "hot" if "label" in row else row.get("score", -1) >= hot_from
    row["hot"] = hot and row.get("stage", "").lower() not in {"won", "lost"}
    for name in ("id", "test", "blocked"):
        row.pop(name, None)
    return {k: v for k, v in row.items() if v is not None and v != []}


def holds(row: FieldValues, field: str, operator: str, operands: Sequence[Any]) -> bool:
    """Whether a row meets a condition. A time's operand is a pair: from, and up to."""
    value = row.get("assignees") if field == "assignee" else row.get(field)
    known = value is not None or (field == "value" and "value_text" in row)
    if operator in {"exists", "missing"}:
        return known == (operator == "exists")
    if operator.startswith("!"):
        positive = "=" if operator == "!=" else "~"
        return not (value is not None and any(fits(value, positive, o, field) for o in operands))
    return value is not None and any(fits(value, operator, o, field) for o in operands)


def fits(value: Any, operator: str, operand: Any, field: str) -> bool:  # noqa: PLR0911
    """Whether a known value fits one alternative."""
    if isinstance(value, list):
        if operator == "=":
            return any(fold(item) == fold(operand) for item in value)
        return has_words(" ; ".join(value), operand)
    if isinstance(value, datetime):
        first, after = operand
        compared: dict[str, bool] = {">=": value >= first, "<": value < first, ">": value >= after}
        compared |= {"<=": value < after, "=": first <= value < after}
        return bool(compared[operator])
    if field.startswith("data.") and operator in _ORDER:
        left, right = number(value), operand if operator != "=" else number(operand)
        same_text = operator == "=" and fold(value) == fold(operand)
        both = left is not None and right is not None
        return same_text or bool(both and _ORDER[operator](left, right))
    if isinstance(value, str):
        if operator == "~":
            return has_words(value, operand)
        return value == operand if field in _EXACT else fold(value) == fold(operand)
    return bool(_ORDER[operator](value, operand))


_EXACT = {"id", "lead_id", "agent_id"}
_ORDER: dict[str, Callable[[Any, Any], Any]] = {
    "=": lambda a, b: a == b, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b, "<=": lambda a, b: a <= b,
}  # fmt: skip


def fold(value: str) -> str:
    """Without case and accents."""
    plain = unicodedata.normalize("NFKD", value.strip()).casefold()
    plain = "".join(c for c in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(c))
    return plain.replace("ł", "l")


def has_words(value: str, wanted: str) -> bool:
    """Whether every word of `wanted` begins a word of `value`."""
    value_words = split(value)
    wanted_words = split(wanted)
    return bool(wanted_words) and all(
        any(w.startswith(a) for w in value_words) for a in wanted_words
    )


def split(value: str) -> list[str]:
    """The words, each ideograph by itself."""
    spaced = "".join(c if c.isalnum() else " " for c in fold(value))
    return re.sub("([\u4e00-\u9fff])", r" \1 ", spaced).split()


def text(value: Any) -> str | None:
    """A text without outer blanks, if something is left."""
    return (value or "").strip() or None


def moment(value: Any) -> datetime | None:
    """Unix seconds."""
    return None if value is None else datetime.fromtimestamp(value, UTC)


def span(first: datetime | None, last: datetime | None) -> int | None:
    """Seconds between two times in order."""
    return int((last - first).total_seconds()) if first and last and last >= first else None


def crm_date(value: str | None) -> date | datetime | None:
    """A day, or a moment."""
    try:
        found = datetime.fromisoformat((value or "").strip())
    except ValueError:
        return None
    return found if found.tzinfo else found.date()


def begin(value: date | datetime, zone: tzinfo) -> datetime:
    """When a day or moment begins."""
    return value if isinstance(value, datetime) else datetime.combine(value, time(), zone)


def end(value: date | datetime, zone: tzinfo) -> datetime:
    """The first second at which a day or moment is over."""
    if isinstance(value, datetime):
        return value + SECOND
    return datetime.combine(value + timedelta(days=1), time(), zone)


def demo(raw: FieldValues, zone: tzinfo) -> datetime | None:
    """The date and time of a demo."""
    day = crm_date(raw.get("demoDate"))
    clock = {"14:30": time(14, 30), "9am": time(9)}.get(raw.get("demoTime", ""), time())
    if day is None or isinstance(day, datetime):
        return day
    return datetime.combine(day, clock, zone)


def money(value: Any) -> tuple[float | None, str | None]:
    """The few values that the tests' rows have."""
    if isinstance(value, str):
        return {"$5k": (5000.0, None), "1 200 €": (1200.0, "EUR")}.get(value, (None, None))
    return value, None


def data_text(value: Any) -> str | None:
    """A captured value as text."""
    if isinstance(value, list):
        return ", ".join(value)
    if isinstance(value, bool):
        return str(value).lower()
    return None if value is None else text(str(value))


def number(value: str) -> float | None:
    """The numbers that the tests' rows and conditions have."""
    try:
        return float(value.lower().replace(",", "").replace("k", "e3"))
    except ValueError:
        return None
