"""The transcript of a generated conversation, as the export endpoint answers it.

Source: docs/upstream.md, "The transcript".
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from convocore_mcp.sandbox.data import texts
from convocore_mcp.sandbox.data.seeded_random import SeededRandom

if TYPE_CHECKING:
    from convocore_mcp.sandbox.shapes import Json, Row

_MILLISECONDS: Final = 10**11  # a larger time is in milliseconds
_MAX_TURNS: Final = 2_000
_SECONDS_BETWEEN_TURNS: Final = 40
_ANSWERS: Final = (
    "Thanks for your message. Let me look that up.",
    "Our team is available from Monday to Friday, 9 to 17.",
    "Could you tell me how many people would use it?",
    "I have noted that. Is there anything else?",
)


def transcript(item: Row) -> Row:
    """The `data` of the export of the single conversation `item`."""
    at = _seconds(item.get("ts"))
    count = max(1, min(int(item.get("messagesNum") or 1), _MAX_TURNS))
    rng = SeededRandom(count, at)
    turns = [
        _turn(rng, item, number, at - (count - 1 - number) * _SECONDS_BETWEEN_TURNS)
        for number in range(count)
    ]
    convo = {"id": item.get("ID"), "userName": item.get("userName"), "ts": item.get("ts")}
    metadata = {"feedback": "", "convo": convo, "sessions": []}
    return {"metadata": metadata, "turns": turns}


def _turn(rng: SeededRandom, item: Row, number: int, at: int) -> Row:
    if number % 2:
        return _answer(rng, item, at)
    last = number >= int(item.get("messagesNum") or 1) - 2
    lines = texts.lines("en", rng.pick(texts.SUBJECTS))
    said = item.get("lastMessage") if last else None
    return _with("user", [_message("text", {"message": said or rng.pick(lines)}, at)])


def _answer(rng: SeededRandom, item: Row, at: int) -> Row:
    debug = _message("debug:intent", {"message": "intent: question, confidence 0.93"}, at)
    if item.get("state") == "human-chatting" and rng.chance(50):
        human = {"message": "This is Lina from support.", "aiGenerated": False}
        return _with("human", [_message("text", human, at)])
    if rng.chance(15):
        buttons = {"buttons": [{"name": "Yes, please"}, {"name": "No"}]}
        return _with("bot", [debug, _message("choice", buttons, at)])
    if rng.chance(8):
        return _with("bot", [_message("visual", {"image": "https://img.example.com/p.png"}, at)])
    if rng.chance(8):
        card = {"title": "Starter plan", "description": {"text": "For teams of up to five."}}
        return _with("bot", [_message("cardV2", card, at)])
    said = {"message": rng.pick(_ANSWERS), "feedback": "Unset", "aiGenerated": True}
    return _with("bot", [debug, _message("text", said, at)])


def _with(sender: str, messages: list[Json]) -> Row:
    return {"from": sender, "messages": messages}


def _message(kind: str, payload: Row, at: int) -> Row:
    return {"type": kind, "ts": _as_text(at), "payload": payload}


def _as_text(at: int) -> str:
    """A time as Convocore writes it here: in words and without a zone."""
    moment = datetime.fromtimestamp(at, UTC)
    ending = {1: "st", 2: "nd", 3: "rd"}.get(moment.day % 10, "th")
    ending = "th" if moment.day in (11, 12, 13) else ending
    half = "am" if moment.hour < 12 else "pm"
    clock = f"{moment.hour % 12 or 12}:{moment:%M:%S} {half}"
    return f"{moment:%B} {moment.day}{ending} {moment.year}, {clock}"


def _seconds(at: Json) -> int:
    if not isinstance(at, int | float):
        return 0
    return int(at / 1000 if at > _MILLISECONDS else at)
