"""Groups: as many as were asked for, the others together, and nothing counted twice or lost."""

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.promises.conversations import Row, ago, sandbox_of
from tests.tool_client import Answer, ToolClient, connected, text_of

COMPANIES = 60
ROWS: list[Row] = [
    *({"ID": f"c{n}-{i}", "userName": f"P {n} {i}", "userCompany": f"Company {n:02} " + "x" * 90,
       "value": 10, "currency": "EUR", "messagesNum": i, "ts": ago(days=n, hours=i),
       "leadScore": 80 if i else 10, "funnelLastEvaluated": ago(days=n),
       "capturedVariables": {"size": f"{n} " + "y" * 280}}
      for n in range(COMPANIES) for i in range(1 + (n < 5) * (6 - n))),
    {"ID": "none", "userName": "No Company", "ts": ago(hours=1)},
    {"ID": "named-none", "userName": "Odd", "userCompany": "None", "ts": ago(hours=2)},
    {"ID": "named-other", "userName": "Odder", "userCompany": "(other)", "ts": ago(hours=3)},
]  # fmt: skip
SIZES = [7, 6, 5, 4, 3]
"""People of the five largest companies."""


@pytest.fixture(scope="module")
async def grouped() -> AsyncIterator[ToolClient]:
    """A client of a server with these people."""
    async with connected(sandbox_of(ROWS)) as found:
        await found.until_complete()
        yield found


def figure(answer: Answer, name: str) -> int:
    """The sum of a figure over all groups."""
    return sum(group.get(name, 0) for group in answer["groups"])


@pytest.mark.parametrize("of", ["conversations", "leads"])
async def test_only_as_many_groups_are_listed_as_were_asked_for(
    grouped: ToolClient, of: str
) -> None:
    """Promised by docs/contract.md, "Tools": the largest groups, the others under `(other)`.

    Holds docs/contract.md #stats-arguments #largest-groups.
    """
    answer = await grouped.ask("conversation_stats", of=of, group_by="company", limit=5)
    *groups, other = answer["groups"]
    assert [group[of] for group in groups] == SIZES
    assert [group["company"][:10] for group in groups] == [f"Company {n:02}" for n in range(5)]
    assert other["company"] == "(other)"
    assert answer["groups_total"] == COMPANIES + 3
    assert figure(answer, of) == answer["totals"][of] == len(ROWS)
    assert "The 5 largest of 63 groups are listed" in answer["freshness"]["notes"][0]
    days = await grouped.ask("conversation_stats", of=of, group_by="day", limit=3)
    listed = [group["day"] for group in days["groups"][:-1]]
    assert listed == sorted(listed)
    assert figure(days, of) == len(ROWS)
    error = await grouped.refused("conversation_stats", group_by="day", limit=101)
    assert "1 to 100" in error["hint"]


async def test_groups_that_do_not_fit_are_added_up_with_the_others(grouped: ToolClient) -> None:
    """Promised by docs/contract.md, "Rules for every answer": at most 30,000 characters.

    Holds docs/contract.md #groups-fit.
    """
    asked: dict[str, Any] = {"group_by": ["company", "data.size"], "measure": ["messages", "value"]}
    result = await grouped.call("conversation_stats", of="leads", **asked)
    answer = await grouped.ask("conversation_stats", of="leads", **asked)
    assert len(text_of(result)) <= 30_000
    assert 20 < len(answer["groups"]) < COMPANIES
    assert answer["groups"][-1]["company"] == answer["groups"][-1]["data.size"] == "(other)"
    assert figure(answer, "leads") == answer["totals"]["leads"]
    sums = Counter[str]()
    for group in answer["groups"]:
        sums.update({"n": group.get("measures", {}).get("messages", {}).get("n", 0)})
    assert sums["n"] == answer["totals"]["measures"]["messages"]["n"]
    first, second = answer["freshness"]["notes"]
    assert first.startswith(f"The {len(answer['groups']) - 1} largest of 63 groups are listed")
    assert second == "More would not fit: an answer has at most 30,000 characters."


async def test_what_has_no_value_is_apart_from_what_is_called_so(grouped: ToolClient) -> None:
    """Promised by docs/contract.md, "Tools": what has no value is under `none`.

    Holds docs/contract.md #group-keys.
    """
    groups = (await grouped.ask("conversation_stats", group_by="company"))["groups"]
    counts = Counter(group["company"] for group in groups)
    assert max(counts.values()) == 1
    assert {'"None"', '"(other)"', "none"} <= counts.keys()
    found = await grouped.ask("list_conversations", where='company="None"')
    assert [row["id"] for row in found["conversations"]] == ["named-none"]


async def test_a_key_stands_before_a_figure_of_the_same_name(grouped: ToolClient) -> None:
    """Promised by docs/contract.md, "Tools": by `hot` the key is `hot`.

    Holds docs/contract.md #flag-keys.
    """
    answer = await grouped.ask("conversation_stats", of="leads", group_by="hot", limit=1)
    assert [group["hot"] for group in answer["groups"]] == [False, "(other)"]
    assert figure(answer, "leads") == answer["totals"]["leads"]
    both = await grouped.ask("conversation_stats", of="leads", group_by="hot")
    assert {group["hot"]: group["leads"] for group in both["groups"]} == {
        True: answer["totals"]["hot"], False: answer["totals"]["leads"] - answer["totals"]["hot"],
    }  # fmt: skip


async def test_keys_that_are_shown_alike_are_noted_as_several() -> None:
    """Promised by docs/contract.md, "Rules for every answer": no list is cut without a number.

    Holds docs/contract.md #group-keys.
    """
    begun = "The visitor asked for a quote and wants to be called. " * 12
    rows: list[Row] = [
        {"ID": f"c{n}", "ts": ago(hours=n + 1), "userName": f"P {n}",
         "summary": f"{begun}Reason {n // 2}." if n < 6 else f"Reason {n}."}
        for n in range(8)
    ]  # fmt: skip
    async with connected(sandbox_of(rows)) as client:
        await client.until_complete()
        answer = await client.ask("conversation_stats", group_by="summary")
        assert sorted(group["conversations"] for group in answer["groups"]) == [1, 1, 2, 2, 2]
        assert answer["freshness"]["notes"] == [
            "3 groups have a key that is shown like another one's: only the whole texts differ."
        ]
        alone = await client.ask("conversation_stats", group_by="summary", query="6|7|0")
        assert "notes" not in alone["freshness"]


@pytest.mark.parametrize("of", ["conversations", "leads"])
@pytest.mark.parametrize(
    ("timezone", "day", "at_one", "hour"),
    [
        ("UTC", "2026-12-05", "2026-12-05T01:00:00Z", "1"),
        ("America/New_York", "2026-12-05", "2026-12-05T01:00:00-05:00", "1"),
        # The clocks change at midnight: the day begins at one o'clock.
        ("Africa/Cairo", "2026-04-24", "2026-04-23T23:00:00+02:00", "23"),
        ("America/Santiago", "2026-09-06", "2026-09-06T01:00:01-03:00", "1"),
    ],
)
async def test_a_date_without_a_time_has_no_hour(
    of: str, timezone: str, day: str, at_one: str, hour: str
) -> None:
    """Promised by docs/contract.md, "Tools": nobody gave a time, so it is under `none`.

    Holds docs/contract.md #time-keys.
    """
    rows: list[Row] = [
        {"ID": "day", "userName": "Ann", "expectedCloseDate": day, "ts": ago(hours=1)},
        {"ID": "again", "userName": "Bea", "expectedCloseDate": day, "ts": ago(hours=2)},
        {"ID": "time", "userName": "Cy", "expectedCloseDate": at_one, "ts": ago(hours=3)},
    ]
    async with connected(sandbox_of(rows), timezone=timezone) as client:
        await client.until_complete()
        asked = {"of": of, "group_by": "hour", "by_time": "expected_close"}
        groups = (await client.ask("conversation_stats", **asked))["groups"]
    assert {group["hour"]: group[of] for group in groups} == {"none": 2, hour: 1}
