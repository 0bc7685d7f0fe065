"""Whether a list still brings conversations, and whether its end is certain.

Lists end in many ways: without a cursor, with the same cursor again, with the last page under ever
new cursors, with a refusal. The rows of a page are always kept; what the page brought decides:

- **Several pages that bring nothing new are the end**, whatever the cursor says.
- **A cursor may be a position in the list**, like an offset. Then rows that were deleted meanwhile
  move others onto a page that was read. Rows that appear twice show it; from then on, each page is
  read again after the next one.
- **The end is certain if the last page that brought something had room left**: then no row can
  stand after it. The size of a page is what the pages have, not what was asked for.
"""

from convocore_mcp.api.page_numbers import DEFAULT_LIMIT
from convocore_mcp.api.wire import ListResponse

IDLE_PAGES_TO_END = 3
"""Consecutive pages with rows, of which hardly any is new. A single one may come from a cache."""
EMPTY_PAGES_TO_END = 50
"""Consecutive empty pages under new cursors; Convocore's filter can hide all rows of some pages."""
_FILTER_BITS = 2**25


class SeenRows:
    """Which conversations a list has shown, in a fixed amount of memory (a Bloom filter).

    Of a list of a million conversations it takes 4 in 1,000 new ones for known, so only whole pages
    are judged by it. A set of IDs would need 100 MB.
    """

    def __init__(self) -> None:
        self._bits = bytearray(_FILTER_BITS // 8)

    def add(self, conversation_id: str) -> bool:
        """Add a conversation; returns whether it is new."""
        code, bits, new = hash(conversation_id), self._bits, False
        for position in (code % _FILTER_BITS, (code >> 32) % _FILTER_BITS):
            byte, bit = position >> 3, 1 << (position & 7)
            if not bits[byte] & bit:
                bits[byte] |= bit
                new = True
        return new


class ListProgress:
    """What the pages of one list have brought so far."""

    def __init__(self, *, cursors_are_positions: bool = False) -> None:
        """`cursors_are_positions`: an earlier reading of this list has shown that they are."""
        self.cursors_are_positions = cursors_are_positions
        """Whether the cursors are positions: a deletion moves rows onto a page that was read."""
        self.may_lack_rows = False
        """Whether pages were not read again although rows may have moved onto them."""
        self._last_row: str | None = None
        self._overlapping_pages = self._adjoining_pages = 0
        self._seen = SeenRows()
        self._page_size = 0
        self._fruitful_pages = 0
        self.rows = 0
        """How many different conversations the list has shown."""
        self.idle_pages = 0
        """Consecutive pages with rows, of which at most a quarter were new."""
        self.empty_pages = 0
        """Consecutive pages without rows."""
        self.new_on_page = 0
        """How many conversations of the latest page were new."""
        self.had_room = False
        """Whether the last page that brought something had room left for more rows."""
        self.last_page: frozenset[str] = frozenset()
        """The digests of the last page that brought something."""

    @property
    def exhausted(self) -> bool:
        """Whether the latest pages brought nothing new, so that there is no use in going on."""
        return self.idle_pages >= IDLE_PAGES_TO_END or self.empty_pages >= EMPTY_PAGES_TO_END

    @property
    def may_be_exhausted(self) -> bool:
        """Whether one more page that brings nothing new would be the end."""
        idle, empty = self.idle_pages + 1, self.empty_pages + 1
        return idle >= IDLE_PAGES_TO_END or empty >= EMPTY_PAGES_TO_END

    @property
    def may_be_a_mistake(self) -> bool:
        """Whether the latest page brought nothing new, and the one before it did."""
        return 1 in (self.idle_pages, self.empty_pages)

    def add_again(self, response: ListResponse) -> int:
        """Count the same page, read again; only what it brings counts."""
        idle, empty = self.idle_pages, self.empty_pages
        new = self.add(response)
        if not new:
            self.idle_pages, self.empty_pages = idle, empty
        return new

    def compare_with_previous_page(self, response: ListResponse) -> None:
        """Find out from the page that was just added whether the cursors are positions.

        A cursor that names a row never repeats rows that nobody has touched. If it is a position,
        the last row of a page stands on the next one again where rows came in front of it. A list
        in which every page begins with the last row of the page before overlaps by design.
        """
        rows = [row.record for row in response.page.rows]
        if self._last_row is not None and self.new_on_page and rows:
            # Pages that begin with the last row of the page before, and pages that do not.
            self._overlapping_pages += self._last_row in rows
            self._adjoining_pages += self._last_row not in rows
            if self._overlapping_pages and self._adjoining_pages and not self.cursors_are_positions:
                self.cursors_are_positions = self.may_lack_rows = True
        self._last_row = rows[-1] if rows else None

    def add(self, response: ListResponse) -> int:
        """Count a page; returns how many of its conversations are new."""
        self.new_on_page = 0
        if not response.row_count:
            self.empty_pages += 1
            return 0
        page = response.page
        ids = [row.id for row in page.rows]
        # Rows that can't be read and have no ID are distinguished by their content.
        ids += [row.id or row.raw for row in page.quarantined]
        self.new_on_page = new = sum(map(self._seen.add, ids))
        self.rows += new
        self.empty_pages = 0
        self.idle_pages = self.idle_pages + 1 if new <= len(ids) // 4 else 0
        if new:
            self._fruitful_pages += 1
            self._page_size = max(self._page_size, response.row_count)
            self.had_room = self._has_room(response)
            self.last_page = response.row_digests
        return new

    def _has_room(self, response: ListResponse) -> bool:
        # A few rows of a full page may be hidden by Convocore's filter.
        size = self._page_size
        if self._fruitful_pages == 1:  # nothing but what was asked for tells the size of a page
            # Pages may be smaller than that where the list says that it goes on.
            continues = response.has_more or (response.has_more is None and response.next_cursor)
            size = 0 if continues else DEFAULT_LIMIT
        return size - response.row_count >= max(1, size // 5)
