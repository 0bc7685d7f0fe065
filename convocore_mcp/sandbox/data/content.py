"""The visitor's part of a conversation: who, on which channel, what was said and captured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from convocore_mcp.sandbox.data import texts
from convocore_mcp.sandbox.data.people import Person, written
from convocore_mcp.sandbox.data.pipeline import SUBJECT_OF_STAGE

if TYPE_CHECKING:
    from convocore_mcp.sandbox.data.chance import Dice
    from convocore_mcp.sandbox.shapes import Json, Row

CHANNELS: Final = (
    *["web-chat"] * 7, *["whatsapp"] * 6, *["instagram"] * 3, *["phone"] * 3, "messenger",
    "messenger", "telegram", "sms", "outbound-call", "email", "discord",
)  # fmt: skip
_TAGS: Final = ("new-lead", "vip", "pricing", "support", "renewal", "Messe 2026", "中文", "spam?")
_MODELS: Final = ("gpt-5-mini", "claude-sonnet-5", "gemini-3-flash")
_POISONED: Final = ("lastMessage", "userName", "notes", "summary", "title", "userCompany")


def channel(dice: Dice, who: Person | None) -> str:
    """Where they write: a person keeps to two or three channels."""
    if who is None or dice.chance(10):
        return dice.pick(CHANNELS)
    return CHANNELS[(who.number * 7 + dice.below(3) * 5) % len(CHANNELS)]


def tags(dice: Dice) -> list[str]:
    """None, mostly; else one or two."""
    if dice.chance(60):
        return []
    first = dice.pick(_TAGS)
    return [first] if dice.chance(60) else sorted({first, dice.pick(_TAGS)})


def contact(dice: Dice, who: Person, origin: str, shown: str) -> Row:
    """What this conversation knows of its person: rarely everything."""
    fields: Row = {}
    if dice.chance(88):
        fields["userName"] = who.name if dice.chance(92) else who.name.upper()
    if who.email and dice.chance(74):
        styles = (who.email, who.email, who.email, who.email.title(), f" {who.email} ")
        fields["userEmail"] = dice.pick(styles)
    spoken = origin in ("phone", "outbound-call", "whatsapp", "sms")
    if who.phone and (spoken or dice.chance(55)):
        fields["userPhone"] = written(who.phone, who.calling, dice)
    if who.company and dice.chance(80):
        fields["userCompany"] = who.company
        fields["userWebsite"] = f"https://{who.country.domain}"
    if dice.chance(70):
        fields |= {"countryCode": who.country.code, "lang": who.country.language}
    if dice.chance(35):
        fields["language"] = who.country.language
    # Who shares a phone must always be told apart, or the truth would be a matter of taste.
    if who.identity and (who.shares_phone or shown != "lean" or dice.chance(75)):
        fields["contactIdentityId"] = who.identity
        if dice.chance(30):
            fields["linkedChannels"] = sorted({origin, "web-chat"})
            fields["crossChannelContext"] = "Wrote on another channel before; same question."
    return fields | _reach(dice, who, origin)


def _reach(dice: Dice, who: Person, origin: str) -> Row:
    """Addresses that few conversations have."""
    fields: Row = {}
    if dice.chance(20):
        fields["userAddress"] = f"{dice.between(1, 99)} Main St, {who.country.city}"
    if origin in ("instagram", "messenger", "telegram", "discord"):
        fields["socialHandle"] = f"@{who.handle}"
    if dice.chance(10):
        fields["linkedIn"] = f"https://www.linkedin.com/in/{who.handle}"
    return fields


def talk(dice: Dice, who: Person | None, row: Row) -> Row:
    """What was said last and what it was about, fitting stage and state."""
    subject = SUBJECT_OF_STAGE.get(row.get("stage", ""), "question")
    if row["state"] == "requested_chat":
        subject = "human"
    language = who.country.language if who and dice.chance(85) else "en"
    name = row.get("userName") or "The visitor"
    fields: Row = {
        "lastMessage": dice.pick(texts.lines(language, subject)),
        "summary": texts.SUMMARIES[subject].format(name=name),
        "nodesInfo": {"currentNode": f"node_{subject}"},
        "tokenUsage": _tokens(dice, row),
    }
    if dice.chance(80):
        fields["title"] = texts.TITLES[subject]
    if dice.chance(16):
        fields["notes"] = dice.pick(texts.NOTES)
    if dice.chance(6):
        fields["note"] = dice.pick(texts.NOTES)
    if dice.chance(45):
        fields["capturedVariables"] = _captured(dice, name)
    if row["state"] == "ended_chat" and dice.chance(40):
        fields["ratingFrom5"] = dice.pick((1, 2, 3, 4, 4, 5, 5, 5, 4.5))
        fields["endReason"] = "user-left"
    return fields


def extras(dice: Dice, row: Row) -> Row:
    """What a channel adds: addresses, sessions, recordings, devices, campaigns."""
    at = row["ts"]
    fields = _device(dice, row)
    if dice.chance(15):
        session = {"sessionKey": f"vf-secret-{at:x}", "projectId": "prj_1", "updatedAt": at}
        fields["voiceflowV4Session"] = session
    if dice.chance(25):
        fields["source"] = dice.pick(("google-ads", "referral", "trade fair", "organic"))
    if dice.chance(20):
        fields |= {"sessionsNum": dice.between(1, 5), "lastModified": at + dice.below(4000)}
    if dice.chance(5):
        fields |= {"campaignId": "cmp_autumn", "subIndustry": "Dental"}
    if dice.chance(10):
        fields["detailedCost"] = {"totalCreditsConsumed": 3.5, "llmCost": 0.004}
    if dice.chance(4):
        reason = "phrase matched"
        fields["inboundEngagementState"] = {"aiOwnedThread": True, "lastDecisionReason": reason}
    return fields


def _device(dice: Dice, row: Row) -> Row:
    at, origin = row["ts"], row["origin"]
    fields: Row = {}
    if origin == "web-chat":
        block = dice.pick(("192.0.2", "198.51.100", "203.0.113"))
        fields["ipAddress"] = f"{block}.{dice.below(256)}"
        fields |= {"userOs": "Android", "userBrowser": "Chrome", "userPlatform": "mobile"}
    if origin in ("phone", "outbound-call"):
        key = f"{row['ID']}-{at:x}"
        url = f"https://storage.example.com/recordings/{key}.wav?token=rec-secret-{at:x}"
        fields["vapi"] = {"cost": 0.12, "callDuration": dice.between(5, 900), "recordingUrl": url}
        fields["convoTimeSeconds"] = fields["vapi"]["callDuration"]
        if dice.chance(30):
            fields["voice"] = {"listenUrl": f"wss://listen.example.com/{key}", "listenUrlUNIX": at}
    if origin == "whatsapp":
        fields["whatsappPhoneNumberId"] = "109876543210987"
        fields["whatsappDisplayPhoneNumber"] = "+1 555 010 0199"
    return fields


def poison(dice: Dice, row: Row) -> None:
    """Once in a while a visitor is no visitor but an attack."""
    if not dice.chance(3):
        return
    text = dice.pick(texts.HOSTILE)
    row[dice.pick(_POISONED)] = text
    if dice.chance(20):
        row["capturedVariables"] = {text: text}


def _tokens(dice: Dice, row: Row) -> Row:
    model, sync_locks = dice.pick(_MODELS), row["messagesNum"]
    given, made = sync_locks * dice.between(300, 2000), sync_locks * dice.between(20, 200)
    usd = round(given * 4e-7 + made * 1.6e-6, 6)
    used = {"modelId": model, "inputTokens": given, "outputTokens": made}
    return {
        "cumulativeInputTokens": given,
        "cumulativeOutputTokens": made,
        "cumulativeTotalTokens": given + made,
        "cumulativeUsd": usd,
        "lastTurnModelId": model,
        "lastTurnTs": row["ts"],
        "usagePerModel": {
            model: {**used, "totalTokens": given + made, "usd": usd, "lastUsedTs": row["ts"]}
        },
    }


def _captured(dice: Dice, name: str) -> Json:
    return dice.pick(
        (
            {"name": name, "team_size": dice.between(1, 80), "budget": "5k", "urgent": True},
            {"need": {"product": "voice agent", "languages": ["en", "ar"]}, "api_token": "sk-x"},
            [{"name": "city", "value": "Köln"}, {"name": "seats", "value": 12}],
            "free text, not JSON",
            '{"json": "in a string"}',
            dice.between(0, 9999),
            3.25,
            True,
            [],
            {},
        )
    )
