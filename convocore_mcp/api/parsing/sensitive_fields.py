"""Takes what could be used against a visitor out of a record, before anything of it is kept.

IP addresses, session keys and recordings answer no question. So they are not stored, unless a
setting says so. Which fields those are follows from their names (`fields.secrets`); where anything
may stand, in free-form data and in fields that Convocore added, values are looked at too.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, get_args

from convocore_mcp.api.record_parts import RecordPart
from convocore_mcp.fields.secrets.secret_names import is_secret, without_secrets

_UNTYPED = (dict, list)


@dataclass(frozen=True, slots=True)
class _Plan:
    """Which fields of one kind of record are looked at."""

    secret: tuple[str, ...]
    free: tuple[str, ...]
    """Fields that may hold anything."""
    parts: tuple[tuple[str, tuple[str, ...]], ...]
    """Fields that hold a part of a record, or several; each with what is looked at in a part."""


def drop_sensitive(part: RecordPart, name: str = "") -> None:
    """Take everything sensitive out of `part`, a record that was just parsed, in place.

    `name` is the field that it stands in. A record is frozen for everybody else.
    """
    plan, values = _plan_of(type(part)), part.__dict__
    for field in plan.secret:
        values[field] = None
    for field in plan.free:
        if values[field] and type(values[field]) in _UNTYPED:
            values[field] = without_secrets({field: values[field]}).get(field)
    if extra := part.__pydantic_extra__:
        kept = without_secrets(extra, inside=name)
        extra.clear()
        extra.update(kept)
    for field, looked_at in plan.parts:
        value = values[field]
        if value is None:
            continue
        for inner in value if type(value) is list else _parts_in(value):
            if inner.__pydantic_extra__ or any(map(inner.__dict__.get, looked_at)):
                drop_sensitive(inner, field)


def _parts_in(value: Any) -> Iterable[RecordPart]:
    return value.values() if isinstance(value, dict) else (value,)


@cache
def _plan_of(kind: type[RecordPart]) -> _Plan:
    secret, free, parts = [], [], []
    for name, field in kind.model_fields.items():
        kinds = _kinds(field.annotation)
        inner = [k for k in kinds if isinstance(k, type) and issubclass(k, RecordPart)]
        if is_secret(name, "x"):
            secret.append(name)
        elif inner:
            plan = _plan_of(inner[0])
            parts.append((name, (*plan.secret, *plan.free, *(part for part, _ in plan.parts))))
        elif Any in kinds:
            free.append(name)
    return _Plan(tuple(secret), tuple(free), tuple(parts))


def _kinds(annotation: object) -> set[object]:
    """Every type that an annotation names, at any depth."""
    inner = get_args(annotation)
    return {annotation}.union(*map(_kinds, inner)) if inner else {annotation}
