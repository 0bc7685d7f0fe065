"""Transcripts that are late, another's, too long, or of a form that nobody knows."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.details.details_harness import full_rows, notes
from tests.details.test_get_conversation import ask
from tests.tool_client import ToolClient, connected

Exported = tuple[int, object]
"""A status, and a body as JSON."""


class OneConversation:
    """An ASGI application: a list of one conversation `c0`, and its transcript when asked for."""

    agent_id, key = "one-agent", "one-agent-key"

    def __init__(self, exported: Exported, *, ready: threading.Event | None = None) -> None:
        self.exports = 0

        async def app(
            scope: MutableMapping[str, Any],
            _receive: Callable[[], Awaitable[object]],
            send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
        ) -> None:
            status, content = 200, page_of(full_rows(1))
            if scope["path"].endswith("/export"):
                self.exports += 1
                if ready is not None:
                    await asyncio.to_thread(ready.wait)
                status, content = exported  # type: ignore[assignment]
            body = json.dumps(content).encode()
            await send({"type": "http.response.start", "status": status, "headers": []})
            await send({"type": "http.response.body", "body": body})

        self.app = app


def page_of(data: object, **fields: object) -> dict[str, object]:
    return {"success": True, "message": "ok", "data": data, "hasMore": False} | fields


def said(text: object, *, by: str = "user", **fields: object) -> dict[str, Any]:
    message = {"type": "text", "payload": {"message": text}} | fields
    return {"from": by, "messages": [message]}


def transcript(*turns: object, of: str = "c0") -> Exported:
    return 200, page_of({"metadata": {"convo": {"id": of}}, "turns": list(turns)})


@asynccontextmanager
async def exporting(exported: Exported) -> AsyncIterator[ToolClient]:
    async with connected(OneConversation(exported)) as client:  # type: ignore[arg-type]
        yield client


async def texts(client: ToolClient, **arguments: object) -> list[str]:
    answer = await ask(client, "c0", **arguments)
    return [turn["text"] for turn in answer["transcript"]["turns"]]


async def test_the_transcript_of_another_conversation_is_not_shown() -> None:
    """Ours: as of a single conversation with another ID (docs/architecture.md, "Details")."""
    async with exporting(transcript(said("my password"), of="c1")) as client:
        answer = await ask(client, "c0", turns=5)
    assert answer["transcript"].keys() == {"unavailable"}
    assert "of another conversation" in answer["transcript"]["unavailable"]
    async with exporting(transcript(said("mine"), of="one-agent_c0")) as client:
        assert await texts(client, turns=5) == ["mine"]


async def test_messages_that_cannot_be_read_are_counted_and_the_answer_is_not_complete() -> None:
    """Promised by docs/contract.md, "`get_conversation`".

    Holds docs/contract.md #transcript-left-out.
    """
    turns = [
        said("who am I?", by="robot"), said({"odd": 1}), said("", by="robot"), "what?",
        said("nobody said this", by="system"), said("hello"), said(None, type="debug:x"),
    ]  # fmt: skip
    async with exporting(transcript(*turns)) as client:
        for arguments in ({"turns": 9}, {"find": "hello"}):
            answer = await ask(client, "c0", **arguments)
            assert [turn["text"] for turn in answer["transcript"]["turns"]] == ["hello"]
            assert "3 messages are left out: the form or the speaker is unknown" in notes(answer)
            assert answer["freshness"]["complete"] is False


async def test_messages_without_a_text_are_shown_by_their_kind() -> None:
    """Ours: a voice message is a message, and `total` counts it."""
    voice = {"type": "audio", "payload": {"url": "https://x.example/a"}}
    turns = [{"from": "user", "messages": [voice, "plain"]}, {"from": "bot", "messages": voice}]
    async with exporting(transcript(*turns)) as client:
        assert await texts(client, turns=9) == ["[audio]", "plain", "[audio]"]


async def test_a_transcript_shorter_than_the_conversation_says_so() -> None:
    """Promised by docs/contract.md, "Rules for every answer": an answer says what it lacks."""
    async with exporting(transcript(said("hello"))) as client:
        told = notes(await ask(client, "c0", turns=9))
    assert "Convocore gave 1 message, and counts 3 in the conversation" in told


async def test_an_empty_transcript_is_asked_for_again() -> None:
    """Ours: Convocore may not have written it yet."""
    upstream = OneConversation(transcript())
    async with connected(upstream) as client:  # type: ignore[arg-type]
        for count in (1, 2):
            assert await texts(client, turns=9) == []
            assert upstream.exports == count


@pytest.mark.parametrize(
    ("at", "shown"),
    [
        ("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00+14:00"),
        ("9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59-14:00"),
        ("1733049000", "2024-12-01T10:30:00Z"),
        ("1733049000123", "2024-12-01T10:30:00Z"),
        (1733049000, "2024-12-01T10:30:00Z"),
        (-1, None),
    ],
)
async def test_whatever_the_time_of_a_turn_is_it_is_placed_or_shown_as_it_came(
    at: object, shown: str | None
) -> None:
    """Promised by docs/upstream.md, "The transcript"."""
    async with exporting(transcript(said("hello", ts=at))) as client:
        (turn,) = (await ask(client, "c0", turns=9))["transcript"]["turns"]
    assert turn.get("at") == shown


async def test_words_deep_in_a_long_turn_are_found_and_shown() -> None:
    """Ours: the turns of `find` show what was looked for."""
    long = "some other words " * 3_000 + " the needle is here " + "more words " * 500
    async with exporting(transcript(said("hi"), said(long), said("bye"))) as client:
        first, found, last = await texts(client, find="needles here")
        whole, _ = await texts(client, turns=2)
    assert (first, last) == ("hi", "bye")
    assert "the needle is here" in found
    assert found.startswith("some other words")
    assert found.count("…") == 2
    assert whole.startswith("some other words")


async def test_a_transcript_of_many_megabytes_is_read() -> None:
    """Ours: a thread on a messaging channel never ends."""
    turns = [said(f"{number} " + "x" * 500, ts=1_733_049_000 + number) for number in range(4_000)]
    async with exporting(transcript(*turns)) as client:
        answer = await ask(client, "c0", turns=2)
    assert [turn["text"][:5] for turn in answer["transcript"]["turns"]] == ["3998 ", "3999 "]
    assert answer["transcript"]["total"] == 4_000


@pytest.mark.parametrize(
    ("exported", "sentence"),
    [
        ((403, {"message": "Monthly export quota exceeded"}), "Monthly export quota exceeded"),
        ((403, {"message": "Chat Export API addon required."}), "plan does not include"),
        ((403, {}), "plan does not include"),
        ((401, {"message": "Unauthorized workspace scope"}), "Unauthorized workspace scope"),
        ((200, {"success": False, "message": "Export is off"}), "Export is off"),
    ],
)
async def test_a_refusal_is_told_as_convocore_says_it(exported: Exported, sentence: str) -> None:
    """Promised by docs/upstream.md, "Limits": say what the body says."""
    async with exporting(exported) as client:
        answer = await ask(client, "c0", turns=5)
    assert sentence in answer["transcript"]["unavailable"]
    assert "later" not in answer["transcript"]["unavailable"]


async def test_a_late_transcript_is_read_on_and_asked_for_once() -> None:
    """Promised by docs/contract.md, "Rules for every answer": reading goes on behind the answer."""
    ready = threading.Event()
    upstream = OneConversation(transcript(said("at last")), ready=ready)
    async with connected(upstream, wait_seconds=3) as client:  # type: ignore[arg-type]
        await client.until_complete()
        answers = await asyncio.gather(*(ask(client, "c0", turns=5) for _ in range(2)))
        for answer in answers:
            assert "still being read" in answer["transcript"]["unavailable"]
        ready.set()
        while "unavailable" in (answer := await ask(client, "c0", turns=5))["transcript"]:
            pass
    assert [turn["text"] for turn in answer["transcript"]["turns"]] == ["at last"]
    assert upstream.exports == 1
