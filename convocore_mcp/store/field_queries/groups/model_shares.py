"""Each AI model's share of a conversation, where more models than that of its last turn had one.

Grouped by model, a conversation counts in the group of the model of its last turn, but its tokens
and their cost count in the group of the model that used them.
"""

from collections.abc import Iterator, Sequence

from sqlalchemy import ColumnElement, Connection, select

from convocore_mcp.fields.table import BY_NAME
from convocore_mcp.store.database.parsed_records import stored_list
from convocore_mcp.store.field_queries.groups.group_keys import GroupKey, GroupKeys
from convocore_mcp.store.fields.row_tables import RowTable
from convocore_mcp.store.fields.text_keys import text_key


def shares(
    connection: Connection,
    table: RowTable,
    keys: GroupKeys,
    conditions: Sequence[ColumnElement[bool]],
) -> Iterator[tuple[GroupKey, float, float]]:
    """Tokens and US dollars to add to groups; negative ones move a share to its model's group."""
    index = list(keys.group_by).index(BY_NAME["model"])
    amounts = (table.column("tokens"), table.column("ai_usd"), table.column("shares"))
    statement = select(*keys.columns, *keys.stored_keys, *amounts).where(
        *conditions, amounts[2].is_not(None)
    )
    for *values, tokens, usd, stored in connection.execute(statement):
        parts: list[tuple[str, float | None, float | None]] = stored_list(stored)
        # With an unknown share, all of the sum stays with the model of the last turn.
        tokens_known = all(part[1] is not None for part in parts)
        usd_known = all(part[2] is not None for part in parts)
        for key in keys.of(values):
            yield key, -float(tokens or 0) * tokens_known, -float(usd or 0) * usd_known
            for model, model_tokens, model_usd in parts:
                keys.note_spelling(index, text_key(model), model, 0)
                of_model = (*key[:index], text_key(model), *key[index + 1 :])
                yield of_model, (model_tokens or 0) * tokens_known, (model_usd or 0) * usd_known
