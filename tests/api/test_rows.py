"""What stands in a row: odd things are kept, impossible ones set aside, the rest goes on."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convocore_mcp.api import wire
from convocore_mcp.api.conversation_record import ConversationRecord
from convocore_mcp.models import Conversation, Quarantined
from convocore_mcp.sandbox import Dialect, Sandbox

from .api_client import all_pages_of_client, api_client

BOTH = pytest.mark.parametrize("dialect", ["cursor", "page"])
NOON = datetime(2026, 8, 1, 12, tzinfo=UTC)
SECONDS = int(NOON.timestamp())


def read(**fields: Any) -> Conversation:
    """One row, which must be readable."""
    row = wire.conversation({"ID": "c1"} | fields, "agent")
    assert isinstance(row, Conversation), row
    return row


def refused(raw: object) -> Quarantined:
    row = wire.conversation(raw, "agent")
    assert isinstance(row, Quarantined)
    return row


def kept(**fields: Any) -> dict[str, Any]:
    """The record of a row."""
    record: dict[str, Any] = json.loads(read(**fields).record)
    return record


@BOTH
async def test_broken_rows_are_set_aside_one_by_one(dialect: Dialect) -> None:
    """Promised by design.md: quarantined raw with the reason, never the end of the page."""
    sandbox = Sandbox(size=0, dialect=dialect)
    good = [{"ID": f"good{n}", "ts": SECONDS - n} for n in range(150)]
    bad: list[Any] = [
        "a string", None, 7, [], {"no": "ID"}, {"ID": None}, {"ID": ""}, {"ID": ["x"]},
        {"ID": "bad1", "ts": "soon"}, {"ID": "bad2", "leadScore": "abc"},
        {"ID": "bad3", "tags": "vip"}, {"ID": "bad4", "messagesNum": True},
        {"ID": "bad5", "handoffHistory": [{"requestedAt": {}}]},
    ]  # fmt: skip
    rows = [*good[:3], *bad, *good[3:100], *bad[:4], *good[100:]]
    sandbox.replace(rows)
    async with api_client(sandbox) as client:
        pages = await all_pages_of_client(client, sandbox)

    assert {row.id for page in pages for row in page.rows} == {row["ID"] for row in good}
    aside = {bad.raw: bad.reason for page in pages for bad in page.quarantined}
    assert {json.dumps(json.loads(raw)) for raw in aside} == {json.dumps(row) for row in bad}
    assert all(aside.values())
    assert all(page.certain for page in pages)


def test_the_reason_names_the_field() -> None:
    """Promised by design.md: a quarantined row is kept with its reason."""
    assert "leadScore" in refused({"ID": "c", "leadScore": "abc"}).reason
    assert "finite" in refused({"ID": "c", "hotScore": float("nan")}).reason
    assert (
        "handoffHistory.0.requestedAt"
        in refused({"ID": "c", "handoffHistory": [{"requestedAt": "x"}]}).reason
    )
    assert "ID" in refused({}).reason


def test_unknown_fields_stages_and_states_are_kept() -> None:
    """Promised by design.md: what Convocore adds stays as it came."""
    row = read(stage="onboarding", state="queued", hotLabel="boiling", tagsV2=["a"])
    record = json.loads(row.record)

    assert (row.stage, row.state, row.label) == ("onboarding", "queued", "boiling")
    assert record["tagsV2"] == ["a"]
    assert kept(vapi={"cost": 1, "newThing": {"x": None}})["vapi"]["newThing"] == {"x": None}


@pytest.mark.parametrize(
    "ts",
    [
        SECONDS, float(SECONDS), str(SECONDS), f" {SECONDS} ", SECONDS * 1000,
        str(SECONDS * 1000), SECONDS * 1_000_000, "2026-08-01T12:00:00Z",
        "2026-08-01T14:00:00+02:00", "2026-08-01T12:00:00",
    ],
)  # fmt: skip
def test_times_come_in_seconds_milliseconds_and_words(ts: object) -> None:
    """Promised by upstream: live rows have seconds, webhooks milliseconds, some are strings."""
    assert read(ts=ts).last_activity == NOON


def test_what_is_nobodys_time_is_unknown_or_an_error() -> None:
    """Ours: zero and nothing mean unknown; nonsense is not bent into a time."""
    assert read(ts=0).last_activity is None
    assert read(ts="").last_activity is None
    assert read(ts=None, lastMessageTS=SECONDS).last_activity == NOON
    odd: list[Any] = [-5, 1e30, "soon", True, [], float("inf")]
    for wrong in odd:
        assert "ts" in refused({"ID": "c", "ts": wrong}).reason


def test_dates_that_people_typed_stay_as_they_are() -> None:
    """Promised by upstream: activity dates are string or number."""
    assert kept(lastActivityDate="next Tuesday")["last_activity_date"] == "next Tuesday"
    assert kept(lastActivityDate=SECONDS)["last_activity_date"] == "2026-08-01T12:00:00Z"


@pytest.mark.parametrize(
    ("raw", "value"), [("5", 5), (" 5.5 ", 5.5), ("-3", -3), (5, 5), ("1e3", 1000)]
)
def test_numbers_come_as_text_without_loss(raw: object, value: float) -> None:
    """Promised by design.md: `"5"` is 5, `"abc"` is not 0."""
    assert read(hotScore=raw, leadScore=raw, funnelLastEvaluated=1).score == value


def test_values_stay_as_somebody_entered_them() -> None:
    """Promised by upstream: "12,500.50", "$5k" and "abc" all occur; never guess."""
    assert [read(value=v).value for v in ("12,500.50", "$5k", "abc", 7)] == [
        "12,500.50", "$5k", "abc", 7,
    ]  # fmt: skip


def test_a_score_of_zero_that_nobody_gave_is_no_score() -> None:
    """Promised by upstream: 0 without history and evaluation means not scored."""
    assert read(leadScore=0).score is None
    assert read(leadScore=0, funnelLastEvaluated=SECONDS).score == 0
    assert read(leadScore=0, funnelScoreHistory=[{"newScore": 0}]).score == 0


def test_what_is_not_json_by_the_book_is_read_all_the_same() -> None:
    """Promised by issue 2: half an emoji and NaN are valid enough for those who send them."""
    body = (
        b'{"success":true,"data":[{"ID":"c1","lastMessage":"see you \\ud83d","x\\udc00":1},'
        b'{"ID":"c2","capturedVariables":{"n":NaN,"i":Infinity}},{"ID":"c3","userName":"a\\u0000b"}]}'
    )
    rows = wire.reply(body, "agent", NOON).page.rows

    assert rows[0].last_message == "see you \ufffd"
    assert json.loads(rows[0].record)["x\ufffd"] == 1
    assert json.loads(rows[1].record)["captured_variables"] == {"n": None, "i": None}
    assert rows[2].name == "ab"


HALVES = (chr(0xD83D), chr(0xDE00))
PIECES = st.sampled_from(["\\", '"', "u", "d83d", *HALVES, "\n", "😀", "ü", "n"])


@given(st.lists(PIECES).map("".join), st.booleans())
def test_half_a_character_is_replaced_and_nothing_else(text: str, escaped: bool) -> None:
    """Ours: escaped or not, beside backslashes that escape something else, or nothing."""
    body = json.dumps([text], ensure_ascii=escaped).encode("utf-8", "surrogatepass")
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if escaped:  # two halves that were written one after the other are one character
        assert wire.decode(body) == [whole]
    else:
        assert wire.decode(body) == ["".join("\ufffd" if c in HALVES else c for c in text)]


def test_waiting_begins_with_the_newest_open_request() -> None:
    """Promised by upstream: `handoffHistory[-1].requestedAt` without `acceptedAt`."""
    asked = {"requestedAt": SECONDS}
    assert read(state="requested_chat", handoffHistory=[asked]).waiting_since == NOON
    assert read(state="ended_chat", handoffHistory=[asked]).waiting_since is None
    taken = asked | {"acceptedAt": SECONDS}
    assert read(state="requested_chat", handoffHistory=[asked, taken]).waiting_since is None


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
def test_a_row_of_anything_is_read_or_set_aside(fields: dict[str, Any]) -> None:
    """Promised by design.md: no row ends a page, and what is kept is valid JSON and valid text."""
    body = json.dumps({"data": [fields, {"ID": "good"} | fields, {"ID": "last"}]}).encode()
    page = wire.reply(body, "agent", NOON).page

    assert len(page.rows) + len(page.quarantined) == 3
    assert page.rows[-1].id == "last"
    for text in (*(row.record for row in page.rows), *(bad.raw for bad in page.quarantined)):
        json.loads(text.encode())
