"""The content of a row: unusual values are kept, a row that cannot be read is quarantined."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convocore_mcp.api import wire
from convocore_mcp.api.conversation_record import ConversationRecord
from convocore_mcp.api.parsing.json_body import parse_json
from convocore_mcp.models import Conversation, Quarantined
from convocore_mcp.sandbox import Dialect, Sandbox

from .api_client import all_pages_of_client, api_client

BOTH_DIALECTS = pytest.mark.parametrize("dialect", ["cursor", "page"])
NOON = datetime(2026, 8, 1, 12, tzinfo=UTC)
SECONDS = int(NOON.timestamp())


def parse(**fields: Any) -> Conversation:
    """A row that must be readable."""
    row = wire.parse_conversation({"ID": "c1"} | fields, "agent")
    assert isinstance(row, Conversation), row
    return row


def quarantined(raw: object) -> Quarantined:
    row = wire.parse_conversation(raw, "agent")
    assert isinstance(row, Quarantined)
    return row


def record_of(**fields: Any) -> dict[str, Any]:
    """The record of a row."""
    record: dict[str, Any] = json.loads(parse(**fields).record)
    return record


@BOTH_DIALECTS
async def test_only_the_broken_rows_of_a_page_are_quarantined(dialect: Dialect) -> None:
    """Promised by docs/architecture.md, "Reading Convocore".

    A broken row is quarantined, the page goes on.
    """
    sandbox = Sandbox(size=0, dialect=dialect)
    good = [{"ID": f"good{n}", "ts": SECONDS - n} for n in range(150)]
    bad: list[Any] = [
        "a string", None, 7, [], {"no": "ID"}, {"ID": None}, {"ID": ""}, {"ID": ["x"]},
        {"ID": {}}, {"ID": True}, {"ID": "x" * 300}, {"ID": 1.5},
    ]  # fmt: skip
    rows = [*good[:3], *bad, *good[3:100], *bad[:4], *good[100:]]
    sandbox.replace(rows)
    async with api_client(sandbox) as client:
        pages = await all_pages_of_client(client, sandbox)

    assert {row.id for page in pages for row in page.rows} == {row["ID"] for row in good}
    reasons = {bad.raw: bad.reason for page in pages for bad in page.quarantined}
    assert {json.dumps(json.loads(raw)) for raw in reasons} == {json.dumps(row) for row in bad}
    assert all(reasons.values())
    assert all(page.certain for page in pages)


def test_the_reason_for_a_quarantine_names_the_field() -> None:
    """Promised by docs/architecture.md, "Reading Convocore".

    A quarantined row is kept with its reason.
    """
    assert "ID" in quarantined({}).reason
    assert "ID: Value error, should have 1 to 240" in quarantined({"ID": "c" * 241}).reason


def test_unknown_fields_stages_and_states_are_kept_unchanged() -> None:
    """Promised by docs/upstream.md, "The list endpoint": new fields and values appear."""
    row = parse(stage="onboarding", state="queued", hotLabel="boiling", tagsV2=["a"])
    record = json.loads(row.record)

    assert (row.stage, row.state, row.label) == ("onboarding", "queued", "boiling")
    assert record["tagsV2"] == ["a"]
    assert record_of(vapi={"cost": 1, "newThing": {"x": None}})["vapi"]["newThing"] == {"x": None}


@pytest.mark.parametrize(
    "ts",
    [
        SECONDS, float(SECONDS), str(SECONDS), f" {SECONDS} ", SECONDS * 1000,
        str(SECONDS * 1000), SECONDS * 1_000_000, "2026-08-01T12:00:00Z",
        "2026-08-01T14:00:00+02:00", "2026-08-01T12:00:00",
    ],
)  # fmt: skip
def test_times_are_read_from_seconds_milliseconds_and_text(ts: object) -> None:
    """Promised by docs/upstream.md, "The list endpoint": seconds, milliseconds, or strings."""
    assert parse(ts=ts).last_activity == NOON


def test_zero_is_an_unknown_time_and_nonsense_is_dropped() -> None:
    """Ours: zero and empty text mean unknown; nothing else is turned into a time by force."""
    unknown: list[Any] = [0, "", None, [], {}, "0001-01-01T00:00:00Z"]
    for value in unknown:
        assert (parse(ts=value).last_activity, parse(ts=value).dropped) == (None, ())
    assert parse(ts=None, lastMessageTS=SECONDS).last_activity == NOON
    invalid: list[Any] = [
        -5, 1e30, 10**310, "soon", True, [1], float("inf"), "9" * 400, "1969-12-31",
        "9999-12-31T23:59:59-14:00",
    ]  # fmt: skip
    for value in invalid:
        assert (parse(ts=value).last_activity, parse(ts=value).dropped) == (None, ("ts",))


def test_a_date_that_is_free_text_stays_unchanged() -> None:
    """Promised by docs/upstream.md, "The list endpoint": activity dates are string or number."""
    assert record_of(lastActivityDate="next Tuesday")["last_activity_date"] == "next Tuesday"
    assert record_of(lastActivityDate=SECONDS)["last_activity_date"] == "2026-08-01T12:00:00Z"


def test_the_day_of_an_activity_stays_a_day() -> None:
    """Ours: a day without a time is a day of the reader's time zone and no moment in UTC."""
    days = {"date": "2026-08-01", "dueDate": " 20260802 "}
    times = {"date": SECONDS, "dueDate": "2026-08-01T12:00:00+00:00"}

    activities = record_of(crmActivities=[days, times])["crm_activities"]

    assert [(a["date"], a["due_date"]) for a in activities] == [
        ("2026-08-01", "20260802"),
        ("2026-08-01T12:00:00Z", "2026-08-01T12:00:00Z"),
    ]


@pytest.mark.parametrize(
    ("raw", "value"), [("5", 5), (" 5.5 ", 5.5), ("-3", -3), (5, 5), ("1e3", 1000)]
)
def test_numbers_are_read_from_text_without_loss(raw: object, value: float) -> None:
    """Ours: `"5"` is 5, but `"abc"` is an error and not 0."""
    assert parse(hotScore=raw, leadScore=raw, funnelLastEvaluated=1).score == value


def test_an_amount_stays_as_somebody_entered_it() -> None:
    """Promised by docs/upstream.md, "The list endpoint": `value` is a number or any text."""
    assert [parse(value=v).value for v in ("12,500.50", "$5k", "abc", 7)] == [
        "12,500.50", "$5k", "abc", 7,
    ]  # fmt: skip


def test_a_score_of_zero_without_an_evaluation_is_no_score() -> None:
    """Promised by docs/upstream.md, "The list endpoint": 0 without history means not scored."""
    assert parse(leadScore=0).score is None
    assert parse(leadScore=0, funnelLastEvaluated=SECONDS).score == 0
    assert parse(leadScore=0, funnelScoreHistory=[{"newScore": 0}]).score == 0


def test_json_with_lone_surrogates_or_nan_is_read() -> None:
    """Ours: JavaScript can cut an emoji in half, and Python can write NaN."""
    body = (
        b'{"success":true,"data":[{"ID":"c1","lastMessage":"see you \\ud83d","x\\udc00":1},'
        b'{"ID":"c2","capturedVariables":{"n":NaN,"i":Infinity}},{"ID":"c3","userName":"a\\u0000b"}]}'
    )
    rows = wire.parse_list_response(body, "agent", NOON).page.rows

    assert rows[0].last_message == "see you \ufffd"
    assert json.loads(rows[0].record)["x\ufffd"] == 1
    assert json.loads(rows[1].record)["captured_variables"] == {"n": None, "i": None}
    assert rows[2].name == "ab"


SURROGATES = (chr(0xD83D), chr(0xDE00))
FRAGMENTS = st.sampled_from(["\\", '"', "u", "d83d", *SURROGATES, "\n", "😀", "ü", "n"])


@given(st.lists(FRAGMENTS).map("".join), st.booleans())
def test_only_lone_surrogates_are_replaced(text: str, escaped: bool) -> None:
    """Ours: escaped or not, and also next to other backslashes."""
    body = json.dumps([text], ensure_ascii=escaped).encode("utf-8", "surrogatepass")
    repaired = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if escaped:  # two surrogates in a row are one character
        assert parse_json(body) == [repaired]
    else:
        assert parse_json(body) == ["".join("\ufffd" if c in SURROGATES else c for c in text)]


def test_waiting_starts_with_the_newest_handoff_request_that_is_open() -> None:
    """Promised by docs/upstream.md, "What scores mean".

    `handoffHistory[-1]` without `acceptedAt`.
    """
    requested = {"requestedAt": SECONDS}
    assert parse(state="requested_chat", handoffHistory=[requested]).waiting_since == NOON
    assert parse(state="ended_chat", handoffHistory=[requested]).waiting_since is None
    accepted = requested | {"acceptedAt": SECONDS}
    assert parse(state="requested_chat", handoffHistory=[requested, accepted]).waiting_since is None


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None, exclude_categories=())),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.sampled_from(
    [
        field.validation_alias or field.alias or name
        for name, field in ConversationRecord.model_fields.items()
    ]
)


@given(st.dictionaries(FIELDS, JSON, max_size=8))
def test_any_row_is_either_read_or_quarantined(fields: dict[str, Any]) -> None:
    """Promised by docs/architecture.md, "Reading Convocore".

    No row ends a page; what is kept is valid JSON and text.
    """
    body = json.dumps({"data": [fields, {"ID": "good"} | fields, {"ID": "last"}]}).encode()
    page = wire.parse_list_response(body, "agent", NOON).page

    assert len(page.rows) + len(page.quarantined) == 3
    assert page.rows[-1].id == "last"
    for text in (*(row.record for row in page.rows), *(bad.raw for bad in page.quarantined)):
        json.loads(text.encode())
