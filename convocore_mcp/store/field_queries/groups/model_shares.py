"""What each AI model had of a conversation, where more than the model of its last turn had a part.

Grouped by model, a conversation counts in the group of its last model, while its tokens and their
cost are shared out.
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
    fitting: Sequence[ColumnElement[bool]],
) -> Iterator[tuple[GroupKey, float, float]]:
    """Tokens and US dollars to add to groups: what is another model's is taken from the last's."""
    place = list(keys.group_by).index(BY_NAME["model"])
    amounts = (table.column("tokens"), table.column("ai_usd"), table.column("shares"))
    statement = select(*keys.columns, *keys.stored_keys, *amounts).where(
        *fitting, amounts[2].is_not(None)
    )
    for *values, tokens, usd, stored in connection.execute(statement):
        parts: list[tuple[str, float | None, float | None]] = stored_list(stored)
        # A part that is unknown may be any part of the whole: then all of it stays where it is.
        tokens_known = all(part[1] is not None for part in parts)
        usd_known = all(part[2] is not None for part in parts)
        for key in keys.of(values):
            yield key, -float(tokens or 0) * tokens_known, -float(usd or 0) * usd_known
            for model, model_tokens, model_usd in parts:
                keys.note_spelling(place, text_key(model), model, 0)
                of_model = (*key[:place], text_key(model), *key[place + 1 :])
                yield of_model, (model_tokens or 0) * tokens_known, (model_usd or 0) * usd_known
