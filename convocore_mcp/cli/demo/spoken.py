"""Figures and times written for people: plurals, money, ages."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from convocore_mcp.cli.mirror.mirror_status import age_text
from convocore_mcp.server.sanitize import JsonObject
from convocore_mcp.words.counted import counted

UNKNOWN_CURRENCY = "unknown"
"""The key of money without a currency (docs/contract.md, "Rules for every answer")."""


def amount(row: JsonObject) -> str:
    """The value of a deal, or that none is known."""
    if "value" in row:
        currency = row.get("currency")
        return f"{row['value']:,.0f} {currency or '(no currency)'}"
    return "no value yet"


def sums(value: Mapping[str, float], *, limit: int) -> str:
    """Money of the first `limit` currencies, and how many more there are."""
    known = [f"{total:,.0f} {name}" for name, total in value.items() if name != UNKNOWN_CURRENCY]
    parts = known[:limit]
    if len(known) > limit:
        parts.append(counted(len(known) - limit, "more currency", "more currencies"))
    if UNKNOWN_CURRENCY in value:
        parts.append(f"{value[UNKNOWN_CURRENCY]:,.0f} without a currency")
    return ", ".join(parts) or "no value is known"


def ago(text: str | None, now: datetime) -> str:
    """How long ago a time of an answer was."""
    return age_text(datetime.fromisoformat(text), now) if text else ""


def due(text: str | None, now: datetime) -> str:
    """When something is due: `today`, `in 3 days`, `2 days overdue`."""
    if not text:
        return ""
    days = (date.fromisoformat(text[:10]) - now.date()) / timedelta(days=1)
    if days < 0:
        return f"{counted(int(-days), 'day')} overdue"
    return {0: "today", 1: "tomorrow"}.get(int(days), f"in {counted(int(days), 'day')}")


def named(row: JsonObject) -> str:
    """Who a row is about: name and company, else how to reach them."""
    who = row.get("name") or row.get("contact") or "no name yet"
    return f"{who}, {row['company']}" if row.get("company") else str(who)
