"""Conditions of `where`: `FIELD OP VALUE`, read into objects that each engine can apply.

A condition has what it compares (`field`, `operator`, `operands`) and its text for people (`text`).
All conditions of a list must hold. A missing value satisfies only `missing`, `!=` and `!~`.

Source: docs/contract.md, "Fields".
"""

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from convocore_mcp.errors import InvalidArgumentError
from convocore_mcp.fields.amounts.compared_numbers import compared_number
from convocore_mcp.fields.amounts.numbers import read_number
from convocore_mcp.fields.table import (
    BY_NAME,
    DATA_PREFIX,
    FIELDS,
    UNPARSED_VALUE,
    Field,
    Kind,
    Rows,
)
from convocore_mcp.fields.times import Clock, Period, read_period
from convocore_mcp.words.shown_ids import ids_shown_as

MAX_CONDITIONS = 12
MAX_ALTERNATIVES = 20
MAX_CONDITION_LENGTH = 500
"""Characters of one condition."""


class Operator(StrEnum):
    """How a value is compared."""

    EQUAL = "="
    NOT_EQUAL = "!="
    GREATER = ">"
    AT_LEAST = ">="
    LESS = "<"
    AT_MOST = "<="
    HAS = "~"
    HAS_NOT = "!~"
    EXISTS = "exists"
    MISSING = "missing"

    @property
    def is_negative(self) -> bool:
        """Whether a row without the value satisfies it."""
        return self in {Operator.NOT_EQUAL, Operator.HAS_NOT, Operator.MISSING}


O = Operator  # noqa: E741  a table below names each operator many times
_ALWAYS = frozenset({O.EXISTS, O.MISSING})
_SAME = frozenset({O.EQUAL, O.NOT_EQUAL})
_ORDER = frozenset({O.GREATER, O.AT_LEAST, O.LESS, O.AT_MOST})
_WORDS = frozenset({O.HAS, O.HAS_NOT})
OPERATORS: dict[Kind, frozenset[Operator]] = {
    Kind.TEXT: _SAME | _WORDS | _ALWAYS,
    Kind.CHOICE: _SAME | _WORDS | _ALWAYS,
    Kind.LIST: _SAME | _WORDS | _ALWAYS,
    Kind.ID: _SAME | _ALWAYS,
    Kind.NUMBER: _SAME | _ORDER | _ALWAYS,
    Kind.MONEY: _SAME | _ORDER | _ALWAYS,
    Kind.TIME: _SAME | _ORDER | _ALWAYS,
    Kind.DATE: _SAME | _ORDER | _ALWAYS,
    Kind.FLAG: _SAME | _ALWAYS,
    Kind.UNPARSED: _ALWAYS,
}
"""Which operators each kind of field takes."""

Operand = str | float | bool | Period
_SYMBOL = re.compile(r"(>=|<=|!=|!~|==|=>|=<|<>|=|~|>|<)")
_SAME_AS = {"==": "=", "=>": ">=", "=<": "<=", "<>": "!="}
_QUOTED_NAME = re.compile(r"""\s*data\.\s*(?:"[^"]+"|'[^']+')""", re.IGNORECASE)
"""A captured variable's name in quotes may hold what is an operator elsewhere."""
_WORD_OPERATOR = re.compile(r"(.+?)\s+(exists|missing)", re.IGNORECASE | re.DOTALL)
_ALTERNATIVE = re.compile(r"""\s*(["'])(.*?)\1\s*(?=\||$)|([^|]+)""", re.DOTALL)
"""One alternative of a value: in quotes, which a bar or the end must follow, or up to a bar."""
_TRUE, _FALSE = {"true", "yes", "1", "on"}, {"false", "no", "0", "off"}
_NAMING_UNPARSED = {"where", "fields"}
"""The arguments that may name `value_text`."""
_FIELDS_OF = {
    rows: {field.name: field for field in FIELDS if field.rows in {rows, Rows.BOTH}}
    for rows in Rows
}
_EXAMPLE = "Write FIELD OP VALUE, e.g. value>10000, stage!=won|lost, email missing, demo=today."


@dataclass(frozen=True, slots=True)
class DataField:
    """A captured variable, or an extracted value, by name."""

    key: str

    @property
    def name(self) -> str:
        """As a condition names it."""
        return f"{DATA_PREFIX}{self.key}"


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition: the row's value of `field` against any of `operands`."""

    field: Field | DataField
    operator: Operator
    operands: tuple[Operand, ...]
    text: str
    """The condition as it was understood, for `applied` in the answer."""


def read_conditions(
    texts: Sequence[str], *, rows: Rows, clock: Clock, name: str = "where"
) -> tuple[Condition, ...]:
    """Read the conditions of an argument; `rows` says which fields there are.

    Raises:
        InvalidArgumentError: one of them can't be understood; the hint has the nearest spelling.
    """
    if len(texts) > MAX_CONDITIONS:
        raise InvalidArgumentError(
            f"{name}: {len(texts)} conditions are too many.",
            hint=f"Use at most {MAX_CONDITIONS}.",
        )
    return tuple(_condition(text, rows=rows, clock=clock, name=name) for text in texts)


def _condition(text: str, *, rows: Rows, clock: Clock, name: str) -> Condition:
    if len(text) > MAX_CONDITION_LENGTH:
        raise InvalidArgumentError(
            f"{name}: a condition has {len(text)} characters.",
            hint=f"Use at most {MAX_CONDITION_LENGTH} in each.",
        )
    subject, operator, value = _parts(text, name)
    field = find_field(subject, rows=rows, name=name)
    kind = field.kind if isinstance(field, Field) else None
    if kind is not None and operator not in OPERATORS[kind]:
        valid = " ".join(sorted(OPERATORS[kind]))
        raise InvalidArgumentError(
            f"{name}: {field.name} is a {field.shown_kind}, which {operator} can't compare."
            if isinstance(field, Field)
            else "",
            hint=f"Use one of: {valid}.",
        )
    if operator in _ALWAYS:
        return Condition(field, operator, (), f"{field.name} {operator}")
    parts = _alternatives(value, name, text)
    meant = [id_ for part in parts for id_ in ids_shown_as(part)] if kind is Kind.ID else parts
    operands = tuple(_operand(field, operator, part, clock, name) for part in meant)
    shown = "|".join(map(quoted, parts))
    return Condition(field, operator, operands, f"{field.name}{operator}{shown}")


def quoted(part: str) -> str:
    """An alternative as a condition has it: in quotes where a bar is a part of it."""
    bare = part.strip()
    if "|" not in bare:
        return bare
    return f"'{bare}'" if '"' in bare else f'"{bare}"'


def _parts(text: str, name: str) -> tuple[str, Operator, str]:
    quoted = _QUOTED_NAME.match(text)
    found = _SYMBOL.search(text, quoted.end() if quoted else 0)
    if found is None or not text[: found.start()].strip():
        if word := _WORD_OPERATOR.fullmatch(text.strip()):
            return word[1], Operator(word[2].lower()), ""
        raise InvalidArgumentError(f"{name}: {text[:60]!r} has no operator.", hint=_EXAMPLE)
    symbol, value = found[1], text[found.end() :].strip()
    if not value or value in {'""', "''"}:
        subject = text[: found.start()].strip()
        raise InvalidArgumentError(
            f"{name}: {text[:60]!r} has no value to compare with.",
            hint=f"Write {subject} missing, or {subject} exists.",
        )
    return text[: found.start()], Operator(_SAME_AS.get(symbol, symbol)), value


def _alternatives(value: str, name: str, text: str) -> list[str]:
    """What stands between the bars, each without its quotes; a bar inside quotes is text."""
    found = (match[2] if match[1] else match[3] for match in _ALTERNATIVE.finditer(value))
    parts = [part for part in dict.fromkeys(found) if part.strip()]
    if not parts:
        raise InvalidArgumentError(
            f"{name}: {text[:60]!r} has no value to compare with.", hint=_EXAMPLE
        )
    if len(parts) > MAX_ALTERNATIVES:
        raise InvalidArgumentError(
            f"{name}: {text[:60]!r} has {len(parts)} alternatives.",
            hint=f"Use at most {MAX_ALTERNATIVES}.",
        )
    return parts


def _unquoted(text: str) -> str:
    bare = text.strip()
    quoted = len(bare) >= 2 and bare[0] == bare[-1] and bare[0] in "\"'"
    return bare[1:-1] if quoted and bare[0] not in bare[1:-1] else bare


def _operand(
    field: Field | DataField, operator: Operator, text: str, clock: Clock, name: str
) -> Operand:
    if isinstance(field, DataField):
        number = read_number(text)
        if operator in _ORDER and number is None:
            raise InvalidArgumentError(
                f"{name}: {field.name}{operator} needs a number, not {text[:40]!r}.",
                hint="Compare text with = != ~ !~.",
            )
        return number if operator in _ORDER and number is not None else text
    match field.kind:
        case Kind.NUMBER | Kind.MONEY:
            return compared_number(field, text, comparison=f"{field.name}{operator}", name=name)
        case Kind.TIME | Kind.DATE:
            return read_period(f"{name}: {field.name}", text, clock=clock, future=True)
        case Kind.FLAG:
            word = text.strip().lower()
            if word not in _TRUE | _FALSE:
                raise InvalidArgumentError(
                    f"{name}: {field.name} is true or false, not {text[:40]!r}.",
                    hint=f"Write {field.name}=true or {field.name}=false.",
                )
            return word in _TRUE
        case _:
            return text


def find_field(text: str, *, rows: Rows, name: str) -> Field | DataField:
    """The field that `text` names.

    Raises:
        InvalidArgumentError: there is none; the hint lists the nearest names, then all.
    """
    bare = _unquoted(text).strip()
    if bare.lower().startswith(DATA_PREFIX) and (
        key := _unquoted(bare[len(DATA_PREFIX) :]).strip()
    ):
        return DataField(key)
    bare = bare.strip("\"'").strip()
    wanted = re.sub(r"[\s-]+", "_", bare).lower()
    known = _FIELDS_OF[rows]
    if wanted in known:
        return known[wanted]
    if wanted == UNPARSED_VALUE.name and name in _NAMING_UNPARSED:
        return UNPARSED_VALUE
    other = BY_NAME.get(wanted)
    if other is not None:
        belongs = "leads" if other.rows is Rows.LEADS else "conversations"
        message = f"{name}: {wanted} is a field of {belongs} only."
        instead = f"Ask list_{belongs}, or conversation_stats with of={belongs}. "
    else:
        message, instead = f"{name}: {bare[:60]!r} is not a field.", ""
    valid = ", ".join(_nearest(wanted, known))
    raise InvalidArgumentError(message, hint=f"{instead}Valid fields: {valid}.")


def _nearest(wanted: str, known: Iterable[str]) -> list[str]:
    names = list(known)
    near = difflib.get_close_matches(wanted[:60], names, n=3, cutoff=0.5)
    return [*near, *(name for name in names if name not in near), f"{DATA_PREFIX}NAME"]
