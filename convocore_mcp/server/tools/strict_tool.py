"""Tools that check their arguments strictly, with schemas that are flat and small.

The SDK drops unknown arguments and converts wrong types. Here both are errors that say what is
valid.
"""

import copy
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, Self, get_args, get_type_hints

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import FuncMetadata, func_metadata
from mcp_types import CallToolResult, ToolAnnotations
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.json_schema import GenerateJsonSchema

from convocore_mcp.errors import ConvocoreError, InvalidArgumentError
from convocore_mcp.server.rendering import failure, internal_error
from convocore_mcp.server.sanitize import JsonObject
from convocore_mcp.server.tools.arguments import nearest_first
from convocore_mcp.server.tools.lenient_arguments import read_leniently

READ_ONLY = ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=True
)

_KINDS = {
    "array": "a list", "boolean": "true or false", "integer": "an integer", "number": "a number",
    "string": "text",
}  # fmt: skip
"""The types of JSON Schema, in words."""


class _StrictMetadata(FuncMetadata):
    """Argument metadata that leaves the reading of a string as JSON to `lenient_arguments`."""

    def pre_parse_json(self, data: JsonObject) -> JsonObject:
        """Return the arguments as they are."""
        return data


class _SchemaGenerator(GenerateJsonSchema):
    """Writes defaults as they are; pydantic would build a serializer for each, which takes time."""

    def encode_default(self, dft: Any) -> Any:
        """Return the default: all of ours are JSON values."""
        return dft


class StrictTool(Tool):
    """A tool whose errors are objects as docs/contract.md, "Rules for every answer", has them."""

    @classmethod
    def of(cls, fn: Callable[..., Awaitable[CallToolResult]], *, title: str) -> Self:
        """Make a tool of a function: its docstring is the description, its hints are the schema.

        Its first parameter is the context, and the hint of its result names the view. The SDK's
        `from_function` does the same, but builds each model twice.
        """
        context, *_ = inspect.signature(fn).parameters
        _, view = get_args(get_type_hints(fn, include_extras=True)["return"])
        arguments = func_metadata(fn, skip_names=[context], structured_output=False).arg_model
        arguments.model_config["extra"] = "forbid"
        arguments.model_rebuild(force=True)
        return cls(
            fn=fn,
            name=fn.__name__,
            title=title,
            description=inspect.getdoc(fn) or "",
            parameters=_input_schema(arguments),
            fn_metadata=_StrictMetadata(
                arg_model=arguments,
                output_model=view,
                output_schema=flat(
                    TypeAdapter(view).json_schema(schema_generator=_SchemaGenerator)
                ),
            ),
            is_async=True,
            context_kwarg=context,
            annotations=READ_ONLY,
        )

    async def run(
        self, arguments: JsonObject, context: Context[Any, Any], convert_result: bool = False
    ) -> Any:
        """Run the tool. Every error becomes an error object."""
        try:
            read = read_leniently(arguments, self.parameters.get("properties", {}))
            return await super().run(read, context, convert_result)
        except ToolError as error:
            cause = error.__cause__
            if isinstance(cause, ConvocoreError):
                return failure(cause)
            if isinstance(cause, ValidationError) and cause.title.endswith("Arguments"):
                return failure(self._invalid_arguments(cause))
            return failure(internal_error(cause or error))

    def read_arguments(self, arguments: JsonObject) -> JsonObject:
        """The arguments as the tool's function receives them, with the defaults of all others.

        Raises:
            InvalidArgumentError: one of them is not valid.
        """
        read = read_leniently(arguments, self.parameters.get("properties", {}))
        try:
            model = self.fn_metadata.arg_model.model_validate(read)
        except ValidationError as error:
            raise self._invalid_arguments(error) from None
        return {name: getattr(model, name) for name in type(model).model_fields}

    def _invalid_arguments(self, error: ValidationError) -> InvalidArgumentError:
        valid = self.parameters.get("properties", {})
        messages, hints = [], []
        for problem in error.errors(include_url=False, include_context=False):
            path = ".".join(str(part) for part in problem["loc"] if isinstance(part, str))
            name = str(problem["loc"][0]) if problem["loc"] else "arguments"
            if problem["type"] == "extra_forbidden":
                messages.append(f"{name[:60]}: there is no such argument.")
                hints.append(f"Valid arguments: {', '.join(nearest_first(name, valid))}.")
                continue
            schema = valid.get(name, {})
            if problem["type"] == "missing":
                messages.append(f"{name}: this argument is required.")
                hints.append(_expected(name, schema))
                continue
            rule = problem["msg"].removeprefix("Value error, ")
            given = str(problem["input"])[:60]
            messages.append(f"{path or name}: {rule}, not {given!r}.")
            if choices := (schema.get("items") or schema).get("enum"):
                nearest = nearest_first(given, map(str, choices))
                hints.append(f"Valid {name}: {', '.join(nearest)}.")
            else:
                hints.append(_expected(name, schema))
        hint = " ".join(list(dict.fromkeys(hints))[:4])
        return InvalidArgumentError(" ".join(messages[:4]), hint=hint)


def _expected(name: str, schema: JsonObject) -> str:
    """The type, bounds and description of an argument: enough to correct the call."""
    kind = _KINDS.get(schema.get("type", ""), "a value")
    bounds = [str(schema[end]) for end in ("minimum", "maximum") if end in schema]
    between = f" from {' to '.join(bounds)}" if len(bounds) == 2 else ""
    return f"{name} must be {kind}{between}: {schema.get('description', '')}."


def _input_schema(arguments: type[BaseModel]) -> JsonObject:
    """The schema of a tool's arguments.

    A client library fails on `additionalProperties: false`, so the schema does not say that unknown
    arguments are refused.
    """
    schema = flat(arguments.model_json_schema(schema_generator=_SchemaGenerator))
    del schema["additionalProperties"]
    return schema


def flat(schema: JsonObject) -> JsonObject:
    """A JSON Schema without `$ref`, `null` alternatives, generated titles and empty defaults."""
    return _Flattener(schema.get("$defs", {})).flat(schema)


class _Flattener:
    def __init__(self, definitions: JsonObject) -> None:
        self._definitions = definitions

    def flat(self, node: JsonObject) -> JsonObject:
        if "$ref" in node:
            definition = copy.deepcopy(self._definitions[node["$ref"].rpartition("/")[2]])
            return self.flat(definition | {k: v for k, v in node.items() if k != "$ref"})
        found: JsonObject = {}
        for key, value in node.items():
            if key == "$defs" or (key == "title" and isinstance(value, str)):
                continue
            if key == "default" and value in (None, "", [], ()):
                continue
            if key == "properties":
                found[key] = {name: self._any(inner) for name, inner in value.items()}
            else:
                found[key] = self._any(value)
        alternatives = [a for a in found.get("anyOf", []) if a != {"type": "null"}]
        if len(alternatives) == 1:
            del found["anyOf"]
            found = alternatives[0] | found
        return found

    def _any(self, node: object) -> object:
        if isinstance(node, list):
            return [self._any(item) for item in node]
        return self.flat(node) if isinstance(node, dict) else node
