"""What a list row and its single conversation say together."""

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from convocore_mcp.api import wire
from convocore_mcp.api.parsing.json_body import parse_json
from convocore_mcp.models import Conversation
from convocore_mcp.sandbox import Sandbox
from convocore_mcp.store.details.listed_rows import is_sparse
from convocore_mcp.sync.details.merge_records import merge_details
from convocore_mcp.sync.details.read_fields import read_fields
from tests.details.details_harness import NOW

TS = 1_780_000_000
values: dict[str, st.SearchStrategy[Any]] = {
    "userName": st.sampled_from(["Ann", "Bob", ""]),
    "state": st.sampled_from(["requested_chat", "ended_chat"]),
    "stage": st.sampled_from(["new", "won"]),
    "tags": st.lists(st.sampled_from(["vip", "new"]), max_size=2),
    "value": st.sampled_from([5, "7"]),
    "summary": st.sampled_from(["Asked.", "Bought."]),
    "capturedVariables": st.sampled_from([{"a": 1}, ["b"], "c"]),
    "lastModified": st.sampled_from([TS, TS * 1000, TS + 5]),
}
rows = st.fixed_dictionaries(
    {"ID": st.just("c1"), "ts": st.sampled_from([TS, TS + 60, TS * 1000 + 7])},
    optional=values,
)


def read(raw: dict[str, Any]) -> Conversation:
    row = wire.parse_conversation(parse_json(json.dumps(raw).encode()), "shop")
    assert isinstance(row, Conversation)
    return row


def merged(row: dict[str, Any], single: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(merge_details(read(row), read(single).record).record)
    return found


def seconds(value: float) -> int:
    return int(value / 1000 if value > 10**11 else value)


@given(rows, rows)
def test_the_newer_one_wins_and_the_other_fills_in(
    row: dict[str, Any], single: dict[str, Any]
) -> None:
    """Promised by docs/architecture.md, "Details": by `ts`, then `lastModified`, else the list."""
    record = merged(row, single)
    both = "lastModified" in row and "lastModified" in single
    ages = [
        (seconds(raw["ts"]), seconds(raw["lastModified"]) if both else 0) for raw in (row, single)
    ]
    # An empty field of the row may be one that the list leaves out.
    row = {name: value for name, value in row.items() if value or name not in single}
    winner, other = (single, row) if ages[1] > ages[0] else (row, single)
    for name, key in {"userName": "user_name", "state": "state", "stage": "stage"}.items():
        assert record.get(key) == winner.get(name, other.get(name))
    assert record.get("tags") == winner.get("tags", other.get("tags"))
    assert record.get("captured_variables") == winner.get(
        "capturedVariables", other.get("capturedVariables")
    )


@given(rows, rows)
def test_merging_again_changes_nothing(row: dict[str, Any], single: dict[str, Any]) -> None:
    """Ours: reading the same details twice begins no version."""
    once = merge_details(read(row), read(single).record)
    again = merge_details(once, read(single).record)
    assert json.loads(once.record) == json.loads(again.record)
    assert again.last_activity == once.last_activity


def test_times_keep_their_milliseconds() -> None:
    """Ours: rows are sorted by them."""
    row = read({"ID": "c1", "ts": TS * 1000 + 7})
    made = merge_details(row, read({"ID": "c1", "ts": TS, "state": "ended_chat"}).record)
    assert made.last_activity == row.last_activity == datetime.fromtimestamp(TS + 0.007, UTC)
    assert made.state == "ended_chat"


def test_a_row_that_was_never_scored_does_not_hide_a_score() -> None:
    """Promised by docs/upstream.md, "Rows": 0 without history means "not scored"."""
    unscored = {"ID": "c1", "ts": TS, "leadScore": 0, "funnelScoreHistory": []}
    scored = {"ID": "c1", "ts": TS, "leadScore": 80, "funnelScoreHistory": [{"newScore": 80}]}
    assert merge_details(read(unscored), read(scored).record).score == 80
    assert merge_details(read(unscored), read(unscored).record).score is None
    assert merge_details(read(scored), read(unscored).record).score == 80
    newer = unscored | {"ts": TS + 60}
    assert merge_details(read(scored), read(newer).record).score == 80
    assert merge_details(read(newer), read(scored).record).score == 80


def test_a_sparse_row_and_its_single_conversation_are_the_whole_record() -> None:
    """Ours: merging loses nothing, in no field of the table."""
    sparse = Sandbox(size=120, now=NOW, sparse=True)
    for row in sparse.rows():
        item = sparse.item(row["ID"])
        if item is None:
            continue
        whole = read(item)
        made = merge_details(read(row), whole.record)
        assert is_sparse(read(row))
        assert json.loads(made.record) == json.loads(whole.record)
        # A record has whole seconds.
        assert read_fields(made) | {"created": 0} == read_fields(whole) | {"created": 0}
