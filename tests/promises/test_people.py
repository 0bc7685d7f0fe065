"""Who is one person, and what of a person can be pasted back."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.promises.conversations import Row, ago, sandbox_of
from tests.tool_client import ToolClient, connected, text_of

NO_IDENTITIES = ("none", "NULL", " undefined ", "0", "000", "unknown", "n/a", "anonymous",
           "00000000-0000-0000-0000-000000000000", "[object Object]")  # fmt: skip
NAMES = ["a\tb", "a\nb", "a b", 'a"b', "ab", "a\\b", "a\ufffdb"]
ROWS: list[Row] = [
    *({"ID": f"{kind}-{n}", "contactIdentityId": text, "userName": f"{kind} {text} {n}",
       "ts": ago(hours=n + 1)} for n, text in enumerate(NO_IDENTITIES) for kind in ("Ada", "Bea")),
    {"ID": "ann", "userName": "Ann Lee", "userEmail": "TEST@test.com", "ts": ago(days=2)},
    {"ID": "bob", "userName": "Bob Ray", "userEmail": "test@test.com", "ts": ago(days=3)},
    {"ID": "cy", "userName": "Cy Ek", "userPhone": "+266696687", "userEmail": "n/a",
     "ts": ago(days=4)},
    {"ID": "dan", "userName": "Dan Oz", "userPhone": "(000) 000-0000", "ts": ago(days=5)},
    {"ID": "na", "userName": "N/A", "ts": ago(days=6)},
    {"ID": "he", "userName": "שלום כהן", "notes": "רוצה מחיר", "ts": ago(days=7)},
    {"ID": "ar", "userName": "محمـد علي", "notes": "يريد السعر", "ts": ago(days=8)},
    {"ID": "named", "capturedVariables": {name: f"v{n}" for n, name in enumerate(NAMES)},
     "ts": ago(days=9)},
    {"ID": "liv", "userName": "Liv Berg", "userCompany": "Fjord", "userEmail": "liv.berg@fjord.no",
     "instagram": "https://instagram.com/liv.berg", "userWebsite": "https://liv.fjord.no/team/berg",
     "ts": ago(days=9)},
    {"ID": "mailbox", "userName": "ola@fjord.se", "ts": ago(days=9)},
    {"ID": "tags", "userName": "Ed Ra", "tags": ["vip", "beta", "vip", "VIP"], "ts": ago(days=9)},
]  # fmt: skip


@pytest.fixture(scope="module")
async def people() -> AsyncIterator[ToolClient]:
    """A client of a server with these people."""
    async with connected(sandbox_of(ROWS)) as found:
        await found.until_complete()
        yield found


async def test_an_identity_that_stands_for_none_joins_nobody(people: ToolClient) -> None:
    """Promised by docs/contract.md, "A lead": a placeholder joins nobody.

    Holds docs/contract.md #no-identity.
    """
    answer = await people.ask("list_leads", query="ada|bea", fields="conversations", limit=100)
    assert answer["total"] == 2 * len(NO_IDENTITIES)
    assert {lead["conversations"] for lead in answer["leads"]} == {1}
    assert {lead["lead_id"] for lead in answer["leads"]} == {
        f"{kind}-{n}" for n in range(len(NO_IDENTITIES)) for kind in ("Ada", "Bea")
    }


@pytest.mark.parametrize(
    ("pasted", "field", "ids"),
    [
        ("test@test.com", "email", ["ann", "bob"]),
        ("Test@Test.com ", "email", ["ann", "bob"]),
        ("<test@test.com>", "email", ["ann", "bob"]),
        ("+266696687", "phone", ["cy"]),
        ("+266 696 687", "phone", ["cy"]),
        ("(000) 000-0000", "phone", ["dan"]),
        ("n/a", "email", ["cy", "na"]),  # the name is as good as the address
    ],
)
async def test_a_placeholder_that_is_shown_gives_candidates_when_it_is_pasted_back(
    people: ToolClient, pasted: str, field: str, ids: list[str]
) -> None:
    """Promised by docs/contract.md, "Tools": it identifies nobody, and nobody is guessed.

    Holds docs/contract.md #pasted-back.
    """
    answer = await people.ask("get_lead", lead=pasted)
    assert [lead["lead_id"] for lead in answer["candidates"]] == ids
    assert (answer["total"], answer["matched_on"]) == (len(ids), field)


@pytest.mark.parametrize(
    "typed",
    ["berg@fjord.no", "liv@fjord.no", "LIV@FJORD.NO", "<l.berg@fjord.no>", "mailto:liv@fjord.no",
     "liv.berg@fjord.n.o", "liv.berg@fj.no", "instagram.com/liv", "https://instagram.com/l",
     "https://liv.fjord.no/team/b"],
)  # fmt: skip
async def test_an_address_or_profile_that_nobody_has_is_nobody_for_sure(
    people: ToolClient, typed: str
) -> None:
    """Promised by docs/contract.md, "Tools": a contact like somebody's is not theirs.

    Holds docs/contract.md #pasted-back #nobody-guessed.
    """
    result = json.loads(text_of(await people.call("get_lead", lead=typed)))
    assert "lead" not in result, result["lead"]


@pytest.mark.parametrize(
    ("typed", "lead_id"),
    [
        ("liv.berg@fjord.no", "liv"),
        ("liv.berg@fj", "liv"),  # only begun
        ("@fjord.no", "liv"),
        ("liv @fjord.no", "liv"),
        ("instagram.com/liv.berg/", "liv"),
        ("@liv.berg", "liv"),
        ("liv.fjord.no", "liv"),  # a site, of which a page is hers
        ("https://liv.fjord.no/team", "liv"),
        ("ola@fjord.se", "mailbox"),  # an address may be a name
    ],
)
async def test_an_address_or_link_or_its_beginning_finds_its_owner(
    people: ToolClient, typed: str, lead_id: str
) -> None:
    """Promised by docs/contract.md, "Tools": an email, a link, or part of one."""
    assert (await people.ask("get_lead", lead=typed))["lead"]["lead_id"] == lead_id


@pytest.mark.parametrize(
    ("typed", "conversation"),
    [("שָׁלוֹם כֹּהֵן", "he"), ("מְחִיר", "he"), ("مُحَمَّد عَلِيّ", "ar"), ("محمد علي", "ar"), ("السِّعْر", "ar")],
)
async def test_vowel_signs_and_stretched_letters_do_not_matter(
    people: ToolClient, typed: str, conversation: str
) -> None:
    """Promised by docs/contract.md, "Tools": in any script, without case and accents.

    Holds docs/contract.md #text-compares.
    """
    for asked in ({"query": typed}, {"where": f"name~{typed}"}, {"where": f"name={typed}"}):
        if "where" in asked and " " not in typed:
            continue  # a word of the notes
        found = (await people.ask("list_conversations", **asked))["conversations"]
        assert [row["id"] for row in found] == [conversation], asked
    if " " in typed:
        assert (await people.ask("get_lead", lead=typed))["lead"]["lead_id"] == conversation


async def test_names_of_captured_variables_that_differ_by_a_sign_are_different(
    people: ToolClient,
) -> None:
    """Promised by docs/contract.md, "Fields": `data.NAME` by any name.

    Holds docs/contract.md #data-name.
    """
    fields = [f"data.{name}" for name in NAMES]
    (row,) = (await people.ask("list_conversations", where="id=named", fields=fields))[
        "conversations"
    ]
    assert [row[name] for name in fields] == [f"v{n}" for n in range(len(NAMES))]
    for n, name in enumerate(NAMES):
        found = await people.ask("list_conversations", where=f"data.{name}=v{n}")
        assert found["total"] == 1, name
    whole: dict[str, Any] = await people.ask("get_conversation", conversation="named")
    assert [*whole["conversation"]["data"].values()] == [f"v{n}" for n in range(len(NAMES))]


async def test_a_lead_has_each_tag_once(people: ToolClient) -> None:
    """Promised by docs/contract.md, "Fields": of a lead, tags are a union.

    Holds docs/contract.md #sums-and-unions.
    """
    (lead,) = (await people.ask("list_leads", where="lead_id=tags", fields="tags"))["leads"]
    assert lead["tags"] == ["vip", "beta"]
    groups = (await people.ask("conversation_stats", of="leads", group_by="tag"))["groups"]
    assert {group["tag"]: group["leads"] for group in groups if group["tag"] != "none"} == {
        "vip": 1, "beta": 1,
    }  # fmt: skip


TWO_SPELLINGS: list[dict[str, Any]] = [
    {"ID": "one-1", "userName": "Ed Ra", "tags": ["vip", "beta", "VIP"], "ts": ago(days=1)},
    {"ID": "two-1", "contactIdentityId": "two", "tags": ["Émigré", "a  b"], "socialHandle": "@Two",
     "instagram": "https://instagram.com/two", "ts": ago(days=2)},
    {"ID": "two-2", "contactIdentityId": "two", "tags": ["emigre", "a b", "New"],
     "socialHandle": "@two", "instagram": "https://Instagram.com/two", "ts": ago(days=3)},
]  # fmt: skip


async def test_a_lead_has_the_same_tags_and_links_by_itself_as_in_a_list() -> None:
    """Promised by docs/contract.md, "Fields": of a lead, tags and links are unions.

    Holds docs/contract.md #sums-and-unions.
    """
    fields = ["tags", "links"]
    async with connected(sandbox_of(TWO_SPELLINGS)) as client:
        await client.until_complete()
        rows = (await client.ask("list_leads", fields=fields))["leads"]
        assert [row["tags"] for row in rows] == [["vip", "beta"], ["Émigré", "a  b", "New"]]
        for row in rows:
            lead = (await client.ask("get_lead", lead=row["lead_id"]))["lead"]
            for name in fields:
                assert lead.get(name) == row.get(name), name
