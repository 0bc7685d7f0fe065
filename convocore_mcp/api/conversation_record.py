"""One row of the list: 102 fields; only `ID` is required.

The docstrings of this class and of the record's parts are descriptions in a published schema
(`convocore://schema/conversation`).
"""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from convocore_mcp.api.record_parts import (
    Activity,
    Alerts,
    Assignment,
    Call,
    Cost,
    Engagement,
    Handoff,
    NodesInfo,
    RecordPart,
    ScoreStep,
    TokenUsage,
    Voice,
    VoiceflowSession,
)
from convocore_mcp.api.record_scalars import (
    Amount,
    Count,
    Identifier,
    IndexedText,
    Instant,
    InstantOrText,
    Number,
    SkipNulls,
    Texts,
)
from convocore_mcp.words.visible_text import visible


class ConversationRecord(RecordPart):
    """A conversation as Convocore gives it: sparse, so that a missing field is unknown, not empty.

    Source: OpenAPI 1.0.4; the order is the document's.
    """

    user_email: str | None = None
    user_name: str | None = None
    user_phone: str | None = None
    user_address: str | None = None
    user_company: str | None = None
    user_website: str | None = None
    notes: str | None = None
    user_profile_pic: str | None = None
    stage: str | None = None
    value: Amount | None = None
    currency: str | None = None
    expected_close_date: str | None = None
    sub_industry: str | None = None
    source: str | None = None
    language: str | None = None
    linked_in: str | None = None
    facebook: str | None = None
    instagram: str | None = None
    demo_date: str | None = None
    demo_time: str | None = None
    demo_link: str | None = None
    lost_reason: str | None = None
    last_activity_date: InstantOrText | None = None
    id: Identifier = Field(alias="ID")
    user_id: str | None = Field(None, alias="userID")
    campaign_id: str | None = None
    user_image: str | None = None
    social_handle: str | None = None
    is_following_business: bool | None = None
    social_verified: bool | None = None
    user_os: str | None = None
    user_browser: str | None = None
    ip_address: str | None = None
    country_code: str | None = None
    origin: Any = None
    whatsapp_phone_number_id: str | None = None
    whatsapp_business_number: str | None = None
    whatsapp_display_phone_number: str | None = None
    whatsapp_business_account_id: str | None = None
    voiceflow_v4_session: VoiceflowSession | None = Field(None, alias="voiceflowV4Session")
    messages_num: Count | None = None
    interactions_num: Count | None = None
    ts: Instant | None = None
    tags: Texts | None = None
    convo_time_seconds: Number | None = None
    first_message_ts: Instant | None = Field(None, alias="firstMessageTS")
    last_message_ts: Instant | None = Field(None, alias="lastMessageTS")
    user_platform: str | None = None
    state: str | None = None
    smb_contact: bool | None = None
    smb_contact_name: str | None = None
    smb_contact_removed_at: Instant | None = None
    smb_last_seen_at: Instant | None = None
    human_claimed_at: Instant | None = None
    human_last_replied_at: Instant | None = None
    pending_ai_reply_at: Instant | None = None
    chat_assigned_to: str | None = None
    handoff_history: Annotated[list[Handoff], SkipNulls] | None = None
    is_typing: bool | None = None
    last_modified: Instant | None = None
    sessions_num: Count | None = None
    lang: str | None = None
    vapi: Call | None = None
    rating_from5: Number | None = None
    total_user_interactions: Count | None = None
    is_blocked: bool | None = None
    nodes_info: NodesInfo | None = None
    captured_variables: Any = None
    campaign_calls: list[Any] | None = None
    sessions: list[Any] | None = None
    end_reason: str | None = None
    is_test: bool | None = None
    metrics: list[Any] | None = None
    notify_to_user_id: str | None = None
    average_latency: Number | None = None
    voice: Voice | None = None
    detailed_cost: Cost | None = None
    summary: str | None = None
    requested_team_key: str | None = None
    delegated_by: str | None = None
    delegated_at: Instant | None = None
    last_viewed: Instant | None = None
    note: str | None = None
    assigned_to: Assignment | None = None
    hot_score: Number | None = None
    hot_label: str | None = None
    crm_activities: Annotated[list[Activity], SkipNulls] | None = None
    crm_alerts: Alerts | None = None
    contact_identity_id: IndexedText | None = None
    linked_channels: Texts | None = None
    cross_channel_context: str | None = None
    lead_score: Number | None = None
    funnel_steps_matched: Texts | None = None
    funnel_score_history: Annotated[list[ScoreStep], SkipNulls] | None = None
    funnel_notification_sent: bool | None = None
    funnel_last_evaluated: Instant | None = None
    funnel_extracted_data: dict[str, Any] | None = None
    funnel_summary: str | None = None
    token_usage: TokenUsage | None = None
    inbound_engagement_state: Engagement | None = None
    title: str | None = None
    last_message: str | None = None


PLACEHOLDER_IDENTITIES = frozenset({
    "none", "null", "nil", "undefined", "unknown", "anonymous", "guest", "n/a", "na", "nan",
    "false", "true", "[object object]",
})  # fmt: skip
"""What programs write where they have no identity. Taken for one, it would join strangers."""


def identity_of(contact_identity_id: str | None) -> str | None:
    """Convocore's identity of the contact; `None` where the text stands for no identity."""
    shown = visible(contact_identity_id or "")
    bare = shown.casefold()
    is_nil = not bare.strip("0-")  # also a UUID of zeros
    return None if is_nil or bare in PLACEHOLDER_IDENTITIES else shown


def last_activity(row: ConversationRecord) -> datetime | None:
    """When a row was last active: by `ts`, which the list is sorted by, else by what comes near.

    So a time window over the list needs only its front.
    """
    dated = row.last_activity_date if isinstance(row.last_activity_date, datetime) else None
    return row.ts or row.last_message_ts or dated or row.first_message_ts
