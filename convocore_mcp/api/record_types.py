"""The conversation record: all 102 fields of the list item, typed, under snake_case names.

Tolerant of what Convocore adds (unknown fields and enum values stay as they came), strict about
what we use: only lossless coercions, so `"5"` is 5 but `"abc"` is an error. `null` means absent.

Source: OpenAPI 1.0.4, `GET /agents/{agentId}/convos`, and `observed.md` for seconds against
milliseconds.
"""

import math
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel

MILLISECONDS_FROM, MICROSECONDS_FROM, NONSENSE_FROM = 1e11, 1e14, 1e17
"""Seconds stay below 1e11 until the year 5138; milliseconds passed it in 1973, and so on."""


def number(value: object) -> int | float:
    """`value` as a finite number, if nothing is lost on the way."""
    if type(value) is int or (type(value) is float and math.isfinite(value)):  # as nearly all are
        return value
    if isinstance(value, str):
        text = value.strip()
        value = int(text) if text.removeprefix("-").isdecimal() else float(text)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("should be a number")  # noqa: TRY004  pydantic wants a ValueError
    if not math.isfinite(value):
        raise ValueError("should be a finite number")
    return value


def count(value: object) -> int | float:
    """A number that a database can hold as an integer."""
    found = number(value)
    if abs(found) > 2**53:
        raise ValueError("should be a number of at most 53 bits")
    return found


def instant(value: object) -> datetime | None:
    """A point in time from Unix seconds, milliseconds, microseconds or ISO 8601; 0 is unknown."""
    if type(value) is int and MILLISECONDS_FROM <= value < MICROSECONDS_FROM:  # as nearly all are
        return datetime.fromtimestamp(value / 1e3, UTC)
    if isinstance(value, str):
        text = value.strip()
        if not text:
            return None
        if not text.removeprefix("-").replace(".", "", 1).isdecimal():
            moment = datetime.fromisoformat(text)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    seconds = float(number(value))
    if seconds == 0:
        return None
    if seconds < 0 or seconds >= NONSENSE_FROM:
        raise ValueError("should be a time between 1970 and 5138")
    if seconds >= MICROSECONDS_FROM:
        seconds /= 1e6
    elif seconds >= MILLISECONDS_FROM:
        seconds /= 1e3
    return datetime.fromtimestamp(seconds, UTC)


def moment(value: object) -> datetime | str | None:
    """A point in time, or the text as it came where nobody could tell which time it means."""
    try:
        return instant(value)
    except (ValueError, OverflowError):
        if isinstance(value, str):
            return value
        raise


def rfc3339(value: datetime | str | None) -> str | None:
    """UTC to the second; text and nothing stay as they are."""
    # Five times as fast as `strftime`, and a record has a dozen times; all of them are UTC.
    return f"{value.isoformat()[:19]}Z" if isinstance(value, datetime) else value


def amount(value: object) -> int | float | str:
    """A value as somebody entered it: a number, or text that may hold one."""
    return value if isinstance(value, str) else number(value)


def _without_nulls(value: object) -> object:
    return [item for item in value if item is not None] if isinstance(value, list) else value


_AS_NUMBER = WithJsonSchema({"type": "number"})
_AS_TIME = WithJsonSchema({"type": "string", "format": "date-time"})
_SHOWN = PlainSerializer(rfc3339)
Number = Annotated[int | float, PlainValidator(number), _AS_NUMBER]
Count = Annotated[int | float, PlainValidator(count), _AS_NUMBER]
Instant = Annotated[datetime, PlainValidator(instant), _SHOWN, _AS_TIME]
Moment = Annotated[
    datetime | str, PlainValidator(moment), _SHOWN, WithJsonSchema({"type": "string"})
]
Amount = Annotated[
    int | float | str, PlainValidator(amount), WithJsonSchema({"type": ["number", "string"]})
]


class Shape(BaseModel):
    """An object as Convocore sends it. Fields we don't know stay, under their own names."""

    model_config = ConfigDict(
        extra="allow", alias_generator=to_camel, frozen=True, coerce_numbers_to_str=True
    )


Texts = Annotated[list[str], BeforeValidator(_without_nulls)]


class VoiceflowSession(Shape):
    """A session with Voiceflow; its key is a secret."""

    session_key: str | None = None
    project_id: str | None = None
    environment_alias: str | None = None
    updated_at: Instant | None = None
    resolved_runtime: str | None = None


class Handoff(Shape):
    """One request for a human."""

    requested_at: Instant | None = None
    accepted_at: Instant | None = None
    completed_at: Instant | None = None
    accepted_by: str | None = None
    organization_id: str | None = None
    requested_team_key: str | None = None
    team_ids: Texts | None = None
    team_keys: Texts | None = None


class Call(Shape):
    """A phone call by Vapi."""

    cost: Number | None = None
    call_duration: Number | None = None
    recording_url: str | None = None
    caller_phone_number: str | None = None
    callee_phone_number: str | None = None
    call_status: str | None = None
    call_error: str | None = None


class NodesInfo(Shape):
    """Where in the agent's flow the conversation stands."""

    current_node: str | None = None


class Voice(Shape):
    """A voice session; its URL lets anybody listen."""

    latest_session_id: str | None = None
    listen_url: str | None = None
    listen_url_unix: Number | None = Field(None, alias="listenUrlUNIX")


class Cost(Shape):
    """What the conversation cost, by part."""

    total_credits_consumed: Number | None = None
    speech_gen_cost: Number | None = None
    transcriber_cost: Number | None = None
    twilio_cost: Number | None = None
    llm_cost: Number | None = None


class Assignment(Shape):
    """Who takes care of the lead."""

    user_id: str | None = None
    name: str | None = None
    email: str | None = None
    photo_url: str | None = None
    note: str | None = None
    assigned_at: Moment | None = None
    status: str | None = None


class ActivityNote(Shape):
    """A remark on an activity."""

    agent_id: str | None = None
    agent_name: str | None = None
    text: str | None = None
    timestamp: Moment | None = None


class Activity(Shape):
    """A call, a demo, an email: done or planned."""

    id: str | None = None
    title: str | None = None
    type: str | None = None
    date: Moment | None = None
    due_date: Moment | None = None
    completed: bool | None = None
    responded: bool | None = None
    first_channel: str | None = None
    first_engaged: bool | None = None
    second_channel: str | None = None
    second_engaged: bool | None = None
    note: str | None = None
    notes_history: list[ActivityNote] | None = None
    metadata: dict[str, Any] | None = None


class Alerts(Shape):
    """What the CRM warns of."""

    overdue_ecd: bool | None = Field(None, alias="overdueECD")
    overdue_activity: bool | None = None
    stale_lead: bool | None = None
    responded: bool | None = None
    new_handoff_assigned: bool | None = None


class ScoreStep(Shape):
    """One change of the lead score, and what caused it."""

    timestamp: Instant | None = None
    step_id: str | None = None
    step_name: str | None = None
    points_added: Number | None = None
    new_score: Number | None = None
    extracted_data: dict[str, Any] | None = None
    message_context: str | None = None


class ModelUsage(Shape):
    """Tokens by one model."""

    model_id: str | None = None
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    total_tokens: Count | None = None
    usd: Number | None = None
    last_used_ts: Instant | None = None


class TokenUsage(Shape):
    """Tokens and dollars, in all and of the last turn."""

    cumulative_input_tokens: Count | None = None
    cumulative_output_tokens: Count | None = None
    cumulative_total_tokens: Count | None = None
    cumulative_usd: Number | None = None
    last_turn_input_tokens: Count | None = None
    last_turn_output_tokens: Count | None = None
    last_turn_total_tokens: Count | None = None
    last_turn_usd: Number | None = None
    last_turn_model_id: str | None = None
    last_turn_context_window: Count | None = None
    last_turn_input_usd_per1k: Number | None = Field(None, alias="lastTurnInputUsdPer1k")
    last_turn_output_usd_per1k: Number | None = Field(None, alias="lastTurnOutputUsdPer1k")
    last_turn_ts: Instant | None = None
    usage_per_model: dict[str, ModelUsage] | None = None


class Engagement(Shape):
    """What was decided about replying in this thread."""

    first_decision_at: Instant | None = None
    first_decision_should_reply: bool | None = None
    last_decision_at: Instant | None = None
    last_decision_should_reply: bool | None = None
    last_decision_reason: str | None = None
    ai_owned_thread: bool | None = None
    ignore_thread: bool | None = None
    last_triggered_by: str | None = None
