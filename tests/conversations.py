"""Conversations for tests: by hand, or at random from few values, so that they share some."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any

from hypothesis import strategies as st

from convocore_mcp.models import Conversation
from convocore_mcp.vocabulary import STAGES, STATES

AGENT = "shop"
NOW = datetime(2026, 7, 19, 22, 11, 3, tzinfo=UTC)


def conversation(id_: str, **fields: Any) -> Conversation:
    """A conversation. Its record changes whenever a field does, as a real one does."""
    made = Conversation(AGENT, id_, **fields)
    without_record = replace(made, record="", lead_id=None)
    digest = blake2b(repr(without_record).encode("utf-8", "replace"), digest_size=8).hexdigest()
    return replace(made, record=made.record or f'{{"id":"x","of":"{digest}"}}')


ids = st.sampled_from(["c1", "c2", "c3", "c4", "c5", "c6", "C6", "ç7", "😀8"])
moments = st.sampled_from([NOW - timedelta(hours=hours) for hours in range(5)])
emails = st.sampled_from(
    [
        "ann@x.example",
        " ANN@X.example",
        "bob@x.example",
        "n/a",
        "eve@y.example",
        "test@test.com",
        "no-reply@x.example",
    ]
)
phones = st.sampled_from(
    [
        "+49 151 29260773",
        "015129260773",
        "4915129260773",
        "+1 415 555 2671",
        "12345",
        "0049-151-29260773",
        "+55 11 98765-4321",
        "551187654321",
        "+266696687",
        "000-000-0000",
    ]
)
scores = st.sampled_from([None, 0.0, 12.5, 74.9, 75.0, 75.1, 99.0, 100.0])
values = st.sampled_from([None, 0, 500, 499.5, "$5k", "1 200 €", "12,500", "soon", "700 USD"])


def _maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


conversations = st.builds(
    conversation,
    ids,
    last_activity=_maybe(moments),
    first_message=_maybe(moments),
    # Two identities are named after conversations.
    identity=_maybe(st.sampled_from(["i1", "i2", "c1", "c2"])),
    name=_maybe(st.sampled_from(["Ann", "ann", "Bob Łukasz", "Zoë"])),
    email=_maybe(emails),
    phone=_maybe(phones),
    company=_maybe(st.sampled_from(["Acme", "Ünal GmbH"])),
    country=st.sampled_from([None, "DE", "US"]),
    tags=st.lists(st.sampled_from(["vip", "VIP", "Straße"]), max_size=2, unique=True).map(tuple),
    channel=_maybe(st.sampled_from(["whatsapp", "WhatsApp", "web-chat"])),
    state=_maybe(st.sampled_from(STATES)),
    stage=_maybe(st.sampled_from([*STAGES[:2], "won", "lost", "Won", " WON "])),
    label=_maybe(st.sampled_from(["hot", "HOT", "warm"])),
    score=scores,
    value=values,
    currency=_maybe(st.sampled_from(["eur", "USD", "US$"])),
    assignees=st.sampled_from([(), ("Lina",)]),
    waiting_since=_maybe(moments),
    alerts=_maybe(st.sampled_from([(), ("overdue_activity",), ("stale_lead", "overdue_ecd")])),
    messages=_maybe(st.integers(0, 5)),
    is_test=st.sampled_from([False] * 5 + [True]),
    is_blocked=st.sampled_from([False] * 5 + [True]),
)
lists_of_conversations = st.lists(conversations, max_size=9, unique_by=lambda c: c.id)
