"""All rows of a list, page by page: the same filters, fields and rows as the list tools have."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self

from convocore_mcp.cli.tool_arguments import read_pairs
from convocore_mcp.errors import InvalidArgumentError
from convocore_mcp.fields.table import Rows
from convocore_mcp.server.backend import Backend
from convocore_mcp.server.requests import (
    NO_FILTER,
    ConversationsRequest,
    FilterArguments,
    LeadsRequest,
)
from convocore_mcp.server.sanitize import JsonObject
from convocore_mcp.server.size_limit import character_limit
from convocore_mcp.server.tools.list_conversations import list_conversations
from convocore_mcp.server.tools.list_leads import list_leads
from convocore_mcp.server.tools.strict_tool import StrictTool
from convocore_mcp.server.views.row_views import (
    BRIEF_CONVERSATION,
    BRIEF_LEAD,
    FULL_CONVERSATION,
    shown_fields,
)

PAGE_ROWS, PAGE_CHARACTERS = 1_000, 20_000_000
"""The size of a page, which is read, held and written as a whole; a model gets smaller ones."""
PAGING_ARGUMENTS = ("limit", "cursor")
"""Arguments of the tools that an export refuses, because it has all rows."""


class ExportKind(StrEnum):
    """What is exported."""

    conversations = "conversations"
    leads = "leads"


@dataclass(frozen=True, slots=True)
class RowList:
    """A list to be written: what is asked, and the columns that it has."""

    kind: ExportKind
    request: ConversationsRequest | LeadsRequest
    agent_id: str

    @classmethod
    def of(cls, kind: ExportKind, pairs: Sequence[str]) -> Self:
        """Read the arguments as the tool reads them.

        Raises:
            InvalidArgumentError: an argument is not one of the tool, or not valid.
        """
        given = read_pairs(pairs, also=" The file to write is named with -o.")
        for name in PAGING_ARGUMENTS:
            if name in given:
                raise InvalidArgumentError(
                    f"{name}: an export has every row.",
                    hint="Leave it out, or use since and where.",
                )
        fn = list_leads if kind is ExportKind.leads else list_conversations
        read = StrictTool.of(fn, title="").read_arguments(given)
        names = [name for name in FilterArguments.__slots__ if name in read]
        filters = replace(NO_FILTER, **{name: read[name] for name in names})
        agent_id = str(read["agent_id"])
        if kind is ExportKind.leads:
            fields = read["fields"] or BRIEF_LEAD
            return cls(kind, LeadsRequest(filters, read["sort"], fields, PAGE_ROWS), agent_id)
        full = read["detail"] == "full"
        fields = read["fields"] or (FULL_CONVERSATION if full else BRIEF_CONVERSATION)
        return cls(kind, ConversationsRequest(filters, read["sort"], fields, PAGE_ROWS), agent_id)

    def columns(self, agents: Sequence[str]) -> list[str]:
        """The fields that rows can have, in their order.

        Raises:
            InvalidArgumentError: a name in `fields` is not a field.
        """
        rows = Rows.LEADS if self.kind is ExportKind.leads else Rows.CONVERSATIONS
        names = [f.name for f in shown_fields(self.request.fields, rows=rows, agents=len(agents))]
        if "value" in names and "value_text" not in names:
            names.insert(names.index("value") + 1, "value_text")
        return names

    async def pages(self, backend: Backend, agents: Sequence[str]) -> AsyncIterator[JsonObject]:
        """The answers that hold the rows; each has `total` and `freshness`.

        Raises:
            ApiError: Convocore can't be read, and the mirror is still empty.
        """
        cursor = ""
        while True:
            with character_limit(PAGE_CHARACTERS):
                answer = await self._page(backend, agents, cursor)
            yield answer
            cursor = answer.get("next_cursor", "")
            if not cursor:
                return

    async def _page(self, backend: Backend, agents: Sequence[str], cursor: str) -> JsonObject:
        if isinstance(self.request, LeadsRequest):
            return await backend.answers.list_leads(agents, replace(self.request, cursor=cursor))
        request = replace(self.request, cursor=cursor)
        return await backend.answers.list_conversations(agents, request)
