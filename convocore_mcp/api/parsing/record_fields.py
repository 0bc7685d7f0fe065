"""Reads a row field by field: a field that does not fit is left out, and the others are kept.

Nearly every row fits as it is, so the whole row is validated first. If that fails, each field with
an error is repaired:

- An empty text, list or object where something else belongs means that the value is missing, as in
  much JSON out of JavaScript and PHP.
- A bare value where a list belongs becomes a list of that value. PHP also writes a list as an
  object whose names are numbers.
- Any other value that does not fit is dropped, and the name of its field is noted.
"""

from collections.abc import Callable
from copy import deepcopy

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from convocore_mcp.api.conversation_record import ConversationRecord

MAX_ROUNDS = 8
"""Rounds in which single values are repaired; afterwards whole fields of the row are dropped."""
_REMOVED = object()
_validate: Callable[[object], ConversationRecord]
_validate = TypeAdapter(ConversationRecord).validator.validate_python
_FIELD_NAMES = frozenset(ConversationRecord.model_fields)


def read_record(raw: object) -> tuple[ConversationRecord, tuple[str, ...]]:
    """The record of a row, and the names of what was dropped, like `assignedTo.assignedAt`.

    Raises:
        ValidationError: the row is not an object, or has no usable ID.
    """
    dropped: list[str] = []
    try:
        record = _validate(raw)
    except ValidationError as error:
        row = deepcopy(raw)
        if not isinstance(row, dict) or _lacks_id(error):
            raise
        record = _repaired(row, dropped)
    extra = record.__pydantic_extra__
    if extra and not _FIELD_NAMES.isdisjoint(extra):
        # `id` beside `ID`: two fields of the record would have one name.
        for name in sorted(_FIELD_NAMES.intersection(extra)):
            del extra[name]
            dropped.append(name)
    return record, tuple(dict.fromkeys(dropped)) if dropped else ()


def _lacks_id(error: ValidationError) -> bool:
    return any(problem["loc"][:1] in {(), ("ID",)} for problem in _problems(error))


def _problems(error: ValidationError) -> list[ErrorDetails]:
    return error.errors(include_url=False, include_context=False)


def _repaired(row: dict[str, object], dropped: list[str]) -> ConversationRecord:
    """The record of `row`, which is changed; appends the names of what is dropped."""
    rounds = 0
    while True:
        try:
            return _validate(row)
        except ValidationError as error:
            problems = _problems(error)
        rounds += 1
        lists: dict[int, list[object]] = {}
        for problem in problems:
            location = problem["loc"] if rounds <= MAX_ROUNDS else problem["loc"][:1]
            value, repaired = _repair(row, location, problem["type"], lists)
            if not repaired and not _is_empty(value):
                dropped.append(".".join(part for part in location if isinstance(part, str)))
        for items in lists.values():
            items[:] = [item for item in items if item is not _REMOVED]


def _repair(
    row: dict[str, object],
    location: tuple[int | str, ...],
    problem: str,
    lists: dict[int, list[object]],
) -> tuple[object, bool]:
    """Repair or take out one value; returns it and whether it was repaired.

    `lists` collects the lists of this round. Their items are only marked, so that the positions in
    the errors stay right. Those positions do not count `null`, which the record ignores in lists.
    """
    container: object = row
    for key in location[:-1]:
        _compact(container, lists)
        container = container[key]  # type: ignore[index]  # the location of an error exists
    _compact(container, lists)
    last = location[-1]
    value = container[last]  # type: ignore[index]
    if problem == "list_type" and not _is_empty(value):
        container[last] = _as_list(value)  # type: ignore[index]
        return value, True
    if isinstance(container, dict):
        del container[last]
    else:
        container[last] = _REMOVED  # type: ignore[index]
    return value, False


def _compact(container: object, lists: dict[int, list[object]]) -> None:
    if isinstance(container, list) and id(container) not in lists:
        container[:] = [item for item in container if item is not None]
        lists[id(container)] = container


def _is_empty(value: object) -> bool:
    return value is None or (
        isinstance(value, str | list | dict)
        and not (value.strip() if isinstance(value, str) else value)
    )


def _as_list(value: object) -> list[object]:
    if isinstance(value, dict) and all(name.isdecimal() for name in value):
        return list(value.values())
    return [value]
