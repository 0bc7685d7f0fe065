"""Random rows as Convocore sends them, from few values, so that many are equal or nearly so."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

NOW = datetime(2026, 7, 19, 22, 11, 3, tzinfo=UTC)
RawRow = dict[str, Any]


def _seconds(**before: float) -> int:
    return int((NOW - timedelta(**before)).timestamp())


_MOMENTS = st.sampled_from(
    [_seconds(hours=h) for h in (0, 1, 2, 21, 22, 23, 24 * 3, 24 * 40)] + [_seconds(hours=-30)]
)
_TEXTS = st.sampled_from(
    [
        "Refund for Zoë",
        "the refunds, please",
        "ZOE's O'Brien-Straße",
        "東京 demo",
        "50% off_now",
        "",
    ]
)
_WORDS = st.sampled_from(["Won", "won", "Größe M", "grosse m", "web-chat", "Web Chat", "x", " "])
_DAYS = st.sampled_from(
    ["2026-07-18", "2026-07-19", "2026-07-20", "20260721", "2026-07-19T21:30:00Z", "soon", ""]
)
_NUMBERS = st.sampled_from([0, 1, 50, 75, 99.5, 10000])
_NAMES = st.sampled_from([None, "Zoë Ünal", "zoe unal", "Bob O'Brien", "Łukasz", "Иван Петров"])
_DATA_NAMES = st.sampled_from(["budget", "Budget Größe", 'a "quoted" \\ name', "$.x", "größe"])
_DATA_VALUES = st.sampled_from(
    [None, "", "25k", "15,000", "12000", 12000, 7.5, True, "Red wine", "réd", ["a", "b"], "zoë"]
)
_handoffs = st.fixed_dictionaries(
    {},
    optional={
        "requestedAt": _MOMENTS,
        "acceptedAt": _MOMENTS,
        "completedAt": _MOMENTS,
        "acceptedBy": _WORDS,
        "requestedTeamKey": _WORDS,
    },
)
_activities = st.fixed_dictionaries(
    {"type": st.just("Call")}, optional={"dueDate": _DAYS, "completed": st.booleans()}
)
_assignments = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["Ana Kovač", "Tom"]),
        "email": st.sampled_from(["ana@x.example", "TOM@x.example"]),
        "userId": st.sampled_from(["u1", "u2"]),
        "status": st.sampled_from(["pending", "accepted", "done"]),
    },
)
_calls = st.fixed_dictionaries(
    {},
    optional={
        "cost": _NUMBERS,
        "callDuration": _NUMBERS,
        "callStatus": _WORDS,
        "callError": _WORDS,
    },
)
_usages = st.fixed_dictionaries(
    {},
    optional={
        "cumulativeTotalTokens": st.sampled_from([0, 10, 500]),
        "cumulativeUsd": st.sampled_from([0, 0.25, 2.5]),
        "lastTurnModelId": st.sampled_from(["gpt-5-mini", "GPT-5-mini", "gemini"]),
    },
)
raw_rows = st.fixed_dictionaries(
    {"ID": st.sampled_from([f"c{n}" for n in range(12)] + ["ç13"])},
    optional={
        "contactIdentityId": st.sampled_from(["i1", "i2"]),
        "userName": _NAMES,
        "userCompany": _NAMES,
        "userEmail": st.sampled_from(["ann@x.example", "BOB@x.example", "n/a"]),
        "userPhone": st.sampled_from(["+49 151 29260773", "12345"]),
        "countryCode": st.sampled_from(["DE", "de", "US"]),
        "language": st.sampled_from(["de", "EN"]),
        "linkedIn": st.sampled_from(["https://x.example/Ann", ""]),
        "instagram": st.just("@zoë"),
        "title": _TEXTS,
        "summary": _TEXTS,
        "notes": _TEXTS,
        "lastMessage": _TEXTS,
        "tags": st.lists(st.sampled_from(["vip", "VIP", "Größe M", "red wine"]), max_size=3),
        "ratingFrom5": st.sampled_from([1, 4.5, 5]),
        "endReason": _WORDS,
        "origin": st.sampled_from(["whatsapp", "WhatsApp", "web-chat"]),
        "source": _WORDS,
        "campaignId": _WORDS,
        "tokenUsage": _usages,
        "stage": st.sampled_from(["new", "won", "Lost", "demo_req"]),
        "hotLabel": st.sampled_from(["hot", "HOT", "warm"]),
        "leadScore": _NUMBERS,
        "value": st.sampled_from([0, 500, 10000.5, "$5k", "soon", "1 200 €"]),
        "currency": st.sampled_from(["eur", "USD"]),
        "expectedCloseDate": _DAYS,
        "lostReason": _WORDS,
        "demoDate": _DAYS,
        "demoTime": st.sampled_from(["14:30", "9am", "later"]),
        "crmActivities": st.lists(_activities, max_size=3),
        "crmAlerts": st.fixed_dictionaries(
            {},
            optional={
                "overdueECD": st.booleans(),
                "overdueActivity": st.booleans(),
                "staleLead": st.booleans(),
            },
        ),
        "funnelStepsMatched": st.lists(
            st.sampled_from(["step_need", "Step_Need", "x"]), max_size=2
        ),
        "firstMessageTS": _MOMENTS,
        "lastMessageTS": _MOMENTS,
        "ts": _MOMENTS,
        "lastViewed": _MOMENTS,
        "humanLastRepliedAt": _MOMENTS,
        "state": st.sampled_from(["requested_chat", "ai-chatting", "human-chatting"]),
        "assignedTo": _assignments,
        "chatAssignedTo": st.sampled_from(["u9", "ana@x.example"]),
        "requestedTeamKey": _WORDS,
        "handoffHistory": st.lists(_handoffs, max_size=2),
        "messagesNum": st.sampled_from([0, 1, 7]),
        "vapi": _calls,
        "capturedVariables": st.dictionaries(_DATA_NAMES, _DATA_VALUES, max_size=3),
        "funnelExtractedData": st.dictionaries(_DATA_NAMES, _DATA_VALUES, max_size=3),
        "isTest": st.sampled_from([False, False, True]),
        "isBlocked": st.sampled_from([False, False, True]),
    },
)
lists_of_raw_rows = st.lists(raw_rows, min_size=1, max_size=10, unique_by=lambda row: row["ID"])
