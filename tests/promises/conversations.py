"""The few conversations that the tests of this folder ask about, some with odd values."""

from datetime import UTC, datetime, timedelta
from typing import Any

from convocore_mcp.sandbox import Sandbox

ZONE = "Europe/Berlin"
NOW = datetime.now(UTC).replace(microsecond=0)
Row = dict[str, Any]


def ago(**span: float) -> int:
    """Unix seconds before now."""
    return int((NOW - timedelta(**span)).timestamp())


def in_days(days: int) -> str:
    """A day of the CRM."""
    return (NOW + timedelta(days=days)).date().isoformat()


ROWS: tuple[Row, ...] = (
    {"ID": "ann-1", "contactIdentityId": "ann", "userName": "Ann Lee", "userCompany": "Acme GmbH",
     "userEmail": "ann@acme.example", "origin": "whatsapp", "stage": "negotiation",
     "leadScore": 80, "funnelLastEvaluated": ago(days=1), "value": 12000, "currency": "EUR",
     "tags": ["vip", "a|b"], "capturedVariables": {"budget": "25k"}, "messagesNum": 5,
     "expectedCloseDate": in_days(20), "language": "de", "ts": ago(hours=1)},
    {"ID": "ann-2", "contactIdentityId": "ann", "userName": "Ann Lee", "origin": "web-chat",
     "stage": "new", "tags": ["beta"], "messagesNum": 3, "ts": ago(days=3)},
    {"ID": "bo-1", "contactIdentityId": "bo", "userName": "Bo Ek", "userCompany": "Foo AB",
     "origin": "phone", "stage": "won", "hotLabel": "hot", "value": "$5k", "messagesNum": 2,
     "assignedTo": {"name": "Tom Berg", "email": "tom@team.example", "userId": "u7"},
     "ts": ago(days=2)},
    {"ID": "cy-1", "contactIdentityId": "cy", "userName": "Cy Ünal", "origin": "whatsapp",
     "state": "requested_chat", "stage": "Proposal", "hotLabel": "hot", "value": "soon",
     "handoffHistory": [{"requestedAt": ago(hours=2)}], "source": "Größe M", "messagesNum": 7,
     "capturedVariables": {"budget": 9000}, "ts": ago(hours=2)},
    {"ID": "di-1", "contactIdentityId": "di", "userName": "Di Óg", "origin": "instagram",
     "leadScore": 40, "funnelLastEvaluated": ago(days=9), "notes": "asks for refunds",
     "crmActivities": [{"type": "Call", "title": "Call back", "dueDate": in_days(-5)}],
     "messagesNum": 1, "ts": ago(days=9)},
    {"ID": "test-1", "userName": "Test Er", "isTest": True, "stage": "new", "ts": ago(days=1)},
    {"ID": "spam-1", "userName": "Spam Er", "isBlocked": True, "stage": "new", "ts": ago(days=1)},
    {"ID": "nobody-1", "origin": "web-chat", "lastMessage": "hello", "messagesNum": 1,
     "ts": ago(days=4)},
)  # fmt: skip
LEADS = ("ann", "di", "cy", "bo")
"""By score, which is the usual order: 80, 40, and two without one, of which Cy wrote last."""


def sandbox_of(rows: tuple[Row, ...] | list[Row] = ROWS, **options: Any) -> Sandbox:
    """A sandbox with these conversations alone."""
    sandbox = Sandbox(size=0, **options)
    sandbox.replace(list(rows))
    return sandbox
