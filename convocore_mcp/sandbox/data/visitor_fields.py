"""The fields that come from the visitor: contact, channel, messages, captured variables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from convocore_mcp.sandbox.data import texts
from convocore_mcp.sandbox.data.crm_fields import SUBJECT_OF_STAGE
from convocore_mcp.sandbox.data.people import Person, format_phone

if TYPE_CHECKING:
    from convocore_mcp.sandbox.data.seeded_random import SeededRandom
    from convocore_mcp.sandbox.shapes import Json, Row

CHANNELS: Final = (
    *["web-chat"] * 7, *["whatsapp"] * 6, *["instagram"] * 3, *["phone"] * 3, "messenger",
    "messenger", "telegram", "sms", "outbound-call", "email", "discord",
)  # fmt: skip
_TAGS: Final = ("new-lead", "vip", "pricing", "support", "renewal", "Messe 2026", "中文", "spam?")
_MODELS: Final = ("gpt-5-mini", "claude-sonnet-5", "gemini-3-flash")
_HOSTILE_FIELDS: Final = ("lastMessage", "userName", "notes", "summary", "title", "userCompany")


def channel(rng: SeededRandom, person: Person | None) -> str:
    """The channel; a person uses two or three of them."""
    if person is None or rng.chance(10):
        return rng.pick(CHANNELS)
    return CHANNELS[(person.number * 7 + rng.below(3) * 5) % len(CHANNELS)]


def tags(rng: SeededRandom) -> list[str]:
    """Mostly none, else one or two tags."""
    if rng.chance(60):
        return []
    first = rng.pick(_TAGS)
    return [first] if rng.chance(60) else sorted({first, rng.pick(_TAGS)})


def contact(rng: SeededRandom, person: Person, origin: str, listed_as: str) -> Row:
    """The contact values that this conversation has of its person: rarely all."""
    fields: Row = {}
    if rng.chance(88):
        fields["userName"] = person.name if rng.chance(92) else person.name.upper()
    if person.email and rng.chance(74):
        styles = (
            person.email,
            person.email,
            person.email,
            person.email.title(),
            f" {person.email} ",
        )
        fields["userEmail"] = rng.pick(styles)
    phone_channel = origin in ("phone", "outbound-call", "whatsapp", "sms")
    if person.phone and (phone_channel or rng.chance(55)):
        fields["userPhone"] = format_phone(person.phone, person.calling, rng)
    if person.company and rng.chance(80):
        fields["userCompany"] = person.company
        fields["userWebsite"] = f"https://{person.country.domain}"
    if rng.chance(70):
        fields |= {"countryCode": person.country.code, "lang": person.country.language}
    if rng.chance(35):
        fields["language"] = person.country.language
    # People who share a phone always have an identity: without one, no rule could tell them apart.
    if person.identity and (person.shares_phone or listed_as != "lean" or rng.chance(75)):
        fields["contactIdentityId"] = person.identity
        if rng.chance(30):
            fields["linkedChannels"] = sorted({origin, "web-chat"})
            fields["crossChannelContext"] = "Wrote on another channel before; same question."
    return fields | _rare_addresses(rng, person, origin)


def _rare_addresses(rng: SeededRandom, person: Person, origin: str) -> Row:
    """Addresses that only few conversations have."""
    fields: Row = {}
    if rng.chance(20):
        fields["userAddress"] = f"{rng.between(1, 99)} Main St, {person.country.city}"
    if origin in ("instagram", "messenger", "telegram", "discord"):
        fields["socialHandle"] = f"@{person.handle}"
    if rng.chance(10):
        fields["linkedIn"] = f"https://www.linkedin.com/in/{person.handle}"
    return fields


def messages(rng: SeededRandom, person: Person | None, row: Row) -> Row:
    """The last message and its subject, which fit the stage and the state."""
    subject = SUBJECT_OF_STAGE.get(row.get("stage", ""), "question")
    if row["state"] == "requested_chat":
        subject = "human"
    language = person.country.language if person and rng.chance(85) else "en"
    name = row.get("userName") or "The visitor"
    fields: Row = {
        "lastMessage": rng.pick(texts.lines(language, subject)),
        "summary": texts.SUMMARIES[subject].format(name=name),
        "nodesInfo": {"currentNode": f"node_{subject}"},
        "tokenUsage": _token_usage(rng, row),
    }
    if rng.chance(80):
        fields["title"] = texts.TITLES[subject]
    if rng.chance(16):
        fields["notes"] = rng.pick(texts.NOTES)
    if rng.chance(6):
        fields["note"] = rng.pick(texts.NOTES)
    if rng.chance(45):
        fields["capturedVariables"] = _captured(rng, name)
    if row["state"] == "ended_chat" and rng.chance(40):
        fields["ratingFrom5"] = rng.pick((1, 2, 3, 4, 4, 5, 5, 5, 4.5))
        fields["endReason"] = "user-left"
    return fields


def channel_details(rng: SeededRandom, row: Row) -> Row:
    """What the channel adds: device, session, recording, source, campaign."""
    at = row["ts"]
    fields = _device(rng, row)
    if rng.chance(15):
        session = {"sessionKey": f"vf-secret-{at:x}", "projectId": "prj_1", "updatedAt": at}
        fields["voiceflowV4Session"] = session
    if rng.chance(25):
        fields["source"] = rng.pick(("google-ads", "referral", "trade fair", "organic"))
    if rng.chance(20):
        fields |= {"sessionsNum": rng.between(1, 5), "lastModified": at + rng.below(4000)}
    if rng.chance(5):
        fields |= {"campaignId": "cmp_autumn", "subIndustry": "Dental"}
    if rng.chance(10):
        fields["detailedCost"] = {"totalCreditsConsumed": 3.5, "llmCost": 0.004}
    if rng.chance(4):
        reason = "phrase matched"
        fields["inboundEngagementState"] = {"aiOwnedThread": True, "lastDecisionReason": reason}
    return fields


def _device(rng: SeededRandom, row: Row) -> Row:
    at, origin = row["ts"], row["origin"]
    fields: Row = {}
    if origin == "web-chat":
        block = rng.pick(("192.0.2", "198.51.100", "203.0.113"))
        fields["ipAddress"] = f"{block}.{rng.below(256)}"
        fields |= {"userOs": "Android", "userBrowser": "Chrome", "userPlatform": "mobile"}
    if origin in ("phone", "outbound-call"):
        key = f"{row['ID']}-{at:x}"
        url = f"https://storage.example.com/recordings/{key}.wav?token=rec-secret-{at:x}"
        fields["vapi"] = {"cost": 0.12, "callDuration": rng.between(5, 900), "recordingUrl": url}
        fields["convoTimeSeconds"] = fields["vapi"]["callDuration"]
        if rng.chance(30):
            fields["voice"] = {"listenUrl": f"wss://listen.example.com/{key}", "listenUrlUNIX": at}
    if origin == "whatsapp":
        fields["whatsappPhoneNumberId"] = "109876543210987"
        fields["whatsappDisplayPhoneNumber"] = "+1 555 010 0199"
    return fields


def add_hostile_text(rng: SeededRandom, row: Row) -> None:
    """Make a few visitors attackers: one field holds hostile text."""
    if not rng.chance(3):
        return
    text = rng.pick(texts.HOSTILE)
    row[rng.pick(_HOSTILE_FIELDS)] = text
    if rng.chance(20):
        row["capturedVariables"] = {text: text}


def _token_usage(rng: SeededRandom, row: Row) -> Row:
    model, turns = rng.pick(_MODELS), row["messagesNum"]
    tokens_in, tokens_out = turns * rng.between(300, 2000), turns * rng.between(20, 200)
    usd = round(tokens_in * 4e-7 + tokens_out * 1.6e-6, 6)
    used = {"modelId": model, "inputTokens": tokens_in, "outputTokens": tokens_out}
    return {
        "cumulativeInputTokens": tokens_in,
        "cumulativeOutputTokens": tokens_out,
        "cumulativeTotalTokens": tokens_in + tokens_out,
        "cumulativeUsd": usd,
        "lastTurnModelId": model,
        "lastTurnTs": row["ts"],
        "usagePerModel": {
            model: {
                **used,
                "totalTokens": tokens_in + tokens_out,
                "usd": usd,
                "lastUsedTs": row["ts"],
            }
        },
    }


def _captured(rng: SeededRandom, name: str) -> Json:
    return rng.pick(
        (
            {"name": name, "team_size": rng.between(1, 80), "budget": "5k", "urgent": True},
            {"need": {"product": "voice agent", "languages": ["en", "ar"]}, "api_token": "sk-x"},
            [{"name": "city", "value": "Köln"}, {"name": "seats", "value": 12}],
            "free text, not JSON",
            '{"json": "in a string"}',
            rng.between(0, 9999),
            3.25,
            True,
            [],
            {},
        )
    )
