"""Who is meant, decided over a directory in memory: no mirror is needed to test the order."""

from collections.abc import Sequence

import pytest

from convocore_mcp.errors import MissingError
from convocore_mcp.leads.keys import derive_keys
from convocore_mcp.leads.merge import merge
from convocore_mcp.leads.resolve import MAX_CANDIDATES, resolve
from convocore_mcp.models import Conversation, Lead, TermAlternatives
from tests.conversations import AGENT, conversation


class MemoryIndex:
    """The people index, by looking at every lead."""

    def __init__(self, leads: Sequence[Lead]) -> None:
        self._leads = leads

    def hits(self, _agent_id: str, criteria: Sequence[TermAlternatives], /) -> list[Lead]:
        def meets(lead: Lead, alternatives: TermAlternatives) -> bool:
            prefixes = alternatives.prefixes or ("\n",)
            terms = lead.terms.split("\n")[1:]
            return any(t in alternatives.exact or t.startswith(prefixes) for t in terms)

        return [lead for lead in self._leads if criteria and all(meets(lead, c) for c in criteria)]

    def knows(self, agent_id: str, criterion: TermAlternatives, /) -> bool:
        return bool(self.hits(agent_id, [criterion]))

    def similar_words(self, _agent_id: str, _word: str, /) -> list[str]:
        return [t[1:] for lead in self._leads for t in lead.terms.split("\n") if t[:1] == "w"]


class MemoryDirectory:
    """A directory of the leads that some conversations make."""

    def __init__(self, *conversations: Conversation) -> None:
        self._conversations = conversations
        made = merge([(c, derive_keys(c)) for c in conversations])
        self._leads = sorted(made, key=lambda lead: lead.lead_id)
        self.people_index = MemoryIndex(self._leads)

    def lead(self, agent_id: str, lead_id: str, /) -> Lead | None:
        return next(iter(self.leads(agent_id, lead_ids=[lead_id])), None)

    def leads(self, _agent_id: str, /, *, lead_ids: Sequence[str]) -> list[Lead]:
        return [lead for lead in self._leads if lead.lead_id in lead_ids]

    def leads_with(self, _agent_id: str, field: str, values: Sequence[str], /) -> list[Lead]:
        def value_of(c: Conversation) -> str | None:
            keys = derive_keys(c)
            return {"id": c.id, "email_key": keys.email, "phone_key": keys.phone}[field]

        ids = {c.id for c in self._conversations if value_of(c) in values}
        return [lead for lead in self._leads if ids.intersection(lead.conversation_ids)]

    def conversation(self, _agent_id: str, conversation_id: str, /) -> Conversation | None:
        return next((c for c in self._conversations if c.id == conversation_id), None)


DIRECTORY = MemoryDirectory(
    conversation("conv-1", identity="person-1", name="Ann Lee", company="Acme"),
    conversation("conv-2", name="conv-1", email="lee@acme.example"),
    conversation("conv-3", name="Bob Leeson", phone="+49 151 29260773", links=("@ann.lee",)),
    conversation("conv-4", name="lee@acme.example"),
    conversation("conv-5", name="Test", is_test=True),
    conversation("conv-6", name="Blocked", is_blocked=True),
    conversation("conv-7", title="Hello"),
)


@pytest.mark.parametrize(
    ("text", "field", "ids"),
    [
        ("person-1", "lead_id", ["person-1"]),
        ("conv-1", "conversation_id", ["person-1"]),  # and not conv-2, which has that name
        ("LEE@acme.example", "email", ["conv-2"]),  # and not conv-4, which has that name
        ("0151 29260773", "phone", ["conv-3"]),
        ("0773", "phone", ["conv-3"]),
        ("ann.lee", "link", ["conv-3"]),  # a handle, rather than the name Ann Lee
        ("lee@ac", "email", ["conv-2"]),
        ("ann lee", "name", ["person-1"]),
        ("lee, ann", "name", ["person-1"]),
        ("ann acme", "name and company", ["person-1"]),
        ("AL", "initials", ["person-1"]),
        ("bob leeso", "name", ["conv-3"]),
        ("bob leesonn", "similar name", ["conv-3"]),
    ],
)
def test_the_surest_strategy_that_finds_anybody_decides(
    text: str, field: str, ids: list[str]
) -> None:
    """Promised by docs/contract.md, "Tools": the order in which a text is tried.

    Holds docs/contract.md #lead-order.
    """
    match = resolve(DIRECTORY, AGENT, text)
    assert (match.field, [lead.lead_id for lead in match.leads]) == (field, ids)
    assert match.total == len(ids)


@pytest.mark.parametrize(
    ("names", "text", "ids"),
    [
        # Each lead is c0, c1 and so on, with a name and a company.
        (["Robert Miller", "Bob Miller/Acme Ltd"], "Robert Miller Ltd", ["c0"]),
        (["Robert Miller", "Bob Miller/Acme Ltd"], "Miller, Robert (Ltd)", ["c0"]),
        (["Jane Doe", "Jane Marie Doe/Acme Ltd"], "Jane Doe Ltd", ["c0"]),
        (["Jane Doe", "Jane Does/The Gap"], "the Jane Doe", ["c0"]),
        (["Ann Lee", "Annlee Ray/Acme Ltd"], "Ann Lee Ltd", ["c0"]),
        (["Jane Doe", "Jane Doe/Acme Ltd"], "Jane Doe Ltd", ["c1"]),  # the same name, and more
        (["Robert Miller", "Bob Miller/Acme Ltd"], "Robert Miller Acme Ltd", ["c1"]),
        (["Edge", "The Edge"], "the edge", ["c1"]),
        # A name of one word, or a company with all the words, may be meant or not.
        (["Bob", "Robert Miller/Acme Ltd"], "Bob Ltd", ["c0", "c1"]),
        (["Jane", "Jane Doe/Acme Ltd"], "Jane Ltd", ["c0", "c1"]),
        (["Robert Miller", "Ann Lee/Robert Miller Ltd"], "Robert Miller Ltd", ["c0", "c1"]),
        (["Ann Lee", "Bob Ray/Robert Miller Ltd"], "Robert Miller Ltd", ["c1"]),
    ],
)
def test_words_that_may_be_no_part_of_a_name_decide_nothing_against_an_exact_name(
    names: list[str], text: str, ids: list[str]
) -> None:
    """Promised by docs/contract.md, "Tools": nicknames find their people behind exact ones.

    Holds docs/contract.md #nicknames.
    """
    parts = [name.partition("/") for name in names]
    directory = MemoryDirectory(
        *(conversation(f"c{i}", name=name, company=of or None)
          for i, (name, _, of) in enumerate(parts))
    )  # fmt: skip
    assert [lead.lead_id for lead in resolve(directory, AGENT, text).leads] == ids


@pytest.mark.parametrize(
    ("conversation_id", "reason"),
    [("conv-5", "a test"), ("conv-6", "blocked"), ("conv-7", "without a contact")],
)
def test_a_conversation_without_a_lead_is_not_found_with_the_reason(
    conversation_id: str, reason: str
) -> None:
    """Promised by docs/contract.md, "A lead": tests and blocked conversations take no part."""
    with pytest.raises(MissingError) as raised:
        resolve(DIRECTORY, AGENT, conversation_id)
    assert raised.value.message == f"That conversation is {reason}, so it belongs to no lead."


@pytest.mark.parametrize(
    ("text", "hint"),
    [("Bobby Lesson", "Nearest names: "), ("Zzyzx", "No name is similar.")],
)
def test_nobody_is_guessed_and_the_nearest_names_are_suggested(text: str, hint: str) -> None:
    """Promised by docs/contract.md, "Tools": `not_found` whose hint has the nearest names.

    Holds docs/contract.md #nobody-guessed.
    """
    with pytest.raises(MissingError) as raised:
        resolve(DIRECTORY, AGENT, text)
    assert raised.value.hint.startswith(hint)


@pytest.mark.parametrize("text", ["+1 202 555 0143", "1-202-555-0143", "1", "54 21"])
def test_a_number_that_nobody_has_is_not_the_number_in_a_name(text: str) -> None:
    """Promised by docs/contract.md, "Tools": nobody is guessed; a phone number is no name."""
    directory = MemoryDirectory(
        conversation("c1", name="Ann Lee", company="Gate 1 Travel"),
        conversation("c2", name="Bob Ray", company="[1] Studio 54"),
    )
    if text == "1":  # the whole text is a word of theirs
        assert resolve(directory, AGENT, text).total == 2
        return
    with pytest.raises(MissingError):
        resolve(directory, AGENT, text)
    assert resolve(directory, AGENT, "studio 54").lead is not None
    assert resolve(directory, AGENT, "Ann 77").ignored == ["77"]


def test_candidates_are_limited_and_all_of_them_counted() -> None:
    """Promised by docs/contract.md, "Tools": at most 20 candidates, with `total`.

    Holds docs/contract.md #lead-or-candidates.
    """
    namesakes = (conversation(f"c{i}", name="Ann Lee") for i in range(MAX_CANDIDATES + 5))
    match = resolve(MemoryDirectory(*namesakes), AGENT, "ann lee")
    assert (len(match.leads), match.total) == (MAX_CANDIDATES, MAX_CANDIDATES + 5)
