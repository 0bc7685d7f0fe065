"""The objects nested in a conversation record, with snake_case names.

What Convocore may add is accepted: unknown fields and enum values are kept unchanged. A value of
the wrong type is an error. `null` means that the value is missing.

Source: OpenAPI 1.0.4, `GET /agents/{agentId}/convos`.
"""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from convocore_mcp.api.record_scalars import Count, Instant, InstantOrText, Number, SkipNulls, Texts


class RecordPart(BaseModel):
    """An object as Convocore sends it. Unknown fields are kept under their own names."""

    model_config = ConfigDict(
        extra="allow", alias_generator=to_camel, frozen=True, coerce_numbers_to_str=True
    )


class VoiceflowSession(RecordPart):
    """A session with Voiceflow; its key is a secret."""

    session_key: str | None = None
    project_id: str | None = None
    environment_alias: str | None = None
    updated_at: Instant | None = None
    resolved_runtime: str | None = None


class Handoff(RecordPart):
    """One request for a human."""

    requested_at: Instant | None = None
    accepted_at: Instant | None = None
    completed_at: Instant | None = None
    accepted_by: str | None = None
    organization_id: str | None = None
    requested_team_key: str | None = None
    team_ids: Texts | None = None
    team_keys: Texts | None = None


class Call(RecordPart):
    """A phone call by Vapi."""

    cost: Number | None = None
    call_duration: Number | None = None
    recording_url: str | None = None
    caller_phone_number: str | None = None
    callee_phone_number: str | None = None
    call_status: str | None = None
    call_error: str | None = None


class NodesInfo(RecordPart):
    """Where in the agent's flow the conversation stands."""

    current_node: str | None = None


class Voice(RecordPart):
    """A voice session; its URL lets anybody listen."""

    latest_session_id: str | None = None
    listen_url: str | None = None
    listen_url_unix: Number | None = Field(None, alias="listenUrlUNIX")


class Cost(RecordPart):
    """What the conversation cost, by part."""

    total_credits_consumed: Number | None = None
    speech_gen_cost: Number | None = None
    transcriber_cost: Number | None = None
    twilio_cost: Number | None = None
    llm_cost: Number | None = None


class Assignment(RecordPart):
    """Who takes care of the lead."""

    user_id: str | None = None
    name: str | None = None
    email: str | None = None
    photo_url: str | None = None
    note: str | None = None
    assigned_at: InstantOrText | None = None
    status: str | None = None


class ActivityNote(RecordPart):
    """A remark on an activity."""

    agent_id: str | None = None
    agent_name: str | None = None
    text: str | None = None
    timestamp: InstantOrText | None = None


class Activity(RecordPart):
    """A call, a demo, an email: done or planned."""

    id: str | None = None
    title: str | None = None
    type: str | None = None
    date: InstantOrText | None = None
    due_date: InstantOrText | None = None
    completed: bool | None = None
    responded: bool | None = None
    first_channel: str | None = None
    first_engaged: bool | None = None
    second_channel: str | None = None
    second_engaged: bool | None = None
    note: str | None = None
    notes_history: Annotated[list[ActivityNote], SkipNulls] | None = None
    metadata: dict[str, Any] | None = None


class Alerts(RecordPart):
    """What the CRM warns of."""

    overdue_ecd: bool | None = Field(None, alias="overdueECD")
    overdue_activity: bool | None = None
    stale_lead: bool | None = None
    responded: bool | None = None
    new_handoff_assigned: bool | None = None


class ScoreStep(RecordPart):
    """One change of the lead score, and what caused it."""

    timestamp: Instant | None = None
    step_id: str | None = None
    step_name: str | None = None
    points_added: Number | None = None
    new_score: Number | None = None
    extracted_data: dict[str, Any] | None = None
    message_context: str | None = None


class ModelUsage(RecordPart):
    """Tokens by one model."""

    model_id: str | None = None
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    total_tokens: Count | None = None
    usd: Number | None = None
    last_used_ts: Instant | None = None


class TokenUsage(RecordPart):
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


class Engagement(RecordPart):
    """What was decided about replying in this thread."""

    first_decision_at: Instant | None = None
    first_decision_should_reply: bool | None = None
    last_decision_at: Instant | None = None
    last_decision_should_reply: bool | None = None
    last_decision_reason: str | None = None
    ai_owned_thread: bool | None = None
    ignore_thread: bool | None = None
    last_triggered_by: str | None = None
