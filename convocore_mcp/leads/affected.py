"""Which leads a changed conversation can touch: the affected set, and the leads it makes.

`merge` needs together all conversations that may be one lead. Merging the whole mirror after every
change would be slow, so this module says how far one change can reach, and no further:

- A changed conversation can affect the members of its lead, the conversations of its identity, and
  those that share its email or phone number.
- Two different identities never merge. So an email or a phone number reaches only *unidentified*
  conversations, those without an identity: where hundreds of identities share a reception's number,
  none of them is reached through it.
- Of the identities that share a value with an unidentified conversation, it only matters whether
  there are none, one (the conversation is that identity's) or several (it is nobody's). So two of
  them are enough to know, and an identity whose conversations were not fetched is represented in
  `merge` by a stand-in.
- The values of its older versions count, too: leads that such a value kept apart may now merge.

For these reasons the cost of one change does not grow with the number of conversations that share a
value. Below, an identity *claims* an unidentified conversation if it shares such a value with it.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Protocol

from convocore_mcp.leads.merge import merge, takes_part
from convocore_mcp.models import Conversation, DerivedKeys, Lead

ID, LEAD_ID, IDENTITY, EMAIL, PHONE = "id", "lead_id", "identity", "email", "phone"
"""The fields by which a conversation leads to others; two of them are those of `DerivedKeys`."""
SHARED = (EMAIL, PHONE)
"""The fields that conversations of different people may share."""


class ConversationLookup(Protocol):
    """Looks up current conversations of one agent (`store.write.affected_lookup`)."""

    def fetch(
        self, values: Mapping[str, Collection[str]]
    ) -> Iterable[tuple[Conversation, DerivedKeys]]:
        """The conversations with one of `values` (by field) that were not fetched before.

        By email and phone number, only those without an identity are found (`is_unidentified`).
        """
        ...

    def identities_sharing(
        self, field: str, values: Collection[str]
    ) -> Iterable[tuple[str, set[str]]]:
        """The identities of conversations with each of `values`: all of them, or at least two.

        `field` is one of `SHARED`. Only conversations that take part count (`merge.takes_part`).
        """
        ...

    def former_values(self, ids: Collection[str]) -> Mapping[str, set[str]]:
        """The `SHARED` values that older versions of these conversations had, by field."""
        ...


def is_unidentified(c: Conversation) -> bool:
    """Whether a conversation takes part without an identity of its own."""
    return c.identity is None and takes_part(c)


def merge_affected(
    lookup: ConversationLookup, ids: Collection[str], lead_ids: Collection[str]
) -> list[Lead]:
    """The leads of everybody whom the changed conversations `ids` can touch.

    `lead_ids` are the leads that they were in. The result, put in place of all leads that the
    fetched conversations were in, is what a merge of all conversations would give.
    """
    affected = _AffectedSet(lookup)
    values: dict[str, set[str]] = {ID: set(ids), LEAD_ID: set(lead_ids)}
    values |= lookup.former_values(ids)
    while any(values.values()):
        values = affected.extend(values)
    partial = affected.partial_identities()
    return [lead for lead in merge(affected.rows()) if lead.lead_id not in partial]


class _AffectedSet:
    """The conversations fetched so far, and the values that lead to further ones."""

    def __init__(self, lookup: ConversationLookup) -> None:
        self._lookup = lookup
        self._rows: list[tuple[Conversation, DerivedKeys]] = []
        self._fetched: defaultdict[str, set[str]] = defaultdict(set)
        """The values that were looked up, by field."""
        self._claims: dict[tuple[str, str], set[str]] = {}
        """The identities that share an email or phone number (field, value) with an unidentified
        conversation: all of them, or two.
        """

    def extend(self, values: Mapping[str, set[str]]) -> dict[str, set[str]]:
        """Fetch what has these values; returns the values to look up next."""
        new = list(self._lookup.fetch(values))
        self._rows += new
        for field, fetched in values.items():
            self._fetched[field] |= fetched
        return {
            field: found - self._fetched[field] for field, found in self._next_values(new).items()
        }

    def _next_values(self, new: Iterable[tuple[Conversation, DerivedKeys]]) -> dict[str, set[str]]:
        taking_part = [(c, keys) for c, keys in new if takes_part(c)]
        unidentified = [(c, keys) for c, keys in taking_part if is_unidentified(c)]
        identities = {c.identity for c, _ in taking_part if c.identity is not None}
        identities |= self._only_claimants(unidentified)
        return {
            # An identity may be the id of a conversation, which is then its own (`leads.merge`).
            ID: identities,
            IDENTITY: identities | {c.id for c, _ in unidentified},
            LEAD_ID: {c.lead_id for c, _ in new if c.lead_id is not None},
            **{field: _values(field, taking_part) for field in SHARED},
        }

    def _only_claimants(self, unidentified: Iterable[tuple[Conversation, DerivedKeys]]) -> set[str]:
        """The identities that alone share a value with one of these; notes all claims."""
        found: set[str] = set()
        for field in SHARED:
            unknown = {v for v in _values(field, unidentified) if (field, v) not in self._claims}
            for value, identities in self._lookup.identities_sharing(field, sorted(unknown)):
                self._claims[field, value] = identities
                if len(identities) == 1:
                    found |= identities
        return found

    def rows(self) -> Iterable[tuple[Conversation, DerivedKeys]]:
        """What `merge` works on: the conversations, and a stand-in for each claim not fetched."""
        yield from self._rows
        for (field, value), identities in self._claims.items():
            for identity in identities - self._fetched[IDENTITY]:
                yield Conversation("", "", identity=identity), _only_key(field, value)

    def partial_identities(self) -> set[str]:
        """Identities that were not fetched as a whole: a lead made of them would be incomplete."""
        return set().union(*self._claims.values()) - self._fetched[IDENTITY]


def _values(field: str, rows: Iterable[tuple[Conversation, DerivedKeys]]) -> set[str]:
    values = (keys.email if field == EMAIL else keys.phone for _, keys in rows)
    return {value for value in values if value is not None}


def _only_key(field: str, value: str) -> DerivedKeys:
    email, phone = (value, None) if field == EMAIL else (None, value)
    return DerivedKeys(email, phone, amount=None, unparsed=False, currency=None, text="")
