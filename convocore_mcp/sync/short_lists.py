"""Short lists: they show far fewer conversations than the mirror holds.

The reason may be a mistake of Convocore's or a large deletion.
"""

SMALL_LIST = 20
"""Up to this many known conversations, a list is only suspicious if it is empty."""


def is_short_list(found: int, known: int) -> bool:
    """Whether a list with `found` conversations, read to its end, is suspiciously short.

    `known` conversations are in the mirror.
    """
    return found < known and (found == 0 or (known > SMALL_LIST and found < known / 2))


def short_full_sync_note(found: int, known: int) -> str:
    """What answers say while a full sync of a short list is not accepted as right."""
    return (
        f"The last full sync found only {found:,} of the {known:,} conversations that are known "
        "here. The others stay until a third full sync in a row misses them; some of them may no "
        "longer exist."
    )


def short_list_note(found: int, known: int) -> str:
    """What answers say after an incremental sync of a short list, until the next full sync."""
    return (
        f"The list showed only {found:,} of the {known:,} conversations that are known here, so "
        "new conversations may be missing until the next full sync."
    )
