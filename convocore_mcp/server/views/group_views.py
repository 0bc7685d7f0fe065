"""Groups of rows: their keys and figures, without zeros."""

from collections.abc import Mapping, Sequence

from convocore_mcp.fields.row_query import Measure, RowGroup
from convocore_mcp.fields.table import Rows
from convocore_mcp.server.sanitize import JsonObject, sanitize_object
from convocore_mcp.server.views.view_builders import plain_number, sums_by_currency

NONE, OTHER = "none", "(other)"
"""The keys of rows without a value, and of all groups that are not listed."""


def totals_view(group: RowGroup, *, rows: Rows) -> JsonObject:
    """The figures of all rows."""
    return _figures(group, rows=rows, with_leads=True)


def group_view(group: RowGroup, names: Sequence[str], *, rows: Rows) -> JsonObject:
    """A group: its keys under the names of the grouping, then its figures.

    Groups of conversations have no figures of leads: a lead with five conversations would count
    in five groups.
    """
    keys = {name: _shown_key(key) for name, key in zip(names, group.keys, strict=True)}
    return _with_keys(sanitize_object(keys), group, rows=rows)


def other_view(group: RowGroup, names: Sequence[str], *, rows: Rows) -> JsonObject:
    """All groups that are not listed, together."""
    return _with_keys(dict.fromkeys(names, OTHER), group, rows=rows)


def _shown_key(key: str | bool | None) -> str | bool:
    """The key of a group; a text that equals `none` or `(other)` is shown in quotes."""
    if key is None:
        return NONE
    is_taken = isinstance(key, str) and key.strip().casefold() in {NONE, OTHER}
    return f'"{key}"' if is_taken else key


def _with_keys(keys: JsonObject, group: RowGroup, *, rows: Rows) -> JsonObject:
    figures = _figures(group, rows=rows, with_leads=rows is Rows.LEADS)
    # A key and a figure may have the same name, `hot`: then the figure would repeat the key.
    return keys | {name: figure for name, figure in figures.items() if name not in keys}


def _figures(group: RowGroup, *, rows: Rows, with_leads: bool) -> JsonObject:
    of_conversations: JsonObject = {
        "conversations": group.rows,
        "messages": group.messages,
        "tokens": group.tokens,
        "ai_usd": _dollars(group.ai_usd),
        "usd": _dollars(group.ai_usd + group.call_usd),
        "rating_avg": None if group.rating_avg is None else round(group.rating_avg, 2),
        "rated": group.rated,
    }
    of_leads: JsonObject = {
        "leads": group.leads,
        "hot": group.hot,
        "value": sums_by_currency(group.value),
        "unparsed_values": group.unparsed_values,
    }
    counted = "leads" if rows is Rows.LEADS else "conversations"
    figures = of_conversations if rows is Rows.CONVERSATIONS else {}
    figures |= of_leads if with_leads else {}
    figures |= {"waiting_for_human": group.waiting_for_human}
    if rows is Rows.LEADS:
        figures |= {"leads": group.rows, "overdue": group.overdue}
    measures = {name: _measure_view(measure) for name, measure in group.measures.items()}
    known = {name: figure for name, figure in figures.items() if figure or name == counted}
    return known | ({"measures": measures} if measures else {})


def _measure_view(measure: Measure | Mapping[str | None, Measure]) -> JsonObject:
    if not isinstance(measure, Measure):
        return {currency or "unknown": _measure_view(m) for currency, m in measure.items()}
    return {
        "n": measure.n,
        "sum": _rounded(measure.sum),
        "avg": _rounded(measure.avg),
        "median": _rounded(measure.median),
        "max": _rounded(measure.max),
    }


def _rounded(number: float) -> float:
    return plain_number(round(number, 4)) or 0


def _dollars(amount: float) -> float:
    return plain_number(round(amount, 6)) or 0
