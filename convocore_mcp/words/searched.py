"""Which texts of a conversation a search covers."""

from convocore_mcp.models import Conversation
from convocore_mcp.words.folding import digits


def searched_texts(c: Conversation, phone_key: str | None) -> list[str]:
    """The texts that `query` covers; the phone number also as digits, and as `phone_key`.

    `c` was just parsed: only then does it have facts.

    Source: docs/contract.md, "Tools".
    """
    texts = (
        c.name, c.email, c.phone, c.company, c.title, c.summary, c.last_message, c.notes,
        c.facts.funnel_summary,
    )  # fmt: skip
    phones = (digits(c.phone or ""), phone_key)
    return [text for text in (*texts, *c.tags, *phones) if text]
