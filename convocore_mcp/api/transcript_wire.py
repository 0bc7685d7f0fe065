"""What an exported transcript means: bytes in, turns out. No request is sent here.

Source: docs/upstream.md, "The transcript".
"""

import re
from datetime import UTC, datetime

from convocore_mcp.api.record_scalars import instant_of
from convocore_mcp.api.wire import parse_envelope
from convocore_mcp.errors import ContractError
from convocore_mcp.models import Speaker, Transcript, Turn

MAX_TURNS = 5_000
"""The newest turns are kept: a thread on a messaging channel never ends."""
MAX_KIND_LENGTH = 40
"""Characters of the kind of a message that has no text."""
_SPEAKERS = {
    "user": Speaker.VISITOR,
    "visitor": Speaker.VISITOR,
    "customer": Speaker.VISITOR,
    "bot": Speaker.AI,
    "ai": Speaker.AI,
    "assistant": Speaker.AI,
    "human": Speaker.HUMAN,
    "agent": Speaker.HUMAN,
    "operator": Speaker.HUMAN,
}
_SYSTEM = "system"
"""What the system notes is left out, because nobody said it."""
_SYSTEM_NOTE = "debug"
_SPOKEN = "text"
_ORDINAL = re.compile(r"(?<=\d)(st|nd|rd|th)\b")
_EPOCH = re.compile(r"\d{9,13}")
_TIME = "%B %d %Y, %I:%M:%S %p"


def parse_transcript(body: bytes, _: datetime, *, conversation_id: str) -> Transcript:
    """The turns of an exported conversation, oldest first.

    A turn or message of an unknown form or speaker is left out and counted.

    Raises:
        ApiError: the body is no JSON object, says `success: false`, has no list of turns, or is the
            transcript of another conversation.
    """
    data = parse_envelope(body, with_oversized=True)[1]
    raw_turns = data.get("turns") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(raw_turns, list):
        raise ContractError("Convocore's transcript has no list of turns.", hint="Try again later.")
    if _names_another(data, conversation_id):
        raise ContractError(
            "Convocore answered with the transcript of another conversation.",
            hint="Try again later.",
        )
    read = _Turns()
    for raw in raw_turns:
        read.add(raw)
    turns = tuple(read.turns[-MAX_TURNS:])
    return Transcript(turns, total=len(read.turns), messages=read.messages, left_out=read.left_out)


def _names_another(data: dict[str, object], conversation_id: str) -> bool:
    """Whether the export says that it is of another conversation; an ID may lack the agent's."""
    metadata = data.get("metadata")
    convo = metadata.get("convo") if isinstance(metadata, dict) else None
    named = convo.get("id") if isinstance(convo, dict) else None
    if not isinstance(named, str) or not named.strip():
        return False
    short, long = sorted((named.strip(), conversation_id.strip()), key=len)
    return short != long and not long.endswith(f"_{short}")


class _Turns:
    """Collects the turns of an export."""

    def __init__(self) -> None:
        self.turns: list[Turn] = []
        self.messages = 0
        self.left_out = 0

    def add(self, raw: object) -> None:
        """Add what was said in one turn of the export."""
        if not isinstance(raw, dict):
            self._leave_out()
            return
        given, who = raw.get("messages"), str(raw.get("from")).strip().lower()
        messages = given if isinstance(given, list) else [given] if given else []
        if "messages" not in raw and raw.keys() > {"from"}:
            messages = [raw]
        for message in messages:
            text = _text_of(message)
            if who == _SYSTEM or text == "":
                self.messages += 1
            elif text is None or who not in _SPEAKERS:
                self._leave_out()
            else:
                self.messages += 1
                at = _time(message.get("ts")) if isinstance(message, dict) else None
                self.turns.append(Turn(_SPEAKERS[who], text, at))

    def _leave_out(self) -> None:
        self.messages += 1
        self.left_out += 1


def _text_of(message: object) -> str | None:
    """What a message says: `""` if it says nothing, `None` if its form is unknown."""
    if isinstance(message, str):
        return message.strip()
    if not isinstance(message, dict):
        return None
    kind, payload = str(message.get("type") or _SPOKEN).strip(), message.get("payload")
    if kind.lower().startswith(_SYSTEM_NOTE):
        return ""
    if isinstance(payload, str):
        return payload.strip()
    if isinstance(payload, dict):
        return _text(payload) or _without_text(kind, payload)
    return "" if payload is None and kind != _SPOKEN else None


def _without_text(kind: str, payload: dict[str, object]) -> str | None:
    """What stands for a payload without a text: its kind, such as `[audio]`."""
    if kind.lower() != _SPOKEN:
        return f"[{kind[:MAX_KIND_LENGTH]}]"
    return "" if isinstance(payload.get("message"), str) else None


def _text(payload: dict[str, object]) -> str:
    """What a message shows: its text, the choices it offers, or that there is an image."""
    description = payload.get("description")
    if isinstance(description, dict):
        description = description.get("text")
    said = payload.get("message") or payload.get("text")
    parts = [said, payload.get("title"), description]
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
    if isinstance(value, str) and _EPOCH.fullmatch(value.strip()):
        value = int(value)
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
        return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if moment.tzinfo else text
    except (ValueError, OverflowError):  # the latter: in UTC it is in the year 0 or 10,000
        return text
