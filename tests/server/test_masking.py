"""What is masked in an answer: each kind of field, text and key, by what is known of its people."""

from collections.abc import Callable, Iterable
from typing import Any, ParamSpec, TypeVar

import pytest

from convocore_mcp.errors import MissingError
from convocore_mcp.fields.personal_fields import Personal, personal_kind
from convocore_mcp.models.personal import PersonalValues
from convocore_mcp.server.privacy.masking import Masking
from convocore_mcp.server.privacy.private_answers import Privacy
from convocore_mcp.server.privacy.pseudonyms import Pseudonyms
from convocore_mcp.server.sanitize import JsonObject

P = ParamSpec("P")
T = TypeVar("T")
PEOPLE = {
    "ann-1": PersonalValues(names=("Ann Lee",), phones=("+49 30 1234567",)),
    "bob-1": PersonalValues(names=("Will Ray",)),
}
ANSWER: dict[str, Any] = {
    "applied": {"where": ["name=Ann Lee|Zoe Unknown", "email=zoe@y.example", "stage=new"]},
    "groups": [{"name": "Cleo", "count": 1_200_300}, {"title": "for Cleo", "stage": "Cleo"}],
    "leads": [
        {"lead_id": "ann-1", "name": "Ann Lee", "phone": 4915112345678,
         "contact": "4711, a@x.example", "summary": "Ann will call",
         "data": {"whatsapp": 12, "note": "ask lee@x.example"}},
        {"lead_id": "491511234567", "email": "unknown", "preview": "seen 2026-07-19T10:00:00Z"},
    ],
    "unread": {"name=Ann Lee": 2, "notes~Ann": 1},
    "messages": 1_234_567,
}  # fmt: skip


def masking(*, left_out: bool, given: dict[str, str] | None = None) -> Masking:
    return Masking(
        Pseudonyms(bytes(32)), PEOPLE, left_out=left_out, given=given or {}, name_words={"cleo"}
    )


def pseudonym(kind: Personal, value: str) -> str:
    return Pseudonyms(bytes(32)).of(kind, value)


ANN = pseudonym(Personal.PERSON, "Ann Lee")
ZOE = pseudonym(Personal.PERSON, "Zoe Unknown")
MAIL = pseudonym(Personal.EMAIL, "zoe@y.example")
PHONE = pseudonym(Personal.PHONE, "4915112345678")
SHORT = pseudonym(Personal.PHONE, "4711")
OTHER = pseudonym(Personal.EMAIL, "a@x.example")
LEE = pseudonym(Personal.EMAIL, "lee@x.example")
CLEO = pseudonym(Personal.PERSON, "Cleo")
ID = pseudonym(Personal.ID, "491511234567")


def test_each_field_text_and_key_of_an_answer_is_masked() -> None:
    """Promised by docs/security.md, "Personal data": one person is known by one pseudonym."""
    assert masking(left_out=False).answer(ANSWER) == {
        "applied": {"where": [f"name={ANN}|{ZOE}", f"email={MAIL}", "stage=new"]},
        "groups": [{"name": CLEO, "count": 1_200_300}, {"title": f"for {CLEO}", "stage": "Cleo"}],
        "leads": [
            {"lead_id": "ann-1", "name": ANN, "phone": PHONE, "contact": f"{SHORT}, {OTHER}",
             "summary": f"{ANN} will call", "data": {"whatsapp": 12, "note": f"ask {LEE}"}},
            {"lead_id": ID, "email": "unknown", "preview": "seen 2026-07-19T10:00:00Z"},
        ],
        "unread": {f"name={ANN}": 2, f"notes~{ANN}": 1},
        "messages": 1_234_567,
    }  # fmt: skip


@pytest.mark.parametrize("written", [ANN, ANN.upper(), ANN.capitalize()])
def test_a_pseudonym_in_any_case_stands_for_the_same(written: str) -> None:
    """Promised by docs/security.md, "Personal data": a phone's keyboard begins with a capital."""
    for remembered in ([], ["Ann Lee"]):
        pseudonyms = Pseudonyms(bytes(32))
        for name in remembered:
            pseudonyms.of(Personal.PERSON, name)
        found = pseudonyms.values_in(f"Who is {written}?", lambda _: ["Zoe", "Ann Lee"])
        assert found == {written: "Ann Lee"}


def test_what_is_left_out_has_no_pseudonym_but_an_id() -> None:
    """Promised by docs/security.md, "Personal data": `none` shows no pseudonym of anybody."""
    assert masking(left_out=True).answer(ANSWER) == {
        "applied": {"where": ["name=…|…", "email=…", "stage=new"]},
        "groups": [{"count": 1_200_300}, {"title": "for [person]", "stage": "Cleo"}],
        "leads": [
            {"lead_id": "ann-1", "summary": "[person] will call",
             "data": {"whatsapp": 12, "note": "ask [email]"}},
            {"lead_id": ID, "email": "unknown", "preview": "seen 2026-07-19T10:00:00Z"},
        ],
        "unread": {"name=…": 2, "notes~[person]": 1},
        "messages": 1_234_567,
    }  # fmt: skip


@pytest.mark.parametrize("left_out", [False, True])
def test_what_stood_for_a_pseudonym_is_that_pseudonym_again(left_out: bool) -> None:
    """Ours: a text repeats what somebody gave, of whom the answer shows nothing else."""
    masked = masking(left_out=left_out, given={"address-abc": "5 Jane Street"})
    assert masked.text("Nothing at 5 Jane Street.") == "Nothing at address-abc."


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        (Personal.PHONE, "+49 151 12345678", "0049 (151) 1234-5678"),
        (Personal.EMAIL, "ann@x.example", " Ann@X.example"),
        (Personal.PERSON, "Zoë  LEE", "zoe lee"),
    ],
)
def test_two_spellings_have_one_pseudonym(kind: Personal, one: str, other: str) -> None:
    """Promised by docs/security.md, "Personal data": rows still join."""
    assert pseudonym(kind, one) == pseudonym(kind, other)
    assert pseudonym(kind, one) != Pseudonyms(b"another key").of(kind, one)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("accepted_by", Personal.PERSON), ("assignees", Personal.PERSON),
        ("data.firstName", Personal.PERSON), ("data.user_id", Personal.ID),
        ("companyName", None), ("data.planName", None), ("workEmail", Personal.EMAIL),
        ("data.whatsapp", Personal.PHONE), ("linkedIn", Personal.LINK),
        ("homeStreet", Personal.ADDRESS), ("messages", None),
    ],
)  # fmt: skip
def test_a_field_is_personal_by_the_words_in_its_name(name: str, kind: Personal | None) -> None:
    """Promised by docs/security.md, "Personal data": of people, and not of things."""
    assert personal_kind(name) is kind


def test_what_pseudonyms_stand_for_is_remembered_within_bounds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ours: what is not remembered is found among the values of the mirror."""
    monkeypatch.setattr("convocore_mcp.server.privacy.pseudonyms.MAX_KEPT_PSEUDONYMS", 3)
    pseudonyms = Pseudonyms(bytes(32))
    first, *_ = [pseudonyms.of(Personal.PERSON, f"Person {letter}") for letter in "abcdefgh"]
    assert pseudonyms.values_in(first, lambda _: ()) == {}
    assert pseudonyms.values_in(first, lambda _: ["Person a"]) == {first: "Person a"}


class Mirror:
    """What `PEOPLE` are known by."""

    generation = "first"

    def key(self) -> bytes:
        return bytes(32)

    def people(self, _: object, ids: Iterable[str]) -> dict[str, PersonalValues]:
        known = PEOPLE | {"an id\u200b": PersonalValues(names=("Zoe",))}
        return {id_: known[id_] for id_ in ids if id_ in known}

    def values(self, *_: object) -> tuple[str, ...]:
        return ()

    def name_words(self, _: object) -> tuple[str, ...]:
        return ()


async def run(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    return call(*args, **kwargs)


async def test_an_error_is_masked_in_its_message_and_its_hint() -> None:
    """Promised by docs/security.md, "Personal data": everywhere at once."""

    async def refuse(_: str) -> JsonObject:
        raise MissingError("lea@x.example fits nobody.", hint="Is it Zoe?", names=["Zoe"])

    privacy = Privacy(Mirror(), run, ["agent"], left_out=True)
    with pytest.raises(MissingError) as caught:
        await privacy.answer(refuse, "lea@x.example")
    assert (caught.value.message, caught.value.hint) == ("[email] fits nobody.", "Is it [person]?")


async def test_a_person_is_known_by_an_id_that_is_shown_in_another_way() -> None:
    """Ours: an ID with a hidden character is shown percent-encoded."""

    async def answer(_: str) -> JsonObject:
        return {"leads": [{"lead_id": "an%20id%E2%80%8B", "summary": "Zoe called."}]}

    masked = await Privacy(Mirror(), run, ["agent"], left_out=True).answer(answer, "")
    assert masked["leads"][0]["summary"] == "[person] called."


def test_an_email_address_in_a_group_is_masked_whole_although_it_holds_a_name() -> None:
    """Promised by docs/security.md, "Personal data": in groups, every name is masked, too."""
    group = {"groups": [{"summary": "Cleo: ask cleo.marsh@cleo.example"}]}
    assert masking(left_out=True).answer(group) == {
        "groups": [{"summary": "[person]: ask [email]"}]
    }
    mail = pseudonym(Personal.EMAIL, "cleo.marsh@cleo.example")
    assert masking(left_out=False).answer(group) == {"groups": [{"summary": f"{CLEO}: ask {mail}"}]}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('{"contact_name":"Zoe","budget":5}', '{"budget":5}'),
        ('[{"email":"zoe"},{"street":"Elm 5","tier":"gold"}]', '[{},{"tier":"gold"}]'),
        ('{"names":["Zoe","Max"],"note":"ask zoe@y.example"}', '{"note":"ask [email]"}'),
        ('{"tier":"5","contact_name":"Zoe Elm","street":"El\u2026',
         '{"tier":"5","contact_name":"[person]","street":"[address]'),
        ('{"full_name": "Zo\\"e"} and so on', '{"full_name": "[person]"} and so on'),
        ("[urgent] {soon}", "[urgent] {soon}"),
    ],
)  # fmt: skip
def test_a_text_that_is_an_object_is_masked_as_one(text: str, shown: str) -> None:
    """Promised by docs/security.md, "Personal data": a captured variable may be an object."""
    row = {"id": "c1", "data.nested": text, "changed": {"data.nested": [text, "none"]}}
    masked = masking(left_out=True).answer(row)
    assert masked == {"id": "c1", "data.nested": shown, "changed": {"data.nested": [shown, "none"]}}


def test_a_choice_that_holds_a_whole_name_shows_nobody() -> None:
    """Ours: a source `will` is not somebody called Will; `referred by Will Ray` is about him."""
    rows = [{"id": "bob-1", "source": "referred by Will Ray"}, {"id": "bob-1", "source": "will"}]
    assert masking(left_out=True).answer({"conversations": rows})["conversations"] == [
        {"id": "bob-1", "source": "referred by [person]"},
        {"id": "bob-1", "source": "will"},
    ]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("data.birthName", Personal.PERSON), ("data.birthname", Personal.PERSON),
        ("data.customeremail", Personal.EMAIL), ("data.emailaddress", Personal.EMAIL),
        ("data.phonenumber", Personal.PHONE), ("data.homeaddress", Personal.ADDRESS),
        ("data.contact person", Personal.PERSON), ("data.contactperson", Personal.PERSON),
        ("data.nom", Personal.PERSON), ("data.productname", None), ("data.filename", None),
        ("data.companyname", None), ("data.hotel", None), ("data.topic", None),
        ("data.ipaddress", None), ("data.persons", None), ("data.tournament", None),
    ],
)  # fmt: skip
def test_words_that_are_written_together_are_told_apart(name: str, kind: Personal | None) -> None:
    """Promised by docs/security.md, "Personal data": changes and groups name data in lower case."""
    assert personal_kind(name) is kind
