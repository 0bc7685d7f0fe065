"""Conditions on fields, as SQL.

Source: docs/contract.md, "Fields": what is missing satisfies only `missing`, `!=` and `!~`; a flag
that is not set is false; text compares without case and accents; a time compared with a period by
`=` lies in it, `>=` and `<` mean its beginning, `>` and `<=` its end.
"""

from collections.abc import Callable

from sqlalchemy import ColumnElement, and_, false, func, literal, not_, or_, select, true

from convocore_mcp.fields.amounts.numbers import read_number
from convocore_mcp.fields.conditions import Condition, DataField, Operand, Operator
from convocore_mcp.fields.row_query import RowQuery
from convocore_mcp.fields.table import Field, Kind, Rows
from convocore_mcp.fields.times import Period
from convocore_mcp.store.database.columns import Sql, Text, storable
from convocore_mcp.store.fields.field_columns import ALIASES, SOURCE, UNPARSED_TEXT, is_long
from convocore_mcp.store.fields.field_tables import conversation_texts
from convocore_mcp.store.fields.row_tables import RowTable, to_ms
from convocore_mcp.store.fields.text_keys import (
    ITEM_MARK,
    SORT_PREFIX_LENGTH,
    WORD_MARK,
    text_key,
    words_of,
)

_WITHOUT_NEGATION = {Operator.NOT_EQUAL: Operator.EQUAL, Operator.HAS_NOT: Operator.HAS}
_COMPARISONS: dict[Operator, Callable[[Sql, float], ColumnElement[bool]]] = {
    Operator.EQUAL: lambda column, number: column == number,
    Operator.GREATER: lambda column, number: column > number,
    Operator.AT_LEAST: lambda column, number: column >= number,
    Operator.LESS: lambda column, number: column < number,
    Operator.AT_MOST: lambda column, number: column <= number,
}


def meets_requirements(table: RowTable, query: RowQuery) -> list[ColumnElement[bool]]:
    """The conditions of a question; each may be met in several ways."""
    return [
        or_(false(), *(meets(table, condition) for condition in requirement.conditions))
        for requirement in query.requirements
    ]


def meets(table: RowTable, condition: Condition) -> ColumnElement[bool]:
    """Whether a row meets a condition; never `NULL`."""
    operator = condition.operator
    if operator is Operator.EXISTS:
        return _exists(table, condition.field)
    if operator is Operator.MISSING:
        return not_(_exists(table, condition.field))
    positive = _WITHOUT_NEGATION.get(operator, operator)
    met = or_(
        false(), *(_comparison(table, condition.field, positive, o) for o in condition.operands)
    )
    return not_(func.coalesce(met, false())) if operator in _WITHOUT_NEGATION else met


def _exists(table: RowTable, field: Field | DataField) -> ColumnElement[bool]:
    if isinstance(field, DataField):
        return table.data(field, 0).is_not(None)
    if field.kind is Kind.FLAG:
        return true()
    known = table.value(field).is_not(None)
    if field.kind is Kind.MONEY:
        return or_(known, table.column(field.name + UNPARSED_TEXT).is_not(None))
    return known


def _comparison(
    table: RowTable, field: Field | DataField, operator: Operator, operand: Operand
) -> ColumnElement[bool]:
    if isinstance(field, DataField):
        return _data_comparison(table, field, operator, operand)
    match operand:
        case Period():
            return _time_comparison(table.value(field), operator, operand)
        case bool():
            is_set = func.coalesce(table.value(field), false())
            return is_set if operand else not_(is_set)
        case float() | int():
            return _COMPARISONS[operator](table.value(field), operand)
        case str():
            return _text_comparison(table, field, operator, storable(operand))


def _data_comparison(
    table: RowTable, field: DataField, operator: Operator, operand: Operand
) -> ColumnElement[bool]:
    """Compare a captured variable: as a text, and as a number too where it is written as one."""
    key, number = table.data(field, 0), table.data(field, 1)
    if not isinstance(operand, str):
        return (
            _COMPARISONS[operator](number, operand) if isinstance(operand, int | float) else false()
        )
    text = storable(operand)
    compared = _key_comparison(table, key, operator, text)
    read = read_number(text) if operator is Operator.EQUAL else None
    return compared if read is None else or_(compared, number == read)


def _time_comparison(column: Sql, operator: Operator, period: Period) -> ColumnElement[bool]:
    begin = to_ms(period.begin)
    # A point in time covers its whole second: answers show no fractions, so none may decide.
    end = to_ms(period.end) + (1000 if period.is_instant else 0)
    match operator:
        case Operator.EQUAL:
            return and_(column >= begin, column < end)
        case Operator.GREATER:
            return column >= end
        case Operator.AT_LEAST:
            return column >= begin
        case Operator.LESS:
            return column < begin
        case _:
            return column < end


def _text_comparison(
    table: RowTable, field: Field, operator: Operator, text: str
) -> ColumnElement[bool]:
    column = table.value(field)
    if field.kind is Kind.ID:
        return column == text
    if is_long(field):
        return _long_comparison(table, field, operator, text)
    if field.aliases:
        names = table.column(field.name + ALIASES)
        return or_(
            _key_comparison(table, column, operator, text),
            _list_comparison(table, names, operator, text),
        )
    if field.kind is Kind.LIST:
        return _list_comparison(table, column, operator, text)
    return _key_comparison(table, column, operator, text)


def _key_comparison(
    table: RowTable, key: Sql, operator: Operator, text: str
) -> ColumnElement[bool]:
    if operator is Operator.EQUAL:
        return key == text_key(text)
    return _has_words(table, key, text)


def _list_comparison(
    table: RowTable, key: Sql, operator: Operator, text: str
) -> ColumnElement[bool]:
    if operator is Operator.EQUAL:
        return table.contains(key, f"{ITEM_MARK}{text_key(text)}{ITEM_MARK}")
    # Item marks become word marks: where an item begins or ends, a word does too.
    marked = func.replace(key, literal(ITEM_MARK, Text), literal(WORD_MARK, Text))
    return _has_words(table, marked, text)


def _has_words(table: RowTable, key: Sql, text: str) -> ColumnElement[bool]:
    """Whether, for each word of `text`, a word of the key begins with it or is an inflection of it.

    A text without words matches nothing.
    """
    marked = literal(WORD_MARK, Text).concat(key).concat(literal(WORD_MARK, Text))
    found = []
    for word in words_of(text):
        forms = [word, *(f"{other}{WORD_MARK}" for other in table.other_forms(word))]
        found.append(or_(*(table.contains(marked, f"{WORD_MARK}{form}") for form in forms)))
    return and_(true(), *found) if found else false()


def _long_comparison(
    table: RowTable, field: Field, operator: Operator, text: str
) -> ColumnElement[bool]:
    """Compare a long text: all of it is in another table; for most rows its beginning decides."""
    whole, version = conversation_texts.c[field.name], conversation_texts.c.valid_from
    versions = select(version).where(_key_comparison(table, whole, operator, text))
    leads = table.rows is Rows.LEADS
    number = table.column(field.name + SOURCE) if leads else table.row_number
    found = number.in_(versions)
    if operator is Operator.EQUAL:
        return and_(table.column(field.name) == text_key(text)[:SORT_PREFIX_LENGTH], found)
    return found
