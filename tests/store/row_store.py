"""One agent's rows, saved as Convocore sends them, and asked about as the server does."""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from convocore_mcp.api import wire
from convocore_mcp.fields.conditions import DataField, read_conditions
from convocore_mcp.fields.grouping import FieldName, Grouping, Sort
from convocore_mcp.fields.row_query import (
    MAX_GROUPS,
    FoundRow,
    Groups,
    Requirement,
    RowQuery,
    SortKey,
)
from convocore_mcp.fields.table import BY_NAME, DATA_PREFIX, Field, Rows
from convocore_mcp.fields.times import Clock
from convocore_mcp.store.database.engine import Database
from convocore_mcp.store.database.sequence import sequence_number
from convocore_mcp.store.field_queries.field_conditions import meets
from convocore_mcp.store.field_queries.row_reader import RowReader
from convocore_mcp.store.fields.row_tables import RowTable
from convocore_mcp.store.write.mirror_writer import MirrorWriter
from tests.fields.plain_rows import FieldValues, lead_of, values_of
from tests.fields.raw_rows import NOW, RawRow
from tests.store.agent_store import RULES, AgentStore

ZONE = ZoneInfo("Asia/Kolkata")
"""Half an hour off: a mistake by whole hours shows."""
CLOCK = Clock.at(NOW, ZONE)
HOT_FROM = 75
BATCH = 50
"""Conditions in a statement: engines bound its columns and its depth."""


class RowStore(AgentStore):
    """An agent whose rows come from raw JSON and are read by field."""

    def __init__(self, database: Database, *, zone: tzinfo = ZONE) -> None:
        super().__init__(database)
        self.writer = MirrorWriter(database, RULES, zone=zone)
        self.rows = RowReader(database)
        self.raw: dict[str, RawRow] = {}

    def save_raw(self, raw: Iterable[RawRow], *, minute: int = 0) -> None:
        """Save rows as a page of the list, and rebuild the leads."""
        given = list(raw)
        self.raw |= {row["ID"]: row for row in given}
        body = json.dumps({"success": True, "data": given}).encode()
        read_at = datetime.fromtimestamp(NOW.timestamp() + 60 * minute, UTC)
        page = wire.parse_list_response(body, self.agent, read_at).page
        assert not page.quarantined
        self.writer.save(self.agent, page, read_at=read_at)
        self.rebuild_leads()

    def first_sync_done(self) -> None:
        """From now on changes count."""
        self.writer.update_coverage(self.agent, full_sync_at=NOW)

    def plain(self, rows: Rows) -> dict[str, FieldValues]:
        """The rows by id, as the tests read them by themselves."""
        leads = self.leads()
        lead_of_id = {id_: lead.lead_id for lead in leads.values() for id_ in lead.conversation_ids}
        conversations = {
            id_: values_of(raw, agent=self.agent, lead=lead_of_id.get(id_), now=NOW, zone=ZONE)
            for id_, raw in self.raw.items()
        }
        if rows is Rows.CONVERSATIONS:
            return conversations
        plain = {}
        for lead in leads.values():
            of_lead = [conversations[id_] for id_ in lead.conversation_ids]
            plain[lead.lead_id] = lead_of(of_lead, lead.lead_id, hot_from=HOT_FROM)
            plain[lead.lead_id] |= _money(lead)
        return plain

    def query(self, rows: Rows, *where: str, search: str = "") -> RowQuery:
        """A question with these conditions."""
        conditions = read_conditions(where, rows=rows, clock=CLOCK)
        requirements = tuple(Requirement("where", (c,)) for c in conditions)
        return RowQuery(rows, (self.agent,), CLOCK, requirements, search, HOT_FROM)

    def ids(self, rows: Rows, *where: str, search: str = "") -> set[str]:
        """The ids of the rows that meet all conditions now; counted as well."""
        query = self.query(rows, *where, search=search)
        at = self.rows.sequence_number()
        name = id_field(rows)
        found = self.rows.find(
            query, fields=[BY_NAME[name]], sort=Sort(BY_NAME[name]), limit=1000, at=at, after=None
        )
        ids = {str(row.values[name]) for row in found}
        assert self.rows.count(query, at=at) == len(found) == len(ids)
        return ids

    def ids_of_each(self, rows: Rows, where: Sequence[str]) -> list[set[str]]:
        """The ids of the rows that meet each of these conditions alone, a batch in a statement.

        A statement of its own would take each condition ten times as long.
        """
        found = list[set[str]]()
        query = self.query(rows)
        with self.database.reading() as connection:
            table = RowTable.of(query, connection)
            valid = table.valid_at(query.agents, sequence_number(connection))
            for begin in range(0, len(where), BATCH):
                batch = where[begin : begin + BATCH]
                conditions = [read_conditions([text], rows=rows, clock=CLOCK)[0] for text in batch]
                met = [meets(table, condition) for condition in conditions]
                answer = connection.execute(select(table.row_id, *met).where(valid)).all()
                found += [
                    {row[0] for row in answer if row[column]} for column in range(1, len(met) + 1)
                ]
        return found

    def row_pages(
        self, rows: Rows, sort: Sort, *, limit: int, at: int, fields: Sequence[FieldName] = ()
    ) -> Iterator[list[FoundRow]]:
        """Page after page."""
        after: SortKey | None = None
        asked = [BY_NAME[id_field(rows)], *fields]
        query = self.query(rows)
        more = True
        while more:
            page = self.rows.find(query, fields=asked, sort=sort, limit=limit, at=at, after=after)
            yield page
            more = len(page) == limit
            after = page[-1].key if page else None

    def groups(
        self,
        rows: Rows,
        group_by: Sequence[Grouping],
        *measures: str,
        where: Sequence[str] = (),
        limit: int = MAX_GROUPS,
    ) -> Groups:
        """The rows that meet the conditions, counted and added up by group."""
        query, fields = self.query(rows, *where), [BY_NAME[name] for name in measures]
        return self.rows.groups(query, group_by, fields, limit=limit)


def _money(lead: Any) -> FieldValues:
    """Which row a lead's value and currency come from is decided elsewhere (`leads.merge`)."""
    text = lead.value if lead.unparsed else None
    given = {"value": lead.amount, "value_text": text, "currency": lead.currency}
    return {name: value for name, value in given.items() if value is not None}


def id_field(rows: Rows) -> str:
    """The field that tells rows apart."""
    return "lead_id" if rows is Rows.LEADS else "id"


def field_named(name: str) -> Field | DataField:
    """A field of the table, or a captured variable."""
    return DataField(name[len(DATA_PREFIX) :]) if name.startswith(DATA_PREFIX) else BY_NAME[name]
