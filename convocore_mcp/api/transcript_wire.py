"""What an exported transcript means: bytes in, turns out. No request is sent here.

Source: docs/upstream.md, "The transcript".
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from convocore_mcp.api.record_scalars import instant_of
from convocore_mcp.api.wire import parse_envelope
from convocore_mcp.errors import ContractError
from convocore_mcp.models import Speaker, Transcript, Turn

MAX_TURNS = 5_000
"""The newest turns are kept: a thread on a messaging channel never ends."""
MAX_TURN_LENGTH = 20_000
"""Characters of one turn."""
_SPEAKERS = {
    "user": Speaker.VISITOR,
    "bot": Speaker.AI,
    "ai": Speaker.AI,
    "assistant": Speaker.AI,
    "human": Speaker.HUMAN,
    "agent": Speaker.HUMAN,
}
"""Who speaks; what the system notes is left out, because nobody said it."""
_SYSTEM_NOTE = "debug"
_ORDINAL = re.compile(r"(?<=\d)(st|nd|rd|th)\b")
_TIME = "%B %d %Y, %I:%M:%S %p"


def parse_transcript(body: bytes, _: datetime) -> Transcript:
    """The turns of an exported conversation, oldest first.

    A turn or message of an unknown shape is left out and does not spoil the others.

    Raises:
        ApiError: the body is no JSON object, says `success: false`, or has no list of turns.
    """
    data = parse_envelope(body)[1]
    raw_turns = data.get("turns") if isinstance(data, dict) else None
    if not isinstance(raw_turns, list):
        raise ContractError("Convocore's transcript has no list of turns.", hint="Try again later.")
    turns = [turn for raw in raw_turns for turn in _turns(raw)]
    return Transcript(tuple(turns[-MAX_TURNS:]), total=len(turns))


def _turns(raw: object) -> Iterator[Turn]:
    if not isinstance(raw, dict):
        return
    speaker = _SPEAKERS.get(str(raw.get("from")).strip().lower())
    messages = raw.get("messages")
    if speaker is None or not isinstance(messages, list):
        return
    for message in messages:
        if not isinstance(message, dict):
            continue
        kind, payload = str(message.get("type") or "text"), message.get("payload")
        text = "" if kind.lower().startswith(_SYSTEM_NOTE) else _text(payload)
        if text:
            yield Turn(speaker, text[:MAX_TURN_LENGTH], _time(message.get("ts")))


def _text(payload: object) -> str:
    """What a message shows: its text, the choices it offers, or that there is an image."""
    if isinstance(payload, str):
        return payload.strip()
    if not isinstance(payload, dict):
        return ""
    description = payload.get("description")
    if isinstance(description, dict):
        description = description.get("text")
    parts = [payload.get("message"), payload.get("title"), description]
    text = "\n".join(part.strip() for part in parts if isinstance(part, str) and part.strip())
    buttons = payload.get("buttons")
    names = [
        button["name"]
        for button in (buttons if isinstance(buttons, list) else ())
        if isinstance(button, dict) and isinstance(button.get("name"), str)
    ]
    choices = f"[choices: {' | '.join(names)}]" if names else ""
    image = "[image]" if payload.get("image") and not text else ""
    return "\n".join(filter(None, (text, choices, image)))


def _time(value: object) -> str | None:
    """RFC 3339 where the time can be placed; a text without a zone stays as it is."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e14:
        moment = instant_of(value / 1000 if value > 1e11 else value)
        return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
    if not isinstance(value, str) or not value.strip():
        return None
    text = value.strip()[:60]
    try:
        moment = datetime.strptime(_ORDINAL.sub("", text), _TIME)  # noqa: DTZ007  it has no zone
    except ValueError:
        return _with_zone(text)
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def _with_zone(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if moment.tzinfo else text
