"""The single conversation, its transcript, and how much the list shows of it.

Source: docs/upstream.md, "The single conversation" and "The transcript".
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from convocore_mcp.sandbox.data.generated_rows import SPARSE_FIELDS
from convocore_mcp.sandbox.data.transcripts import transcript
from convocore_mcp.sandbox.server.responses import Response, error_response, json_response

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

    from convocore_mcp.sandbox.server.conversation_list import ConversationList
    from convocore_mcp.sandbox.shapes import Json, Row

_NOT_IN_PLAN = "Chat Export API addon required. Subscribe to chat-export-api to use this endpoint."


class SingleItems(ABC):
    """Single conversations. With `sparse`, rows of the list hold little of what these hold.

    A row whose single conversation can't be read stays as full as it is without `sparse`: else no
    answer could ever be compared with the whole data.
    """

    agent_id: str
    _list: ConversationList
    _lock: threading.RLock

    def __init__(self, *, sparse: bool, export: bool) -> None:
        self.sparse, self.export = sparse, export
        self.transcripts: dict[str, Row] = {}
        """Transcripts that a test wrote, by conversation; all others are generated."""
        self._broken: set[str] = set()
        self._without_item: set[str] = set()

    def break_record(self, conversation_id: str) -> None:
        """Answer 500 "Output validation failed" whenever this conversation is asked for alone."""
        self._broken.add(conversation_id)

    def break_one_record(self) -> str | None:
        """Break the record of the newest conversation that the list does not show in full.

        Returns its ID.
        """
        for row in self.rows():
            identifier: str = row["ID"]
            if self._has_item(identifier) and row.keys() < (self.item(identifier) or {}).keys():
                self.break_record(identifier)
                return identifier
        return None

    def without_item(self, conversation_id: str) -> None:
        """Answer 404 whenever this conversation is asked for alone, though the list shows it."""
        self._without_item.add(conversation_id)

    def item(self, conversation_id: str) -> Row | None:
        """The single conversation with all its fields; None where the answer is no conversation."""
        with self._lock:
            readable = self._has_item(conversation_id)
            found: Row | None = self._list.item(conversation_id) if readable else None
            return found

    def known_rows(self) -> Iterator[Row]:
        """Each conversation as the single one has it, else as the list shows it; newest first."""
        for row in self.rows():
            yield self.item(row["ID"]) or row

    @abstractmethod
    def rows(self) -> Iterator[Row]:
        """Every conversation that is not empty, as the list shows it now, newest first."""

    def _has_item(self, conversation_id: str) -> bool:
        # Convocore lists conversations that were created through its REST API, but answers 404 for
        # each of them.
        by_rest_api = conversation_id.startswith(f"{self.agent_id}_")
        unreadable = conversation_id in self._broken or conversation_id in self._without_item
        return not (by_rest_api or unreadable)

    def _listed(self, row: Json) -> Json:
        """`row` as the list shows it."""
        if not self.sparse or not isinstance(row, dict) or not self._has_item(str(row.get("ID"))):
            return row
        return {name: row[name] for name in SPARSE_FIELDS if name in row}

    def _item_response(self, conversation_id: str) -> Response:
        if conversation_id in self._broken:
            return error_response(500, "Output validation failed")
        item = self.item(conversation_id)
        if item is None:
            return error_response(404, "Conversation not found")
        message = "Conversation retrieved successfully"
        return json_response({"success": True, "message": message, "data": item})

    def _export_response(self, conversation_id: str, query: dict[str, str]) -> Response:
        if not self.export:
            return error_response(403, _NOT_IN_PLAN)
        if query.get("format", "json") != "json":
            return error_response(400, "Only format=json")
        item = self.item(conversation_id)
        if item is None:
            return error_response(404, "Conversation not found")
        said = self.transcripts.get(conversation_id) or transcript(item)
        message = "Conversation exported successfully"
        return json_response({"success": True, "message": message, "data": said})
