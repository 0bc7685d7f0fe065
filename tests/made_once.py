"""What each server under test would make anew, made once in a process: most of what a test costs.

A process of a user opens one mirror, makes one server and has one client; tests have thousands.
"""

import functools
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import jsonschema_rs
import pytest
import sqlalchemy
from mcp.server.mcpserver.resources import ResourceTemplate
from sqlalchemy import Connection, Dialect, Engine, MetaData
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.util import LRUCache

STATEMENTS = 3_000
"""How many compiled statements are kept for each kind of database."""


def install(patch: pytest.MonkeyPatch) -> None:
    """Have it so until `patch` is undone."""
    check_schemas_once(patch)
    compile_statements_once(patch)
    compile_tables_once(patch)
    patch.setattr(
        ResourceTemplate, "from_function", functools.cache(ResourceTemplate.from_function)
    )


def check_schemas_once(patch: pytest.MonkeyPatch) -> None:
    """Check each schema once, and answers by a compiled validator.

    A client checks the schemas of the tools that it calls and all that they answer. What is not
    valid goes through the usual validator.
    """
    validator = jsonschema.Draft202012Validator
    check, iter_errors = validator.check_schema, validator.iter_errors
    compiled: dict[str, jsonschema_rs.Validator] = {}

    def check_once(schema: Any) -> None:
        text = json.dumps(schema)
        if text not in compiled:
            check(schema)
            compiled[text] = jsonschema_rs.validator_for(schema)

    def errors_of(self: Any, instance: Any, *rest: Any) -> Iterator[Any]:
        fast = compiled.get(json.dumps(self.schema))
        if fast is not None and fast.is_valid(instance):
            return iter(())
        found: Iterator[Any] = iter_errors(self, instance, *rest)
        return found

    patch.setattr(validator, "check_schema", staticmethod(check_once))
    patch.setattr(validator, "iter_errors", errors_of)


def compile_statements_once(patch: pytest.MonkeyPatch) -> None:
    """Have all engines of one kind of database share their compiled statements.

    SQLAlchemy finds a compiled statement by its engine's dialect. All that the program makes of one
    kind are alike.
    """
    shared: dict[str, LRUCache[Any, Any]] = defaultdict(lambda: LRUCache(STATEMENTS))

    def cache(self: Engine) -> LRUCache[Any, Any]:
        return shared[self.dialect.name]

    def is_alike(self: Dialect, other: object) -> bool:
        return type(self) is type(other)

    def kind(self: Dialect) -> int:
        return hash(type(self))

    # An engine that sets its own keeps the shared one.
    patch.setattr(Engine, "_compiled_cache", property(cache, lambda *_: None), raising=False)
    patch.setattr(DefaultDialect, "__eq__", is_alike)
    patch.setattr(DefaultDialect, "__hash__", kind)


def compile_tables_once(patch: pytest.MonkeyPatch) -> None:
    """Have the tables of a mirror created by the statements that the first one was created by."""
    recorded: dict[tuple[MetaData, str], list[str]] = {}
    create_all: Callable[..., None] = MetaData.create_all

    def create(self: MetaData, bind: Connection, checkfirst: bool = True) -> None:
        key = self, bind.dialect.name
        if key in recorded and not checkfirst:
            for statement in recorded[key]:
                bind.exec_driver_sql(statement)
            return
        statements: list[str] = []

        def record(_: Connection, __: Any, statement: str, *___: Any) -> None:
            statements.append(statement)

        sqlalchemy.event.listen(bind, "before_cursor_execute", record)
        try:
            create_all(self, bind, checkfirst=checkfirst)
        finally:
            sqlalchemy.event.remove(bind, "before_cursor_execute", record)
        if not checkfirst:
            recorded[key] = statements

    patch.setattr(MetaData, "create_all", create)
