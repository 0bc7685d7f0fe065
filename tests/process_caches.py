"""Caches of what each server under test would compute again: most of the time that a test takes.

A user's process opens one mirror, makes one server and has one client; tests make thousands.
"""

import functools
import json
import marshal
import os
import ssl
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import jsonschema  # type: ignore[import-untyped]
import jsonschema_rs
import pytest
import sqlalchemy
from mcp.server.mcpserver.resources import ResourceTemplate
from sqlalchemy import Connection, Dialect, Engine, MetaData
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.util import LRUCache

from convocore_mcp.sandbox.data.generated_rows import GeneratedRows

STATEMENTS = 3_000
"""How many compiled statements are kept for each kind of database."""
ROWS = 4_000
"""How many rows are kept; when there are more, all are forgotten."""


def install(patch: pytest.MonkeyPatch) -> None:
    """Use all caches until `patch` is undone."""
    check_schemas_once(patch)
    compile_statements_once(patch)
    compile_tables_once(patch)
    generate_rows_once(patch)
    load_certificates_once(patch)
    patch.setattr(
        ResourceTemplate, "from_function", functools.cache(ResourceTemplate.from_function)
    )


def check_schemas_once(patch: pytest.MonkeyPatch) -> None:
    """Check each schema once, and answers with a compiled validator.

    A client checks the schemas of the tools that it calls, and every answer. An answer that is not
    valid is checked again by the usual validator, for its message.
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
    """Let all engines of one kind of database share their compiled statements.

    SQLAlchemy finds a compiled statement by the dialect of its engine. All dialects of one kind are
    alike in this program.
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
    """Create the tables of each mirror by the recorded statements of the first one."""
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


def generate_rows_once(patch: pytest.MonkeyPatch) -> None:
    """Generate each row of one sandbox once: it is served, listed by the test, and served again."""
    generate = GeneratedRows.row
    kept: dict[tuple[int, int], tuple[GeneratedRows, bytes]] = {}

    def row_once(self: GeneratedRows, number: int) -> Any:
        key = id(self), number  # of an equal sandbox, each row is generated again
        found = kept.get(key)
        if found is None:
            if len(kept) >= ROWS:
                kept.clear()
            found = kept[key] = self, marshal.dumps(generate(self, number))
        return marshal.loads(found[1])  # a copy for each caller

    patch.setattr(GeneratedRows, "row", row_once)


def load_certificates_once(patch: pytest.MonkeyPatch) -> None:
    """Let the tests' own HTTP clients share one TLS context: each would read 140 certificates."""
    create = httpx.create_ssl_context
    kept: dict[tuple[str | None, ...], ssl.SSLContext] = {}

    def create_once(verify: Any = True, cert: Any = None, trust_env: bool = True) -> ssl.SSLContext:
        if verify is not True or cert is not None:
            return create(verify=verify, cert=cert, trust_env=trust_env)
        files = ("SSL_CERT_FILE", "SSL_CERT_DIR") if trust_env else ()
        key = tuple(map(os.environ.get, files))
        if key not in kept:
            kept[key] = create(trust_env=trust_env)
        return kept[key]

    patch.setattr("httpx._transports.default.create_ssl_context", create_once)
