"""Tools that take no argument lightly, with schemas that are flat and small.

The SDK drops unknown arguments and guesses at types; here both are errors that say what is valid.
"""

import copy
import inspect
from collections.abc import Callable
from typing import Any, Self, get_args, get_type_hints

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import FuncMetadata, func_metadata
from mcp_types import ToolAnnotations
from pydantic import ValidationError
from pydantic.json_schema import GenerateJsonSchema

from convocore_mcp.errors import ConvocoreError, InvalidArgumentError
from convocore_mcp.server.rendering import crashed, failure

READ_ONLY = ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=True
)


class _Literally(FuncMetadata):
    """Argument metadata that never reads a string as JSON."""

    def pre_parse_json(self, data: dict[str, Any]) -> dict[str, Any]:
        """Leave out `null`, which some hosts send for an argument they don't use."""
        return {name: value for name, value in data.items() if value is not None}


class _Schema(GenerateJsonSchema):
    """JSON Schema with defaults as they stand: pydantic would make a serializer for each."""

    def encode_default(self, dft: Any) -> Any:
        """All of ours are JSON."""
        return dft


class StrictTool(Tool):
    """A tool whose every failure is the contract's error object."""

    @classmethod
    def of(cls, fn: Callable[..., Any], *, title: str) -> Self:
        """Make a tool of a function: its docstring is for the model, its hints are the schema.

        Its first parameter is the context; it returns a result of the annotated view. This is what
        the SDK's `from_function` does, but with each model built once.
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
            parameters=flat(arguments.model_json_schema(schema_generator=_Schema)),
            fn_metadata=_Literally(
                arg_model=arguments,
                output_model=view,
                output_schema=flat(view.model_json_schema(schema_generator=_Schema)),
            ),
            is_async=True,
            context_kwarg=context,
            annotations=READ_ONLY,
        )

    async def run(
        self, arguments: dict[str, Any], context: Context[Any, Any], convert_result: bool = False
    ) -> Any:
        """Run the tool; whatever goes wrong becomes an error object."""
        try:
            return await super().run(arguments, context, convert_result)
        except ToolError as error:
            cause = error.__cause__
            if isinstance(cause, ConvocoreError):
                return failure(cause)
            if isinstance(cause, ValidationError) and cause.title.endswith("Arguments"):
                return failure(self._refusal(cause))
            return failure(crashed(cause or error))

    def _refusal(self, error: ValidationError) -> InvalidArgumentError:
        valid = self.parameters.get("properties", {})
        said, hints = [], []
        for problem in error.errors(include_url=False, include_context=False):
            where = ".".join(str(part) for part in problem["loc"] if isinstance(part, str))
            name = str(problem["loc"][0]) if problem["loc"] else "arguments"
            if problem["type"] == "extra_forbidden":
                said.append(f"{name}: there is no such argument.")
                hints.append(f"Valid arguments: {', '.join(valid)}.")
            else:
                told = problem["msg"].removeprefix("Value error, ")
                given = str(problem["input"])[:60]
                said.append(f"{where or name}: {told}, not {given!r}.")
                schema = valid.get(name, {})
                if choices := (schema.get("items") or schema).get("enum"):
                    hints.append(f"Valid {name}: {', '.join(map(str, choices))}.")
        hint = " ".join(dict.fromkeys(hints)) or "Correct the argument and call again."
        return InvalidArgumentError(" ".join(said[:4]), hint=hint)


def flat(schema: dict[str, Any]) -> dict[str, Any]:
    """A JSON Schema without `$ref`, null arms, generated titles and defaults that say nothing."""
    definitions = schema.get("$defs", {})

    def plain(node: Any) -> Any:
        if isinstance(node, list):
            return [plain(item) for item in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            named = copy.deepcopy(definitions[node["$ref"].rpartition("/")[2]])
            return plain(named | {k: v for k, v in node.items() if k != "$ref"})
        found = {}
        for key, value in node.items():
            if key == "$defs" or (key == "title" and isinstance(value, str)):
                continue
            if key == "default" and value in (None, "", [], ()):
                continue
            if key == "properties":
                found[key] = {name: plain(inner) for name, inner in value.items()}
            else:
                found[key] = plain(value)
        arms = [arm for arm in found.get("anyOf", []) if arm != {"type": "null"}]
        if len(arms) == 1:
            del found["anyOf"]
            found = arms[0] | found
        return found

    return dict(plain(schema))
