"""Details of single conversations: which are wanted, what was read, and how many are missing."""

from dataclasses import dataclass
from enum import StrEnum

from convocore_mcp.models.conversation import Conversation


class DetailsOutcome(StrEnum):
    """What asking for one conversation by itself brought."""

    READ = "read"
    MISSING = "missing"
    """Convocore answers 404, though the list shows it."""
    BROKEN = "broken"
    """Convocore can't serve this record, or nobody can read it."""


class TrialResult(StrEnum):
    """The result of a details trial: whether single conversations add anything to the list."""

    ADDS = "adds"
    """Single conversations hold more than their rows."""
    LIST_IS_FULL = "full"
    """Single conversations hold nothing that their rows lack."""
    REFUSED = "refused"
    """Convocore gives no single conversation: it refuses them, or finds none."""


@dataclass(frozen=True, slots=True)
class WantedDetails:
    """A conversation whose details are to be read, in the version that the mirror holds."""

    id: str
    version: int


@dataclass(frozen=True, slots=True)
class ReadDetails:
    """The answer for one `WantedDetails`."""

    wanted: WantedDetails
    outcome: DetailsOutcome
    single: Conversation | None = None
    """What Convocore gave, if it is `READ`."""


@dataclass(frozen=True, slots=True)
class DetailsTrial:
    """The newest trial of an agent, and the full sync after which it was made."""

    full_sync_at: int
    """Unix milliseconds."""
    result: str
    """A `TrialResult`."""


@dataclass(frozen=True, slots=True)
class DetailsState:
    """How many details an answer lacks."""

    pending: int = 0
    """Sparse rows of the question whose details are still to be read."""
    refused: int = 0
    """Sparse rows whose details Convocore does not give."""
    trial: DetailsTrial | None = None
    outdated: int = 0
    """Sparse rows whose details were read so long ago that later edits may be missing."""
    bare: bool = False
    """Most rows of the list say next to nothing; false also where nobody has looked."""
    unread: int = 0
    """Sparse rows whose details are not read because the settings say so."""
