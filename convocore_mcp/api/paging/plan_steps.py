"""What a plan for reading by page numbers asks for, and what a response leads to."""

from collections.abc import Sequence
from dataclasses import dataclass

from convocore_mcp.api.page_numbers import Span
from convocore_mcp.models import Page


@dataclass(frozen=True, slots=True)
class Prefetch:
    """Send a request for each of `spans`, then wait for the oldest request under way."""

    spans: Sequence[Span]


@dataclass(frozen=True, slots=True)
class ReadNow:
    """Send a request for `span` and wait for it; the requests under way stay as they are."""

    span: Span


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a response led to."""

    pages: Sequence[Page] = ()
    """Pages to hand out, in the order of the list. The last one carries a resume token."""
    cancel_prefetched: bool = False
    """Whether to cancel the requests under way, because they ask for the wrong spans now."""
