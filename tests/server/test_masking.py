"""What is masked in an answer: each kind of field, text and key, by what is known of its people."""

from typing import Any

import pytest

from convocore_mcp.fields.personal_fields import Personal
from convocore_mcp.models.personal import PersonalValues
from convocore_mcp.server.privacy.masking import Masking
from convocore_mcp.server.privacy.pseudonyms import Pseudonyms

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
