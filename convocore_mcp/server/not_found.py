"""What an answer says when the mirror does not have what was asked for.

Only a mirror that holds everything can tell that there is no such person. So each `not_found` says
how much was searched; and while the first full sync fails, the failure is the answer.
"""

from copy import copy

from convocore_mcp.errors import ConvocoreError, MissingError
from convocore_mcp.models import Freshness
from convocore_mcp.server.views.view_builders import rfc3339
from convocore_mcp.words.counted import counted


def with_coverage(missing: MissingError, freshness: Freshness) -> ConvocoreError:
    """The error to raise instead of `missing`, given what had been read when it was found out."""
    were = "was" if freshness.conversations == 1 else "were"
    searched = counted(freshness.conversations, "conversation")
    if freshness.complete:
        coverage = f"All {searched} {were} searched, as of {rfc3339(freshness.as_of)}."
        return _with_hint(missing, " ".join((missing.hint, coverage, *freshness.notes)))
    if isinstance(freshness.first_sync_error, ConvocoreError):
        hint = f"{missing.message} But only {searched} have been read before Convocore failed."
        return _with_hint(freshness.first_sync_error, f"{hint} {freshness.first_sync_error.hint}")
    coverage = " ".join(
        (f"The mirror is incomplete: only {searched} could be searched.", *freshness.notes)
    )
    return _with_hint(missing, f"{coverage} {missing.hint}")


def _with_hint(error: ConvocoreError, hint: str) -> ConvocoreError:
    changed = copy(error)
    changed.hint = hint.strip()
    return changed
