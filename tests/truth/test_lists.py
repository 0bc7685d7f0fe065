"""`list_conversations`, compared with the oracle."""

import itertools
from collections import Counter
from collections.abc import Callable
from typing import Any, Literal

import pytest

from convocore_mcp.sandbox import Sandbox
from tests.tool_client import Answer, ToolClient, connected
from tests.truth import oracle
from tests.truth.conftest import NO_SYNC_SECONDS, in_live_dialect
from tests.truth.oracle import Row

DIALECTS: tuple[Literal["cursor", "page"], ...] = ("cursor", "page")
FILTER_VALUES: dict[str, tuple[Any, ...]] = {
    "stage": ("won", ["negotiation", "trial"]),
    "label": ("hot", ["warm", "cold"]),
    "state": ("requested_chat", ["human-chatting", "ended_chat"]),
    "channel": ("whatsapp", ["instagram", "email"]),
    "tag": ("vip", ["中文", "spam?"]),
    "assignee": ("Ana Kovač", ["tom@convocore-demo.example", "staff_yuki"]),
    "min_score": (75, 0, 100, 35.5),
    "attention": (
        "waiting_for_human",
        "unassigned",
        "overdue",
        "stale",
        ["overdue", "stale"],
        ["waiting_for_human", "overdue"],
        ["waiting_for_human", "unassigned", "overdue", "stale"],
    ),
    "since": ("30d", "24h", "6w", "3mo"),
    "until": ("2w", "72h", "2mo"),
    "query": ("demo", "müller", "o'connor", "asked for a human", "担当者と話したいです"),
}
"""Values of each filter; the first one is also combined with every other filter."""


def ids(pages: list[Answer]) -> list[str]:
    """The ids of all rows of all pages."""
    return [row["id"] for page in pages for row in page["conversations"]]


def window(page: Answer) -> dict[str, str]:
    """The window as the answer resolved it."""
    return {name: page["applied"][name] for name in ("since", "until") if name in page["applied"]}


@pytest.mark.parametrize("sort", oracle.SORTS)
async def test_paging_to_the_end_returns_each_conversation_once_in_order(
    tool_client: ToolClient, rows: list[Row], sort: str
) -> None:
    """Promised by docs/contract.md, "Tools": tests and blocked conversations too.

    Holds docs/contract.md #list-result #all-listed #named-sorts.
    """
    pages = await tool_client.pages(sort=sort, limit=100)

    assert ids(pages) == oracle.ordered(rows, sort)
    assert {page["total"] for page in pages} == {len(rows)}
    assert all(page["conversations"] for page in pages)
    assert {page["applied"]["sort"] for page in pages} == {sort}


@in_live_dialect
async def test_every_page_size_gives_the_same_list(
    tool_client: ToolClient, rows: list[Row]
) -> None:
    """Promised by docs/contract.md, "Tools": `limit` 1 to 100, default 20.

    Holds docs/contract.md #list-arguments.
    """
    usual = await tool_client.pages()
    assert [len(page["conversations"]) for page in usual[:-1]] == [20] * (len(usual) - 1)
    assert ids(usual) == oracle.ordered(rows, "newest")
    for limit in (1, 2, 7):
        few = oracle.matching(rows, tag="vip", state="requested_chat")
        pages = await tool_client.pages(tag="vip", state="requested_chat", limit=limit)
        assert ids(pages) == oracle.ordered(few, "newest")
        assert all(len(page["conversations"]) == limit for page in pages[:-1])


@pytest.mark.parametrize("name", FILTER_VALUES)
async def test_each_filter_agrees_with_a_plain_filter(
    tool_client: ToolClient, rows: list[Row], name: str
) -> None:
    """Promised by docs/contract.md, "Tools".

    Holds docs/contract.md #list-arguments #attention #attention-any.
    """
    for given in FILTER_VALUES[name]:
        pages = [await tool_client.ask("list_conversations", **{name: given}, limit=100)]
        known = window(pages[0]) or {name: given}
        expected = oracle.matching(rows, **known)

        assert 0 < len(expected) < len(rows), given
        # A page holds fewer where a hundred would not fit into an answer.
        listed = ids(pages)
        assert len(listed) >= min(len(expected), 70)
        assert listed == oracle.ordered(expected, "newest")[: len(listed)], given
        assert pages[0]["total"] == len(expected)
        assert "relax" not in pages[0]
        if name not in window(pages[0]):
            echoed = [given] if name not in ("query", "min_score") and is_text(given) else given
            assert pages[0]["applied"] == {"sort": "newest", "timezone": "UTC", name: echoed}


@in_live_dialect
@pytest.mark.parametrize("pair", list(itertools.combinations(FILTER_VALUES, 2)), ids="-".join)
async def test_each_two_filters_agree_with_two_plain_filters(
    tool_client: ToolClient, rows: list[Row], pair: tuple[str, str]
) -> None:
    """Promised by docs/contract.md, "Tools": all filters must hold.

    Holds docs/contract.md #filters.
    """
    asked = {name: FILTER_VALUES[name][0] for name in pair}
    pages = await tool_client.pages(**asked, limit=100)
    known = asked | window(pages[0])
    expected = oracle.matching(rows, **known)

    assert ids(pages) == oracle.ordered(expected, "newest")
    assert {page["total"] for page in pages} == {len(expected)}
    assert pages[0]["applied"].keys() == {"sort", "timezone", *pair}
    assert ("relax" in pages[0]) == (not expected)


@in_live_dialect
async def test_an_empty_list_says_what_each_filter_excludes(
    tool_client: ToolClient, rows: list[Row]
) -> None:
    """Promised by docs/contract.md, "Rules for every answer": `relax`.

    Holds docs/contract.md #relax.
    """
    asked: dict[str, Any] = {
        "stage": ["won"], "label": ["hot"], "min_score": 60, "tag": ["vip"], "query": "demo",
        "attention": ["stale"], "channel": ["whatsapp"], "assignee": ["Ana Kovač"],
        "state": ["queued" if "queued" in {r.get("state") for r in rows} else "ended_chat"],
        "since": "60d", "until": "1d",
    }  # fmt: skip
    for names in (*itertools.combinations(asked, 2), tuple(asked)[:5], tuple(asked)):
        part = {name: asked[name] for name in names}
        answer = await tool_client.ask("list_conversations", **part)
        known = part | window(answer)
        assert answer["total"] == len(oracle.matching(rows, **known))
        if answer["total"]:
            assert "relax" not in answer
            continue
        assert answer["conversations"] == []
        assert "next_cursor" not in answer
        assert answer["relax"] == {
            name: len(oracle.matching(rows, **{n: v for n, v in known.items() if n != name}))
            for name in names
        }


@in_live_dialect
async def test_dates_and_times_are_resolved(tool_client: ToolClient, rows: list[Row]) -> None:
    """Promised by docs/contract.md, "Times": `applied` has absolute times.

    Holds docs/contract.md #one-day.
    """
    for given, resolved in {
        "2026-03-01": "2026-03-01T00:00:00Z",
        "2026-03-01T10:20:30Z": "2026-03-01T10:20:30Z",
        "2026-03-01T10:20:30+02:00": "2026-03-01T08:20:30Z",
        "2026-03-01T10:20": "2026-03-01T10:20:00Z",
    }.items():
        answer = await tool_client.ask("list_conversations", since=given)
        assert answer["applied"]["since"] == resolved
        assert answer["total"] == len(oracle.matching(rows, since=resolved))
    # A date in `until` includes the whole day.
    for index in (0, 50, 900):
        day = oracle.rfc3339(oracle.last_activity(rows[index]))[:10]
        answer = await tool_client.ask("list_conversations", since=day, until=day, limit=100)
        expected = [
            row for row in rows if oracle.rfc3339(oracle.last_activity(row)).startswith(day)
        ]
        assert answer["total"] == len(expected)
    # Both ends are included.
    at = oracle.rfc3339(oracle.last_activity(rows[123]))
    answer = await tool_client.ask("list_conversations", since=at, until=at)
    assert [row["id"] for row in answer["conversations"]] == [rows[123]["ID"]]


@in_live_dialect
async def test_ages_are_resolved(tool_client: ToolClient) -> None:
    """Promised by docs/contract.md, "Times": `24h`, `7d`, `2w`, `3mo`.

    Holds docs/contract.md #time-forms.
    """
    hour, day = 3600, 86_400
    for given, least, most in (
        ("24h", day, day), ("7d", 7 * day, 7 * day), ("2w", 14 * day, 14 * day),
        ("3mo", 89 * day, 92 * day), ("1h", hour, hour), ("12mo", 365 * day, 366 * day),
    ):  # fmt: skip
        answer = await tool_client.ask("list_conversations", since=given, limit=1)
        as_of = oracle.unix_time(answer["applied"]["since"])
        later = (await tool_client.ask("list_conversations", since="0h", limit=1))["applied"][
            "since"
        ]
        assert least <= oracle.unix_time(later) - as_of <= most + 5


@in_live_dialect
async def test_query_finds_all_whole_words_and_nothing_that_does_not_occur(
    tool_client: ToolClient, rows: list[Row]
) -> None:
    """Promised by docs/contract.md, "Tools": the fields that `query` searches.

    Holds docs/contract.md #query-fields.
    """
    for query in (
        "visitor", "example.com", "acme corp", "GARCIA", "garcía", "vip pricing", "wants demo two",
        "Müller & Söhne", "مستخدمين", "料金", "customer onboarding", "phone", "o'connor", "weiß",
        "İzmir", "security questionnaire", "-", "signed", "Messe 2026", "line two",
    ):  # fmt: skip
        found = set(ids(await tool_client.pages(query=query, limit=100)))
        sure = {
            row["ID"] for row in rows if oracle.words(query) and oracle.surely_found(row, query)
        }
        maybe = {row["ID"] for row in rows if oracle.possibly_found(row, query)}
        assert sure <= found <= maybe, query


@in_live_dialect
async def test_query_finds_other_inflections_and_either_of_several_words(
    tool_client: ToolClient, rows: list[Row]
) -> None:
    """Promised by docs/contract.md, "Tools": words of `query`, in any inflection.

    Holds docs/contract.md #query-words.
    """
    found_by = {}
    for query, word in {
        "calendars": "calendar", "languages|tongue": "languages", "vendors": "vendor",
        "calling": "calls", "competitors": "competitor", "budgets": "budget",
    }.items():  # fmt: skip
        found_by[query] = set(ids(await tool_client.pages(query=query, limit=100)))
        having = {r["ID"]: r for r in rows if word in oracle.words(oracle.searched(r))}
        sure = {id_ for id_, row in having.items() if oracle.speaks(row, "en")}
        maybe = {r["ID"] for r in rows if oracle.possibly_found(r, word)}
        assert sure, query
        assert sure <= found_by[query] <= maybe, query
    either = ids(await tool_client.pages(query="calendars|vendors", limit=100))
    assert set(either) == found_by["calendars"] | found_by["vendors"]


@in_live_dialect
async def test_query_finds_words_next_to_each_other(
    tool_client: ToolClient, rows: list[Row]
) -> None:
    """Promised by docs/contract.md, "Tools": what `query` finds.

    Holds docs/contract.md #query-either.
    """
    for phrase in ("next steps", "existing calendar", "of eight", "steps next"):
        answer = await tool_client.ask("list_conversations", query=f'"{phrase}"', limit=1)
        having = [r for r in rows if phrase in " ".join(oracle.words(oracle.searched(r)))]
        assert answer["total"] == len(having), phrase


@in_live_dialect
async def test_query_finds_an_email_and_a_phone_number(
    tool_client: ToolClient, rows: list[Row]
) -> None:
    """Promised by docs/contract.md, "Tools": `query` searches email and phone."""
    for row in [r for r in rows if r.get("userEmail")][:8]:
        found = ids(await tool_client.pages(query=row["userEmail"].strip(), limit=100))
        assert row["ID"] in found
        assert set(found) <= {
            r["ID"] for r in rows if oracle.possibly_found(r, row["userEmail"].split("@")[0])
        }
    for row in [r for r in rows if r.get("userPhone")][:10]:
        for written in (row["userPhone"], f"+{oracle.phone(row)}"):
            found = ids(await tool_client.pages(query=written, limit=100))
            assert row["ID"] in found, written
            assert {oracle.phone(r) for r in rows if r["ID"] in found} == {oracle.phone(row)}


@in_live_dialect
@pytest.mark.parametrize(
    ("arguments", "named", "listed"),
    [
        ({"stage": "nope"}, "stage", ["new", "engaged", "negotiation", "won", "lost"]),
        ({"stage": ["won", "nope"]}, "nope", ["trial"]),
        ({"state": "sleeping"}, "state", ["requested_chat", "ended_chat"]),
        ({"label": "lukewarm"}, "label", ["hot", "warm", "cold"]),
        ({"attention": ["overdue", "bored"]}, "attention", list(oracle.ATTENTION)),
        ({"sort": "random"}, "sort", list(oracle.SORTS)),
        ({"detail": "all"}, "detail", ["brief", "full"]),
        ({"agent_id": "another"}, "agent_id", ["demo-agent"]),
        ({"stages": ["won"]}, "stages", ["stage", "min_score", "agent_id"]),
        ({"limit": 0}, "limit", []),
        ({"limit": 101}, "limit", []),
        ({"min_score": 101}, "min_score", []),
        ({"min_score": -1}, "min_score", []),
        ({"since": "last tuesday"}, "since", ["7d"]),
        ({"until": "2026-13-01"}, "until", ["7d"]),
        ({"since": "1d", "until": "2d"}, "since", []),
    ],
)
async def test_an_invalid_argument_is_named_and_valid_values_are_listed(
    tool_client: ToolClient, arguments: dict[str, Any], named: str, listed: list[str]
) -> None:
    """Promised by docs/contract.md, "Rules for every answer": valid values are listed."""
    error = await tool_client.refused("list_conversations", **arguments)

    assert error["code"] == "invalid_argument"
    assert named in error["message"]
    assert error["hint"]
    assert [word for word in listed if word not in error["hint"]] == []


@in_live_dialect
@pytest.mark.parametrize("name", FILTER_VALUES)
async def test_a_cursor_is_refused_with_other_arguments(tool_client: ToolClient, name: str) -> None:
    """Promised by docs/contract.md, "Tools": a cursor with other filters is an error.

    Holds docs/contract.md #cursor-other.
    """
    start = await tool_client.ask("list_conversations", state="ai-chatting", limit=5)
    other: dict[str, Any] = {"state": "ai-chatting"} | {name: FILTER_VALUES[name][0]}
    for arguments in (other, {}, {"state": "ai-chatting", "sort": "oldest"}):
        error = await tool_client.refused(
            "list_conversations", **arguments, cursor=start["next_cursor"], limit=5
        )
        assert error["code"] == "invalid_argument"
        assert "cursor" in error["message"]
    # `detail` and `limit` are no filters.
    onward = await tool_client.ask(
        "list_conversations",
        state="ai-chatting", limit=3, detail="full", cursor=start["next_cursor"],
    )  # fmt: skip
    assert len(onward["conversations"]) == 3


@in_live_dialect
async def test_a_damaged_cursor_is_refused(tool_client: ToolClient) -> None:
    """Promised by docs/contract.md, "Rules for every answer": nothing is silently ignored."""
    cursor = (await tool_client.ask("list_conversations", limit=5))["next_cursor"]
    damaged = [cursor[:-1], cursor[1:], cursor + "AAAA", "x", "null", "0", cursor[::-1], "é" * 9]
    damaged += [
        cursor[:i] + ("A" if cursor[i] != "A" else "B") + cursor[i + 1 :]
        for i in range(0, len(cursor) - 1, 9)
    ]
    for text in damaged:
        error = await tool_client.refused("list_conversations", limit=5, cursor=text)
        assert error["code"] == "invalid_argument", text
        assert "cursor" in error["message"]


async def test_every_field_of_every_row_is_what_the_record_says(
    tool_client: ToolClient, rows: list[Row]
) -> None:
    """Promised by docs/contract.md, "Fields": brief and full rows; unknown is left out.

    Holds docs/contract.md #rfc3339 #list-row #last-activity.
    """
    raw = {row["ID"]: row for row in rows}
    for detail in ("brief", "full"):
        # All of them in full; the brief ones are the same with less.
        asked = {"limit": 100, "detail": detail} | ({"tag": "vip"} if detail == "brief" else {})
        for page in await tool_client.pages(**asked):
            for row in page["conversations"]:
                expected = oracle.listed(raw[row["id"]], full=detail == "full")
                row.pop("lead_id", None)  # see test_hot
                assert oracle.differences(row, expected) == {}, row["id"]


# While the list changes


Change = Callable[[Sandbox, list[str], int], None]


def arrivals(sandbox: Sandbox, _ids: list[str], _page: int) -> None:
    """New conversations at the front, which match every filter used here."""
    for _ in range(3):
        sandbox.insert(tags=["vip"], leadScore=90, funnelLastEvaluated=1, state="requested_chat")


def touches(sandbox: Sandbox, ids: list[str], page: int) -> None:
    """New messages in conversations all over the list, listed already or not."""
    for index in range(page % 5, len(ids), 17):
        sandbox.touch(ids[index])


def rescored(sandbox: Sandbox, ids: list[str], page: int) -> None:
    """New messages, and another score and value, which changes the position in every sort."""
    for index in range(page % 7, len(ids), 23):
        points = (index * 37 + page * 11) % 101
        sandbox.touch(ids[index], leadScore=points, funnelLastEvaluated=1, value=points * 10)


def edits(sandbox: Sandbox, ids: list[str], page: int) -> None:
    """Edits that do not move a conversation to the front."""
    for index in range(page % 3, len(ids), 13):
        sandbox.edit(ids[index], leadScore=(index * 7) % 101, notes=f"edited on page {page}")


def everything(sandbox: Sandbox, ids: list[str], page: int) -> None:
    """All kinds of changes at once."""
    for change in (arrivals, touches, rescored, edits):
        change(sandbox, ids, page)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_rows_of_the_first_page_time_are_listed_once_whatever_changes(
    dialect: Literal["cursor", "page"],
) -> None:
    """Promised by docs/contract.md, "Tools": exactly once, while conversations arrive.

    Holds docs/contract.md #paging-once.
    """
    sandbox = Sandbox(size=60, dialect=dialect)
    tried: list[tuple[Change, str]] = [(arrivals, "newest"), (rescored, "score")]
    tried += [(everything, sort) for sort in oracle.SORTS]
    async with connected(sandbox, incremental_sync_seconds=0) as tool_client:
        for change, sort in tried:
            before = [row["ID"] for row in sandbox.rows()]
            asked: dict[str, Any] = {"sort": sort, "limit": len(before) // 4}
            pages = [await tool_client.ask("list_conversations", **asked)]
            while cursor := pages[-1].get("next_cursor"):
                change(sandbox, before, len(pages))
                pages.append(await tool_client.ask("list_conversations", **asked, cursor=cursor))

            found = Counter(ids(pages))
            assert len(pages) > 3
            assert [i for i in before if found[i] != 1] == [], (change, sort)
            assert max(found.values()) == 1
            assert pages[0]["total"] == len(before)
            assert all(page["total"] >= len(before) for page in pages)
            # A new question sees the new rows.
            again = await tool_client.ask("list_conversations", limit=1)
            assert again["total"] == len(list(sandbox.rows()))


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_filtered_list_holds_all_rows_that_matched_at_its_first_page(
    dialect: Literal["cursor", "page"],
) -> None:
    """Promised by docs/contract.md, "Tools": every match exactly once."""
    sandbox = Sandbox(size=150, dialect=dialect)
    rows = list(sandbox.rows())
    expected = {row["ID"] for row in oracle.matching(rows, min_score=50)}
    async with connected(sandbox, incremental_sync_seconds=0) as tool_client:
        asked: dict[str, Any] = {"min_score": 50, "sort": "score", "limit": 12, "since": "12mo"}
        pages = [await tool_client.ask("list_conversations", **asked)]
        while cursor := pages[-1].get("next_cursor"):
            everything(sandbox, [row["ID"] for row in rows], len(pages))
            pages.append(await tool_client.ask("list_conversations", **asked, cursor=cursor))

        found = Counter(ids(pages))
        assert {i: found[i] for i in expected} == dict.fromkeys(expected, 1)
        assert max(found.values()) == 1


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_deletions_between_pages_hide_no_other_row(
    dialect: Literal["cursor", "page"],
) -> None:
    """Promised by docs/contract.md, "Tools": what remains is listed exactly once."""
    sandbox = Sandbox(size=200, dialect=dialect)
    in_order = [row["ID"] for row in sandbox.rows()]
    deleted: set[str] = set()
    async with connected(sandbox, incremental_sync_seconds=0) as tool_client:
        pages = [await tool_client.ask("list_conversations", limit=25)]
        while cursor := pages[-1].get("next_cursor"):
            for index in range(len(pages), len(in_order), 19):
                if in_order[index] not in deleted:
                    deleted.add(in_order[index])
                    sandbox.delete(in_order[index])
            pages.append(await tool_client.ask("list_conversations", limit=25, cursor=cursor))

        found = Counter(ids(pages))
        assert [i for i in in_order if i not in deleted and found[i] != 1] == []
        assert max(found.values()) == 1


def is_text(value: object) -> bool:
    """Whether it is one bare value, which `applied` shows as a list."""
    return isinstance(value, str)


async def test_a_value_is_found_however_it_is_written() -> None:
    """Promised by docs/contract.md, "Fields": text compares without case and accents."""
    sandbox = Sandbox(size=0)
    spellings = {
        "stage": ["won", "Won", "WON"],
        "state": ["ended_chat", "Ended_Chat"],
        "tag": ["Élite", "elite"],
        "assignee": ["Zoë Ünal", "zoe unal"],
        "channel": ["Café-Chat", "cafe-chat"],
    }
    written: dict[str, set[str]] = {
        "stage": {sandbox.insert(stage=value) for value in spellings["stage"]},
        "state": {sandbox.insert(state=value) for value in spellings["state"]},
        "tag": {sandbox.insert(tags=[value]) for value in spellings["tag"]},
        "assignee": {
            sandbox.insert(assignedTo={"userId": "u", "name": value})
            for value in spellings["assignee"]
        },
        "channel": {sandbox.insert(origin=value) for value in spellings["channel"]},
    }
    async with connected(sandbox, incremental_sync_seconds=NO_SYNC_SECONDS) as tool_client:
        await tool_client.until_complete()
        for argument, values in spellings.items():
            for value in values:
                pages = await tool_client.pages(**{argument: value})
                assert set(ids(pages)) >= written[argument], (argument, value)
                everything = await tool_client.pages(**{argument: value}, where=["id exists"])
                assert sorted(ids(pages)) == sorted(ids(everything)), (argument, value)
