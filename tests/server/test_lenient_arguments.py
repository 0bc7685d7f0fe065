"""Arguments are read leniently where their meaning is plain."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convocore_mcp.server.tools.lenient_arguments import read_leniently

SCHEMAS: dict[str, dict[str, Any]] = {
    "limit": {"type": "integer"},
    "min_score": {"type": "number"},
    "explain": {"type": "boolean"},
    "detail": {"type": "string", "enum": ["brief", "full"]},
    "query": {"type": "string"},
    "tag": {"type": "array", "items": {"type": "string"}},
    "label": {"type": "array", "items": {"type": "string", "enum": ["hot", "warm"]}},
}


@pytest.mark.parametrize(
    ("given_arguments", "read"),
    [
        ({"limit": "20"}, {"limit": 20}),
        ({"limit": 10.0}, {"limit": 10}),
        ({"limit": " 10.0 "}, {"limit": 10}),
        ({"min_score": "62.5"}, {"min_score": 62.5}),
        ({"explain": "True"}, {"explain": True}),
        ({"explain": "no"}, {"explain": False}),
        ({"detail": " FULL "}, {"detail": "full"}),
        ({"query": 49170}, {"query": "49170"}),
        ({"tag": "vip"}, {"tag": ["vip"]}),
        ({"tag": '["vip", "beta"]'}, {"tag": ["vip", "beta"]}),
        ({"tag": "[vip"}, {"tag": ["[vip"]}),
        ({"tag": 7}, {"tag": ["7"]}),
        ({"tag": ["a", None, " ", " b "]}, {"tag": ["a", "b"]}),
        ({"tag": "  "}, {}),
        ({"label": "Hot"}, {"label": ["hot"]}),
        ({"limit": None, "tag": None}, {}),
        ({"query": " ann ", "detail": " "}, {"query": "ann"}),
    ],
)
def test_a_plain_meaning_is_read(given_arguments: Any, read: Any) -> None:
    """Promised by docs/contract.md, "Rules for every answer".

    Holds docs/contract.md #lenient.
    """
    assert read_leniently(given_arguments, SCHEMAS) == read


@pytest.mark.parametrize(
    "given_arguments",
    [
        {"limit": "many"}, {"limit": 10.5}, {"explain": "perhaps"}, {"detail": "long"},
        {"label": ["cold-ish"]}, {"unknown": 1}, {"query": {"a": 1}}, {"limit": True},
    ],
)  # fmt: skip
def test_what_has_no_plain_meaning_stays_for_the_schema_to_refuse(given_arguments: Any) -> None:
    """Promised by docs/contract.md, "Rules for every answer": nothing is silently ignored."""
    assert read_leniently(given_arguments, SCHEMAS) == given_arguments


ODD = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(), st.lists, max_leaves=5
)


@given(st.dictionaries(st.sampled_from([*SCHEMAS, "other"]), ODD))
def test_reading_never_fails_and_reading_twice_changes_nothing(arguments: dict[str, Any]) -> None:
    """Ours: a model may send any JSON."""
    once = read_leniently(arguments, SCHEMAS)
    assert repr(read_leniently(once, SCHEMAS)) == repr(once)
    json.dumps(once)
