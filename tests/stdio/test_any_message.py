"""Whatever is written to stdin, each request gets an answer, and none finds a bug of ours."""

import json
from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from convocore_mcp.sandbox import Sandbox, serving
from tests.odd_messages import (
    CAPABILITIES,
    ECHOED,
    LONG_SIGNS,
    VERSION,
    Message,
    check_answer,
    message,
    requests,
)
from tests.property_tests import examples
from tests.stdio.pipes import PipeClient, piped_client, unopened_client

ids = count(1000)


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def pipes() -> AsyncIterator[PipeClient]:
    """A client of a server that has read sixty conversations; no test changes them."""
    sandbox = Sandbox(size=60)
    with serving(sandbox) as url:
        chosen = {
            "api_key": sandbox.key, "agent_id": sandbox.agent_id, "base_url": url,
            "store": "memory", "timezone": "UTC", "wait_seconds": 25, "details": "off",
        }  # fmt: skip
        async with piped_client(**chosen) as client:
            await ask(client, ("tools/call", {"name": "conversation_stats", "arguments": {}}))
            yield client


async def ask(client: PipeClient, request: tuple[str, Any]) -> Message:
    """The answer to a request; everything else that arrives before must be a notification."""
    sent = message(request, next(ids))
    await client.write(json.dumps(sent).encode() + b"\n")
    while True:
        received = await client.receive()
        if received.get("id") == sent["id"]:
            return received
        assert "method" in received, (ascii(sent)[:500], received)


@settings(max_examples=examples(8), suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(requests, min_size=5, max_size=15))
async def test_every_request_over_stdio_is_answered_and_finds_no_bug(
    pipes: PipeClient, requests: list[tuple[str, Any]]
) -> None:
    """Promised by docs/contract.md, "Rules for every answer", and by docs/architecture.md,
    "Serving": every request with an ID gets an answer.
    """
    listed = (await ask(pipes, ("tools/list", {})))["result"]["tools"]
    schemas = {tool["name"]: tool["outputSchema"] for tool in listed}
    for request in requests:
        answer = await ask(pipes, request)
        check_answer(request, answer)
        content = answer.get("result", {}).get("structuredContent")
        if content is not None:
            schema = schemas[request[1]["name"]]
            jsonschema.Draft202012Validator(schema).validate(content)


async def test_no_error_over_stdio_repeats_more_than_a_little_of_what_was_sent(
    pipes: PipeClient,
) -> None:
    """Promised by docs/contract.md, "Rules for every answer".

    Holds docs/contract.md #error-size.
    """
    for request in ECHOED:
        answer = await ask(pipes, request)
        assert "error" in answer, ascii(request)[:100]
        check_answer(request, answer)


async def test_no_error_about_the_version_of_the_protocol_repeats_more_than_a_little() -> None:
    """Promised by docs/contract.md, "Rules for every answer". The SDK refuses these by itself."""
    meta = {VERSION: LONG_SIGNS, CAPABILITIES: {}}
    async with unopened_client() as client:
        for request in (
            ("tools/list", {"_meta": meta}),
            ("initialize", {"protocolVersion": LONG_SIGNS}),
        ):
            answer = await ask(client, request)
            assert "error" in answer
            check_answer(request, answer)
